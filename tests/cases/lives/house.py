"""What happens to the house: group sessions, units over time, the project, packages, rebase."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import select

from cases import (
    attendance,
    distributors,
    organisation,
    package_saving,
    project,
    rebase,
    sessions,
    units,
)
from cases.access import OPERATOR, Viewer
from cases.model import Case, Phase, UndoReason
from cases.organisation import REGIONS
from cases.package_moves import fingerprint, move_of
from cases.project import Stage
from cases.tables import case_, group_attendance, group_session, unit_version
from core.clock import local_date
from tests.cases.desk import ADMIN, COORDINATOR, OFFICER, UNIT_LEAD, UNITS, all_refs
from tests.cases.lives.always import used_packages
from tests.cases.lives.machine import WAITS, WHICH, codes
from tests.cases.lives.ways_out import WaysOut

DATA = Path(__file__).parents[2] / "data"
OVERLAYS = tuple((DATA / f"overlay-a-{n}.toml").read_text("utf-8") for n in (1, 2))
NATIONAL = (resources.files("cases") / "packages" / "national-1.toml").read_text("utf-8")
NATIONAL_2 = (
    NATIONAL.replace('key = "national-1"', 'key = "national-2"')
    .replace("number = 1", "number = 2")
    .replace('"R - 14 d"', '"R - 21 d"')
)

GROUPED = ("brief_info", "talk_held", "intake_talk")
ADMINS = st.sampled_from([ADMIN] * 6 + [OPERATOR] * 3 + [UNIT_LEAD, COORDINATOR])
LEADS = st.sampled_from([OPERATOR] * 4 + [COORDINATOR, UNIT_LEAD, OFFICER])
UNIT = st.sampled_from(UNITS)
NEAR = st.integers(-30, 20)
"""Days from today for what is changed as of a day."""


class House(WaysOut):
    """Everything that happens to units, packages and groups, beside what happens to persons."""

    def __init__(self) -> None:
        super().__init__()
        self.used: dict[str, Any] = {}

    # --- group sessions ---

    @rule(
        viewer=LEADS,
        unit=UNIT,
        task=st.sampled_from(GROUPED),
        hours=st.integers(-100, 200),
        minutes=st.sampled_from([60, 60, 180]),
        capacity=st.none() | st.integers(1, 3),
    )
    def a_session_is_planned(self, *, viewer: Viewer, hours: int, **said: Any) -> None:
        starts_at = self.now + timedelta(hours=hours)
        unit, task = said.pop("unit"), said.pop("task")
        self._do(sessions.plan_session, viewer, unit, task, starts_at, refs=(), **said)

    @rule(
        viewer=LEADS,
        nth=st.integers(0, 3),
        what=st.sampled_from(["add", "add", "add", "remove", "cancel"]),
        whom=st.sets(WHICH, min_size=1),
    )
    def a_list_is_made(self, viewer: Viewer, nth: int, what: str, whom: set[int]) -> None:
        ref, refs = self._session(nth, "planned"), self._refs(whom)
        if ref is None or not refs:
            return
        if what == "add":
            self._do(sessions.add_cases, viewer, ref, refs, refs=())
        elif what == "remove":
            listed = self._listed(ref)
            one = listed[nth % len(listed)] if listed else refs[0]
            self._do(sessions.remove_case, viewer, ref, one, refs=())
        else:
            self._do(sessions.cancel_session, viewer, ref, refs=())

    @rule(viewer=LEADS, nth=st.integers(0, 3), whom=st.sets(WHICH), back=st.none() | WAITS)
    def a_session_is_held(self, viewer: Viewer, nth: int, whom: set[int], back: Any) -> None:
        ref = self._session(nth, "planned")
        if ref is not None:
            held_at = None if back is None else self.now - back
            self._do(attendance.hold, viewer, ref, self._refs(whom), held_at=held_at)

    @rule(
        viewer=LEADS,
        nth=st.integers(0, 3),
        whom=WHICH,
        attended=st.sampled_from(["present", "absent"]),
        why=codes(UndoReason),
    )
    def an_attendance_is_corrected(
        self, viewer: Viewer, nth: int, whom: int, attended: str, why: str
    ) -> None:
        ref, refs = self._session(nth, "held"), self._refs({whom})
        if ref is not None and refs:
            reason = why if attended == "absent" else None
            self._do(attendance.correct, viewer, ref, refs[0], attended, reason=reason)

    @rule(
        which=WHICH,
        others=st.sets(WHICH),
        task=st.sampled_from(GROUPED),
        hours=st.integers(1, 30),
        taken_off=st.booleans(),
        attended=st.sampled_from(["present", "absent"]),
        why=codes(UndoReason),
    )
    def a_group_meets(
        self,
        *,
        which: int,
        others: set[int],
        task: str,
        hours: int,
        taken_off: bool,
        attended: str,
        why: str,
    ) -> None:
        """From the invitation to what is put right afterwards: seldom met step by step."""
        case = self._case(which)
        starts_at = self.now - timedelta(hours=hours)
        session = self._do(sessions.plan_session, OPERATOR, case.unit, task, starts_at, refs=())
        if session is None:
            return
        refs = [case.ref, *(ref for ref in self._refs(others) if ref != case.ref)]
        invited = [ref for ref in refs if self.desk.case(ref).unit == case.unit]
        self._do(sessions.add_cases, OPERATOR, session.ref, invited, refs=())
        if taken_off:
            self._do(sessions.remove_case, OPERATOR, session.ref, invited[-1], refs=())
        came = invited if attended == "absent" else invited[1:]
        self._do(attendance.hold, OPERATOR, session.ref, came)
        reason = why if attended == "absent" else None
        self._do(attendance.correct, OPERATOR, session.ref, case.ref, attended, reason=reason)

    def _session(self, nth: int, state: str) -> str | None:
        with self.desk.db.read() as tx:
            query = select(group_session.c.ref).where(group_session.c.state == state)
            found: list[str] = list(tx.execute(query.order_by(group_session.c.id)).scalars())
        return found[nth % len(found)] if found else None

    def _listed(self, ref: str) -> list[str]:
        """Who stands on the list of a session."""
        with self.desk.db.read() as tx:
            query = (
                select(case_.c.ref)
                .join(group_attendance, group_attendance.c.case_id == case_.c.id)
                .join(group_session, group_session.c.id == group_attendance.c.session_id)
                .where(group_session.c.ref == ref)
            )
            return list(tx.execute(query.order_by(case_.c.id)).scalars())

    def _refs(self, whom: set[int]) -> list[str]:
        every = list(all_refs(self.desk))
        return sorted({every[one % len(every)] for one in whom}) if every else []

    # --- units ---

    @rule(
        viewer=ADMINS,
        codes=st.sets(UNIT, min_size=1, max_size=2),
        into=UNIT,
        days=NEAR,
        sure=st.integers(0, 2),
    )
    def units_become_one(
        self, viewer: Viewer, codes: set[str], into: str, days: int, sure: int
    ) -> None:
        if sure == 0:  # not always, because of three units little is left then
            on = self._today(days)
            self._do(units.merge, viewer, sorted(codes), into, on=on)
            self._forget_reports(on)

    @rule(
        viewer=ADMINS,
        unit=UNIT,
        what=st.sampled_from(["rename", "region", "parent", "municipality", "close", "open"]),
        region=st.sampled_from(sorted(REGIONS)),
        other=st.none() | UNIT,
        days=NEAR,
    )
    def a_unit_changes(
        self,
        *,
        viewer: Viewer,
        unit: str,
        what: str,
        region: str,
        other: str | None,
        days: int,
    ) -> None:
        on = self._today(days)
        self._forget_reports(on)
        if what == "rename":
            self._do(units.rename, viewer, unit, f"{unit} {days}", on=on)
        elif what == "region":
            self._do(units.move_region, viewer, unit, region, on=on)
        elif what == "parent":
            self._do(units.move_parent, viewer, unit, other, on=on)
        elif what == "municipality":
            self._do(units.move_municipality, viewer, unit, f"{other}-by", on=on)
        elif what == "close":
            self._do(units.close_unit, viewer, unit, on=on)
        else:
            self._open_unit(unit)

    def _open_unit(self, like: str) -> None:
        """A unit that is there already is corrected by an import; one that ended begins again."""
        with self.desk.db.read() as tx:
            ended = tx.execute(
                select(unit_version.c.valid_to).where(
                    unit_version.c.unit == like, unit_version.c.valid_to.is_not(None)
                )
            ).first()
        row = {
            "code": f"{like}x" if ended else like,
            "name": f"{like.upper()} fengsel",
            "kind": "prison",
            "region": "Nord",
            "host_municipality": f"{like}-by",
        }
        self._do(organisation.import_units, [row])
        self.reports.clear()

    def _forget_reports(self, on: date) -> None:
        """What a unit is from a day on may be said later, and is so in every count of that day.

        Units have no "as of": a frozen report keeps the figures that were given.
        """
        self.reports = [each for each in self.reports if local_date(each[1]) < on]

    # --- the project, and who may hand out sprays ---

    @rule(viewer=ADMINS, unit=UNIT, stage=codes(Stage), days=NEAR, what=st.integers(0, 3))
    def the_project_goes_on(
        self, viewer: Viewer, unit: str, stage: str, days: int, what: int
    ) -> None:
        on = self._today(days)
        if what == 0:
            self._do(project.record_stage, viewer, unit, stage, on=on, refs=())
        elif what == 1:
            self._do(project.introduce_naloxone, viewer, unit, on=on, refs=())
        elif what == 2:
            self._do(project.attend_network, viewer, unit, on=on, refs=())
        else:
            self._do(project.record_visit, viewer, unit, on=on, refs=())

    @rule(
        viewer=ADMINS,
        user=st.sampled_from(["health.a", "health.b", "nobody"]),
        unit=UNIT,
        days=NEAR,
        lasts=st.none() | st.integers(0, 60),
        ends=st.booleans(),
    )
    def a_distributor_is_certified(
        self,
        *,
        viewer: Viewer,
        user: str,
        unit: str,
        days: int,
        lasts: int | None,
        ends: bool,
    ) -> None:
        on = self._today(days)
        if ends:
            self._do(distributors.uncertify, viewer, user, unit, on=on, refs=())
        else:
            until = None if lasts is None else on + timedelta(days=lasts)
            self._do(distributors.certify, viewer, user, unit, on=on, until=until, refs=())

    # --- packages ---

    @rule(viewer=ADMINS, unit=UNIT, nth=st.integers(0, 1), days=st.integers(-1, 10))
    def a_unit_goes_its_own_way(self, viewer: Viewer, unit: str, nth: int, days: int) -> None:
        text = OVERLAYS[nth].replace(f'key = "a-{nth + 1}"', f'key = "{unit}-{nth + 1}"')
        on = self._today(days)
        self._do(package_saving.save_overlay, viewer, unit, text, valid_from=on, refs=())

    @rule(
        viewer=ADMINS,
        key=st.sampled_from(["national-1", "national-2", "national-1+a-1"]),
        unit=st.none() | UNIT,
        days=st.integers(-1, 10),
        edited=st.integers(0, 3),
    )
    def a_package_is_given(
        self, viewer: Viewer, key: str, unit: str | None, days: int, edited: int
    ) -> None:
        if key == "national-2":
            text = NATIONAL_2 + f"\n# edited {edited}\n"
            self._do(package_saving.save_national, viewer, text, refs=())
        on: date = self._today(days)
        self._do(package_saving.put_in_force, viewer, unit, key, valid_from=on, refs=())

    @rule(viewer=LEADS, unit=UNIT)
    def cases_are_moved_to_the_package_in_force(self, viewer: Viewer, unit: str) -> None:
        """What was shown is what is done, to the last due time, or it is not done."""
        before = {ref: self.desk.case(ref) for ref in all_refs(self.desk)}
        shown = self._do(rebase.preview_rebase, viewer, unit, refs=())
        if shown is None:
            return
        assert {ref: self.desk.case(ref) for ref in before} == before, "a preview changed a case"
        done = self._do(rebase.rebase, viewer, unit, seen=fingerprint(shown))
        if done is None:
            return
        assert done == shown
        after = {ref: self.desk.case(ref) for ref in before}
        for move in shown:
            self._check_moved(before[move.ref], after[move.ref])
            assert move_of(before[move.ref], after[move.ref]) == move
        moved = {move.ref for move in shown}
        assert all(after[ref] == case for ref, case in before.items() if ref not in moved)

    def _check_moved(self, before: Case, after: Case) -> None:
        assert after.package != before.package
        assert before.phase is not Phase.CLOSED
        for task in before.tasks:
            if task.finished:
                now = after.task(task.code)
                assert now is not None
                assert (now.state, now.done_at, now.done_by, now.recorded_at) == (
                    task.state,
                    task.done_at,
                    task.done_by,
                    task.recorded_at,
                ), "what is done stays done"

    def _check_house(self, *, swept: bool = False) -> None:
        super()._check_house(swept=swept)
        used = self.desk.look(used_packages)
        for key, digest in self.used.items():
            assert used.get(key) == digest, "a package that cases use was changed"
        self.used = used
