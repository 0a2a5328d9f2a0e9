"""Playing the edge cases: the steps of every story through the real verbs, all in one house.

The stories of all files are lived at the same time in one database, moment by moment. Between two
moments the sweep runs at every instant at which something is due and messages leave at theirs, so
that what is told and sent does not depend on when somebody happened to look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection, func, select

from cases import (
    accounts,
    appointments,
    distributors,
    duplicates,
    organisation,
    package_saving,
    people,
    protection,
    rebase,
    release,
    service,
    short_form,
    sweep,
    transfers,
    units,
)
from cases.access import OPERATOR, SYSTEM, Viewer
from cases.appointments import Booking
from cases.inmate_no import normal_inmate_no
from cases.model import Case, Owner, Protection, ReleaseKind, Role, Source, TransferState
from cases.package_moves import fingerprint
from cases.queries import case_by_ref
from cases.registry import register_national
from cases.roster import import_roster
from cases.rules import TaskNotOpen
from cases.sending import ASK
from cases.service import Admission, TaskDone
from cases.short_form import ShortForm
from cases.tables import case_, person, person_identifier, task
from cases.vault import Identity, digest
from cases.views import read_case
from core.clock import frozen_clock, parse_date, parse_instant
from core.db import Database
from core.errors import OverlevError
from notifications.delivery import deliver
from notifications.sender import MemorySender
from notifications.tables import outbox
from tests.edge_case_files import FOLDER, Step, several, table_under

FURNISHED_AT: Final = parse_instant("2026-01-02 08:00")

ROLES: Final = {
    "nurse": Role.HEALTH,
    "health lead": Role.HEALTH_LEAD,
    "officer": Role.OFFICER,
    "coordinator": Role.COORDINATOR,
    "unit lead": Role.UNIT_LEAD,
}
SPOKEN: Final = {role.value: name for name, role in ROLES.items()}
_OWNERS: Final = {
    Owner.HEALTH: Role.HEALTH,
    Owner.OFFICER: Role.OFFICER,
    Owner.COORDINATOR: Role.COORDINATOR,
    Owner.ANY: Role.OFFICER,
}


@dataclass(slots=True)
class House:
    """The database with its units and staff, and what the stories call their cases.

    `refs` are the cases by (file, case), `booked` the appointments by (file, case, name).
    """

    db: Database
    folder: Path
    refs: dict[tuple[str, str], str] = field(default_factory=dict)
    booked: dict[tuple[str, str, str], str] = field(default_factory=dict)
    sender: MemorySender = field(default_factory=MemorySender)
    blocks: dict[str, dict[str, str]] = field(default_factory=dict)

    def furnish(self) -> None:
        """The units of `units.md`, each with somebody in every role."""
        header, *rows = table_under(FOLDER / "units.md", "The units")
        with self.db.write() as tx:
            register_national(tx, now=FURNISHED_AT)
            cells = [dict(zip(header, row, strict=True)) for row in rows]
            organisation.import_units(
                tx,
                [{k: v for k, v in row.items() if k != "distributor since"} for row in cells],
                now=FURNISHED_AT,
            )
            for row in cells:
                for role in ROLES.values():
                    name = f"{role.value.replace('_', '-')}.{row['code']}"
                    accounts.add(
                        tx, name, "", role.value, [row["code"]], password=None, now=FURNISHED_AT
                    )
                if since := row["distributor since"]:
                    distributors.certify(
                        tx,
                        OPERATOR,
                        f"health.{row['code']}",
                        row["code"],
                        on=parse_date(since),
                        now=FURNISHED_AT,
                    )

    # --- time ----------------------------------------------------------------------------------

    def live_until(self, instant: datetime, *, through: bool) -> None:
        """Sweep and send at every instant before this one, and at it if `through`."""
        while True:
            due_at, send_at = self._due_at(), self._send_at()
            following = min((at for at in (due_at, send_at) if at is not None), default=None)
            if following is None or following > instant or (following == instant and not through):
                return
            if due_at == following:
                sweep.sweep(self.db, now=following)
                after = self._due_at()
                assert after is None or after > following, "the sweep left something behind"
            if self._send_at() == following:
                self.send(following)
                left = self._send_at()
                assert left is None or left > following, "a message was left behind"

    def send(self, now: datetime) -> None:
        """Let everything go that is due."""
        deliver(
            self.db,
            self.sender,
            ask=ASK,
            clock=frozen_clock(now),
            owner=f"test-{now.timestamp()}",
        )

    def _due_at(self) -> datetime | None:
        with self.db.read() as tx:
            wakes = [
                tx.execute(select(func.min(table.c.wake_at, type_=table.c.wake_at.type))).scalar()
                for table in (task, case_)
            ]
        return min((wake for wake in wakes if wake is not None), default=None)

    def _send_at(self) -> datetime | None:
        first = select(func.min(outbox.c.send_at, type_=outbox.c.send_at.type))
        with self.db.read() as tx:
            found: datetime | None = tx.execute(first.where(outbox.c.state == "wanted")).scalar()
        return found

    # --- steps ---------------------------------------------------------------------------------

    def play(self, step: Step) -> None:
        """One step, for each of its cases, or the refusal that the story expects of it."""
        if "cases" in step.details and step.what != "rebased":
            kept = {name: value for name, value in step.details.items() if name != "cases"}
            for number in several(step.details["cases"]):
                self.play(replace(step, details=kept | {"case": number}))
            return
        verb: Callable[[House, Step], None] = globals()[f"_{step.what.replace(' ', '_')}"]
        refused = step.details.get("refused")
        if refused is None:
            verb(self, step)
            return
        with pytest.raises(OverlevError, match=refused):
            verb(self, step)

    def do(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.db.transact(lambda tx: verb(tx, *args, **kwargs))

    def case(self, step: Step) -> Case:
        with self.db.read() as tx:
            return case_by_ref(tx, SYSTEM, self.refs[step.file, step.case])

    def viewer(self, step: Step, role: Role | None = None) -> Viewer:
        """Who acts: a role, in the unit that owns the case or in the one that is named."""
        if step.who == "operator":
            return OPERATOR
        name, _, unit = step.who.partition(" of ")
        of_role = role or ROLES[name]
        code = unit or self.case(step).unit
        with self.db.read() as tx:
            return accounts.viewer_of(tx, f"{of_role.value.replace('_', '-')}.{code}", now=step.at)


def _instant(step: Step, name: str) -> datetime | None:
    return parse_instant(step.details[name]) if name in step.details else None


def _admitted(house: House, step: Step) -> None:
    said = step.details
    kind, on = said["planned"].split() if "planned" in said else ("full_term", None)

    def admit(tx: Connection) -> Case:
        first, _, last = said.get("name", "Kari Nordmann").rpartition(" ")
        who = people.register(
            tx,
            people.NewPerson(
                Identity(
                    said.get("number", f"{step.file[:2]}{step.case}"),
                    first,
                    last,
                    parse_date(said["born"]) if "born" in said else None,
                ),
                language=said.get("language", "nb"),
                protection=Protection(said.get("protection", "UGRADERT")),
                phone=said.get("phone"),
            ),
            now=step.at,
        )
        admission = Admission(
            who.ref,
            who.counted_as,
            said["unit"],
            _instant(step, "at") or step.at,
            release_on=parse_date(on) if on else None,
            release_kind=ReleaseKind(kind),
            source=Source.STAFF,
        )
        return service.admit(tx, OPERATOR, admission, now=step.at)

    house.refs[step.file, step.case] = house.db.transact(admit).ref


def _roster(house: House, step: Step) -> None:
    said = step.details
    path = house.folder / f"{step.file}-{said['file']}.csv"
    path.write_text(house.blocks[step.file][said["file"]], encoding="utf-8")
    result = import_roster(house.db, path, house.viewer(step), now=step.at, demo=True)
    found = {
        name: str(getattr(result, name))
        for name in ("created", "updated", "unchanged", "released", "transfers_proposed")
    }
    found["rejected"] = ", ".join(r.reason for r in result.rejected) or "0"
    found["warnings"] = ", ".join(sorted(w.reason for w in result.warnings)) or "0"
    expected = {name: said.get(name, "0") for name in found}
    assert found == expected, f"{step.file}:{step.line}"
    for name, number in said.items():
        if name.startswith("case "):
            house.refs[step.file, name.removeprefix("case ")] = house.do(_newest, number)


def _newest(tx: Connection, number: str) -> str:
    query = (
        select(case_.c.ref)
        .join(person, person.c.id == case_.c.person_id)
        .join(person_identifier, person_identifier.c.person_id == person.c.id)
        .where(
            person_identifier.c.kind == people.INMATE_NO,
            person_identifier.c.digest == digest(tx, people.INMATE_NO, normal_inmate_no(number)),
        )
        .order_by(case_.c.id.desc())
    )
    ref: str = tx.execute(query).scalars().first() or ""
    return ref


def _answer(house: House, step: Step) -> None:
    said = step.details
    house.do(
        service.answer_offer,
        house.viewer(step),
        house.refs[step.file, step.case],
        said["is"],
        now=step.at,
        happened_at=_instant(step, "given"),
        reason=said.get("reason"),
    )


def _done(house: House, step: Step) -> None:
    said = step.details
    case = house.case(step)
    for code in several(said["tasks"]):
        this = case.task(code)
        owner = _OWNERS[this.owner] if this is not None and step.who == "owners" else None
        form = said.get("form")
        done = TaskDone(code, _instant(step, "at"), form, said.get("with"))
        house.do(service.complete_task, house.viewer(step, owner), case.ref, done, now=step.at)


def _waived(house: House, step: Step) -> None:
    said = step.details
    for code in several(said["tasks"]):
        house.do(
            service.waive_task,
            house.viewer(step),
            house.refs[step.file, step.case],
            code,
            said["reason"],
            now=step.at,
            happened_at=_instant(step, "at"),
        )


def _undone(house: House, step: Step) -> None:
    said = step.details
    house.do(
        service.undo_task,
        house.viewer(step),
        house.refs[step.file, step.case],
        said["tasks"],
        said["reason"],
        now=step.at,
    )


def _raced(house: House, step: Step) -> None:
    """Two people complete the same task in the same second: one does, one hears who did."""
    code = step.details["tasks"]
    ref = house.refs[step.file, step.case]
    line = threading.Barrier(2)
    racers = [house.viewer(step, ROLES[name]) for name in ("officer", "unit lead")]

    def complete(viewer: Viewer) -> str | TaskNotOpen:
        line.wait()
        try:
            house.do(service.complete_task, viewer, ref, TaskDone(code), now=step.at)
        except TaskNotOpen as beaten:
            return beaten
        return viewer.account

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(complete, racers))
    winners = [each for each in results if isinstance(each, str)]
    beaten = [each for each in results if isinstance(each, TaskNotOpen)]
    assert (len(winners), len(beaten)) == (1, 1)
    assert beaten[0].current["done_by"] == winners[0]


def _date(house: House, step: Step) -> None:
    said = step.details
    on = None if said["is"] == "withdrawn" else parse_date(said["is"])
    house.do(
        release.set_release_date,
        house.viewer(step),
        house.refs[step.file, step.case],
        on,
        kind=said["kind"],
        now=step.at,
    )


def _released(house: House, step: Step) -> None:
    said = step.details
    house.do(
        release.release,
        house.viewer(step),
        house.refs[step.file, step.case],
        now=step.at,
        released_at=_instant(step, "at"),
        to=said.get("to", "liberty"),
        unplanned=said.get("unplanned"),
    )


def _short_form(house: House, step: Step) -> None:
    said = step.details
    given = several(said["given"])
    form = ShortForm(
        risk_talk="risk talk" in given,
        signs_and_113="signs and 113" in given,
        spray="spray" in given,
        short_training="training" in given,
        card="card" in given,
        call_booked_at=_instant(step, "call"),
        held_at=_instant(step, "held"),
    )
    viewer = house.viewer(step)
    ref = house.refs[step.file, step.case]
    after: Case = house.do(
        short_form.release_unplanned,
        viewer,
        ref,
        said["reason"],
        form,
        now=step.at,
        released_at=_instant(step, "at"),
    )
    if "call" in said:
        house.booked[step.file, step.case, "call"] = after.appointments[-1].id


def _consent(house: House, step: Step) -> None:
    for what in several(step.details["to"]):
        purpose, receiver = (what, None) if what in ("sms", "research") else ("sharing", what)
        house.do(
            service.record_consent,
            house.viewer(step),
            house.refs[step.file, step.case],
            purpose,
            given=step.details.get("given", "yes") == "yes",
            now=step.at,
            receiver=receiver,
        )


def _booked(house: House, step: Step) -> None:
    said = step.details
    before = {each.id for each in house.case(step).appointments}
    booking = Booking(
        said["kind"],
        parse_instant(said["at"]),
        "Dr. Moen",
        "Storgata 1",
        status=said.get("status", "confirmed"),
    )
    after: Case = house.do(
        appointments.book,
        house.viewer(step),
        house.refs[step.file, step.case],
        booking,
        now=step.at,
    )
    _call(house, step, after, before, said["kind"])


def _moved(house: House, step: Step) -> None:
    said = step.details
    before = {each.id for each in house.case(step).appointments}
    moving = house.booked[step.file, step.case, said["of"]]
    after: Case = house.do(
        appointments.move, house.viewer(step), moving, parse_instant(said["to"]), now=step.at
    )
    _call(house, step, after, before, f"{said['of']} moved")


def _call(house: House, step: Step, after: Case, before: set[str], name: str) -> None:
    new = next(each.id for each in after.appointments if each.id not in before)
    house.booked[step.file, step.case, step.details.get("called", name)] = new


def _outcome(house: House, step: Step) -> None:
    said = step.details
    house.do(
        appointments.record_outcome,
        house.viewer(step),
        house.booked[step.file, step.case, said["of"]],
        said["is"],
        now=step.at,
        happened_at=_instant(step, "at"),
    )


def _transfer(house: House, step: Step) -> None:
    house.do(
        transfers.propose_transfer,
        house.viewer(step),
        house.refs[step.file, step.case],
        step.details["to"],
        now=step.at,
    )


def _transfer_answered(house: House, step: Step) -> None:
    waiting = next(t for t in house.case(step).transfers if t.state is TransferState.PROPOSED)
    house.do(
        transfers.answer_transfer,
        house.viewer(step),
        waiting.id,
        step.details["is"],
        now=step.at,
    )


def _closed(house: House, step: Step) -> None:
    house.do(
        release.close,
        house.viewer(step),
        house.refs[step.file, step.case],
        step.details["reason"],
        now=step.at,
        closed_at=_instant(step, "at"),
    )


def _named(house: House, step: Step) -> None:
    house.do(
        protection.grant,
        house.viewer(step),
        house.refs[step.file, step.case],
        step.details["user"],
        now=step.at,
    )


def _looks(house: House, step: Step) -> None:
    house.do(read_case, house.viewer(step), house.refs[step.file, step.case], now=step.at)


def _units_merged(house: House, step: Step) -> None:
    said = step.details
    house.do(
        units.merge, OPERATOR, [said["unit"]], said["into"], on=parse_date(said["on"]), now=step.at
    )


def _overlay(house: House, step: Step) -> None:
    said = step.details
    text = (FOLDER / said["file"]).read_text(encoding="utf-8")
    house.do(
        package_saving.save_overlay,
        OPERATOR,
        said["unit"],
        text,
        now=step.at,
        valid_from=parse_date(said["from"]),
    )


def _rebased(house: House, step: Step) -> None:
    said = step.details
    viewer = house.viewer(step)
    shown = house.do(rebase.preview_rebase, viewer, said["unit"], now=step.at)
    moves = house.do(
        rebase.rebase,
        viewer,
        said["unit"],
        now=step.at,
        seen=fingerprint(shown),
    )
    of_story = {house.refs[file, name]: name for file, name in house.refs if file == step.file}
    assert [of_story.get(move.ref) for move in moves] == several(said["cases"])


def _duplicates(house: House, step: Step) -> None:
    viewer = house.viewer(step)
    refs = {ref: name for (file, name), ref in house.refs.items() if file == step.file}
    found: Sequence[duplicates.Proposal] = house.do(duplicates.find, viewer, now=step.at)
    proposals = {
        f"{refs[each.kept.case_ref or '']}+{refs[each.other.case_ref or '']} {each.why}": each
        for each in found
        if each.kept.case_ref in refs and each.other.case_ref in refs
    }
    assert sorted(proposals) == sorted(several(step.details["found"]))
    for pair in several(step.details.get("merge", "")):
        this = next(each for name, each in proposals.items() if name.startswith(pair))
        house.do(duplicates.decide, viewer, this.id, "merge", now=step.at)
