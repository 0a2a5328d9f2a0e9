"""More that happens to persons: ways out of prison, kits, protection, persons found to be one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from cases import (
    appointments,
    contact_made,
    duplicates,
    leave,
    naloxone,
    protection,
    release,
    release_undo,
    service,
    short_form,
    transfers,
)
from cases.access import OPERATOR
from cases.contact_made import Contact, ContactHow, ContactUndoReason
from cases.custody import Kind, RefillReason
from cases.model import (
    AbsenceKind,
    Destination,
    Phase,
    Protection,
    Receiver,
    Role,
    TaskState,
    UnplannedReason,
)
from cases.release_undo import ReleaseUndoReason
from cases.service import TaskDone
from cases.short_form import ShortForm
from cases.tables import case_, naloxone_event, person, person_merge
from tests.cases.desk import HEALTH_LEAD, NURSE, UNITS, all_refs, staff
from tests.cases.lives.machine import DAYS_AHEAD, VIEWERS, WHEN, WHICH, Lives, codes

NURSES = st.sampled_from([NURSE, HEALTH_LEAD, staff(Role.HEALTH, "b"), OPERATOR])
YES = st.booleans()


class WaysOut(Lives):
    """Everything that issue 3 adds to what happens to a person."""

    def __init__(self) -> None:
        super().__init__()
        self.merged: dict[int, tuple[dict[str, str], dict[str, str]]] = {}

    # --- out of prison, rightly or not ---

    @rule(which=WHICH, viewer=VIEWERS, why=codes(ReleaseUndoReason))
    def a_release_is_taken_back(self, which: int, viewer: Any, why: str) -> None:
        every = [self.desk.case(ref) for ref in all_refs(self.desk)]
        gone = [case for case in every if case.released_at is not None]
        case = gone[which % len(gone)] if gone else self._case(which)
        self._try(release_undo.undo_release, {"which": which, "viewer": viewer}, why, case=case)
        after = self.desk.case(case.ref)
        if after.released_at is None:
            assert all(task.missed_at is None for task in after.tasks)
            assert not any(task.state is TaskState.MISSED for task in after.tasks)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        reason=codes(UnplannedReason),
        done=st.tuples(YES, YES, YES, YES, YES),
        accepted=st.sampled_from([None, None, True, False]),
        sharing=st.dictionaries(codes(Receiver), YES, max_size=2),
        call=st.none() | st.integers(0, 4),
        when=WHEN,
        before=st.integers(0, 3),
        to=st.sampled_from([*Destination, "liberty", "liberty"]),
    )
    def somebody_goes_from_court(
        self,
        *,
        reason: str,
        done: tuple[bool, ...],
        accepted: bool | None,
        sharing: dict[str, bool],
        call: int | None,
        when: Any,
        before: int,
        to: str,
        **who: Any,
    ) -> None:
        at = self._at(when, who)
        risk, signs, spray, training, card = done
        gone_at = at or self.now
        form = ShortForm(
            risk_talk=risk,
            signs_and_113=signs,
            spray=spray,
            short_training=training,
            card=card,
            accepted=accepted,
            sharing=sharing,
            call_booked_at=None if call is None else gone_at + timedelta(days=call, hours=1),
            held_at=None if before == 0 else gone_at - timedelta(hours=before),
        )
        self._try(short_form.release_unplanned, who, reason, form, released_at=at, to=to)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        kind=codes(AbsenceKind),
        days=DAYS_AHEAD,
        lasts=st.none() | st.integers(-1, 40),
    )
    def a_leave_is_recorded(self, kind: str, days: int, lasts: int | None, **who: Any) -> None:
        to_on = None if lasts is None else self._today(days + lasts)
        self._try(leave.record_leave, who, kind, from_on=self._today(days), to_on=to_on)

    @rule(which=WHICH, viewer=VIEWERS, seq=st.integers(1, 3), cancel=YES, when=WHEN)
    def a_leave_goes_on(self, seq: int, cancel: bool, when: Any, **who: Any) -> None:
        # One that stands if there is one, so that this finds something to go on with.
        standing = [
            (case, absence.seq)
            for case in map(self.desk.case, all_refs(self.desk))
            for absence in case.absences
            if absence.cancelled_at is None and (cancel or absence.informed_at is None)
        ]
        case, found = standing[seq % len(standing)] if standing else (None, seq)
        if cancel:
            self._try(leave.cancel_leave, who, found, case=case)
        else:
            at = self._at(when, who)
            self._try(leave.inform_again, who, found, case=case, happened_at=at)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        nth=st.integers(0, 3),
        hours=st.integers(-20, 400),
        status=st.sampled_from([None, "confirmed", "requested"]),
        place=st.sampled_from([None, "Gata 2"]),
    )
    def an_appointment_is_moved(
        self, nth: int, hours: int, status: str | None, place: str | None, **who: Any
    ) -> None:
        case = self._case(who["which"])
        if not case.appointments:
            return
        this = case.appointments[nth % len(case.appointments)]
        start = max(this.starts_at, self.now) + timedelta(hours=hours)
        self._try(
            appointments.move, who, start, case=case, about=this.id, status=status, place=place
        )

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        how=codes(ContactHow),
        reached=YES,
        note=st.sampled_from([None, "Har det bra."]),
        when=WHEN,
    )
    def somebody_is_called(
        self, how: str, reached: bool, note: str | None, when: Any, **who: Any
    ) -> None:
        """All that leads to a call: seldom met step by step."""
        case = self._case(who["which"])
        if note is not None and case.phase is Phase.IN_PRISON:  # not always: it ends the stay
            operator = {"which": who["which"], "viewer": OPERATOR}
            self._try(service.answer_offer, operator, "accepted")
            self._try(release.release, operator)
            case = self.desk.case(case.ref)
        at = None if reached else self._at(when, who)
        contact = Contact(how, reached, note)
        self._try(contact_made.record_contact, who, contact, case=case, happened_at=at)

    @rule(which=WHICH, viewer=VIEWERS, why=codes(ContactUndoReason))
    def a_call_is_taken_back(self, which: int, viewer: Any, why: str) -> None:
        every = [self.desk.case(ref) for ref in all_refs(self.desk)]
        made = [(case, each.id) for case in every for each in case.appointments if each.unbooked]
        if made:
            case, about = made[which % len(made)]
            who = {"which": which, "viewer": viewer}
            self._try(contact_made.undo_contact, who, why, case=case, about=about)

    @rule(which=WHICH, unit=st.sampled_from(UNITS), shares=YES)
    def somebody_moves_who_has_answered(self, which: int, unit: str, shares: bool) -> None:
        """All that leads to a health answer left behind: seldom met step by step."""
        who = {"which": which, "viewer": OPERATOR}
        talk = TaskDone("intake_talk", answer="at_risk")
        self._try(service.complete_task, who, talk)
        self._try(service.record_consent, who, "sharing", given=shares, receiver="health")
        self._try(transfers.propose_transfer, who, unit)
        case = self._case(which)
        if case.open_transfer is not None:
            about = case.open_transfer.id
            self._try(transfers.answer_transfer, who, "accept", about=about, case=case)

    @rule(which=WHICH, nurse=NURSES)
    def health_answers_are_handed_on(self, which: int, nurse: Any) -> None:
        case = self._case(which)
        if nurse is NURSE and len(case.stays) > 1:
            nurse = staff(Role.HEALTH, case.stays[-2].unit)
        self._do(transfers.share_health_answers, nurse, case.ref, refs=[case.ref])

    # --- protection ---

    @rule(which=WHICH, viewer=VIEWERS, level=codes(Protection))
    def a_protection_is_recorded(self, level: str, **who: Any) -> None:
        self._try(protection.set_protection, who, level)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        user=st.sampled_from(["health.a", "officer.a", "coordinator.a", "unit-lead.b", "nobody"]),
        take=YES,
    )
    def somebody_is_named(self, which: int, viewer: Any, user: str, take: bool) -> None:
        ref = self._case(which).ref
        verb = protection.revoke if take else protection.grant
        self._do(verb, viewer, ref, user, refs=[ref])

    # --- kits ---

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        kind=codes(Kind),
        unit=st.none() | st.sampled_from([*UNITS, "atlantis"]),
        quantity=st.integers(0, 12),
        lot=st.sampled_from([None, "L1", "L2"]),
        expires=st.none() | DAYS_AHEAD,
        reason=st.none() | codes(RefillReason),
        by=st.sampled_from([None, "health.a", "nobody"]),
        when=WHEN,
    )
    def kits_change_hands(
        self,
        *,
        which: int,
        viewer: Any,
        kind: str,
        unit: str | None,
        expires: int | None,
        by: str | None,
        when: Any,
        **said: Any,
    ) -> None:
        if kind == Kind.RECEIVED and unit is None:
            unit = "a"
        case = self._case(which)
        self._do(
            naloxone.record,
            viewer,
            kind,
            unit=unit,
            ref=None if unit is not None else case.ref,
            expires_on=None if expires is None else self._today(expires),
            distributor=by,
            happened_at=self._at(when, {"which": which}),
            refs=[case.ref],
            **said,
        )

    @rule(nth=st.integers(0, 5), viewer=VIEWERS)
    def a_row_of_the_ledger_is_taken_back(self, nth: int, viewer: Any) -> None:
        with self.desk.db.read() as tx:
            rows = list(tx.execute(select(naloxone_event.c.id)).scalars())
        row = rows[nth % len(rows)] if rows else 1
        self._do(naloxone.undo, viewer, row, refs=())

    # --- persons ---

    @rule(one=WHICH, other=WHICH, viewer=VIEWERS)
    def two_are_said_to_be_one(self, one: int, other: int, viewer: Any) -> None:
        every = list(all_refs(self.desk))
        if every:
            # Mostly two, the next one where it would be the same.
            other = one + 1 if one == other else other
            pair = every[one % len(every)], every[other % len(every)]
            self._do(duplicates.propose, viewer, *pair, refs=())

    @rule(viewer=VIEWERS)
    def those_registered_twice_are_looked_for(self, viewer: Any) -> None:
        self._do(duplicates.find, viewer, refs=())

    @rule(
        nth=st.integers(0, 3),
        viewer=VIEWERS,
        decision=st.sampled_from(["merge", "merge", "reject", "undo", "undo"]),
    )
    def a_pair_is_decided(self, nth: int, viewer: Any, decision: str) -> None:
        state = "merged" if decision == "undo" else "proposed"
        with self.desk.db.read() as tx:
            query = select(person_merge.c.id).where(person_merge.c.state == state)
            ids = list(tx.execute(query.order_by(person_merge.c.id)).scalars())
        pair = ids[nth % len(ids)] if ids else 1
        before = self._counted()
        if decision == "undo":
            found = self._do(duplicates.undo, viewer, pair)
            if found is not None and pair in self.merged:
                self._check_undone(pair, before)
        else:
            found = self._do(duplicates.decide, viewer, pair, decision)
            if found is not None and decision == "merge":
                self.merged[pair] = (before, self._counted())

    def _counted(self) -> dict[str, str]:
        """As whom every person and every case counts, by reference."""
        with self.desk.db.read() as tx:
            persons = tx.execute(select(person.c.ref, person.c.counted_as))
            cases = tx.execute(select(case_.c.ref, case_.c.counted_as))
            return dict(persons.all()) | dict(cases.all())

    def _check_undone(self, pair: int, stood: dict[str, str]) -> None:
        """Everybody is counted as before the merger, where nothing else was said since."""
        before, merged = self.merged.pop(pair)
        if any(stood[ref] != counted for ref, counted in merged.items()):
            return
        now = self._counted()
        assert {ref: now[ref] for ref in before} == before, "an undone merger leaves traces"
