"""Group sessions: planned, filled with people, and the attendance list."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import attendance, people, queries, sessions, worklist
from cases.access import COMPLETERS, Viewer
from cases.model import Form, Role, UndoReason, Visibility
from cases.registry import package_in_force
from cases.session_rows import Session, SessionState
from cases.sessions import NotEnoughPlaces
from cases.task_line import Filter
from core.clock import local_date
from core.errors import BadInput
from web.i18n import marked
from web.pages import rows
from web.pages.dates import for_input
from web.pages.forms import Errors, chosen, time_in, tried
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address, whole
from web.pages.words import WORDS, label_of
from web.policy import CASE_WORKERS, allow

PAST: Final = timedelta(days=30)
INVITABLE: Final = timedelta(days=400)

router: Final = Pages()


@router.get("/sessions")
@allow(CASE_WORKERS)
def sessions_page(visit: Visited) -> Response:
    """The groups of one's units, and the form for a new one."""
    return _list(visit, {})


@router.post("/sessions")
@allow(CASE_WORKERS)
def plan(visit: Visited) -> Response:
    """Plan one."""

    def verb(tx: Connection) -> str:
        at = time_in(visit, "at")
        if at is None:
            raise BadInput("missing", "Give date and time.", "at")
        if _has_passed(visit, at) and visit.typed("been") != "yes":
            raise BadInput("day_has_passed", "The day has passed: was it held already?", "at")
        places = visit.typed("capacity")
        made = sessions.plan_session(
            tx,
            visit.viewer,
            visit.typed("unit"),
            visit.typed("task"),
            at,
            now=visit.now,
            leader=visit.typed("leader") or None,
            place=visit.typed("place") or None,
            capacity=whole(places),
        )
        return f"/sessions/{made.ref}"

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _list(visit, answer, status=422)


def _has_passed(visit: Visit, at: datetime) -> bool:
    """Whether a group is of an earlier day: held and typed in late, or a slip of the pen."""
    return local_date(at) < local_date(visit.now)


def _tasks(tx: Connection, visit: Visit, viewer: Viewer) -> dict[str, str]:
    """The tasks that this viewer may hold groups for, in the package of the first unit."""
    found: dict[str, str] = {}
    for unit in sorted(viewer.units):
        package = package_in_force(tx, unit, on=local_date(visit.now))
        for rule in package.tasks:
            may = viewer.role in COMPLETERS[rule.owner] | {Role.COORDINATOR}
            if may and Form.GROUP in rule.forms and rule.visibility is Visibility.SHARED:
                found.setdefault(rule.code, rule.labels.in_language(visit.language))
    return found


def _label(tx: Connection, visit: Visit, session: Session) -> str:
    """What the task of a group is called in its unit."""
    package = package_in_force(tx, session.unit, on=local_date(visit.now))
    return label_of(package, session.task, visit.language)


def _list(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    viewer, now = visit.viewer, visit.now
    with visit.house.db.read() as tx:
        units = rows.unit_names(tx, viewer, local_date(now))
        found = [
            each
            for unit in units
            for each in sessions.list_sessions(tx, viewer, unit, first=now - PAST)
        ]
        tasks = _tasks(tx, visit, viewer)
        labels = {each.ref: _label(tx, visit, each) for each in found}
    found.sort(key=lambda each: (each.starts_at, each.ref))
    return page(
        visit,
        "pages/sessions.html",
        status,
        coming=[each for each in found if each.state is SessionState.PLANNED],
        been=[each for each in found if each.state is not SessionState.PLANNED][::-1],
        units=units,
        tasks=tasks,
        labels=labels,
        values=chosen(
            visit.values(),
            at=for_input(now.replace(minute=0) + timedelta(days=1)),
            unit=next(iter(units), ""),
            task=next(iter(tasks), ""),
        ),
        errors=errors,
        passed=_typed_late(visit) if errors else False,
    )


def _typed_late(visit: Visit) -> bool:
    """Whether the time in the form, as far as it is one, is of a day that has passed."""
    try:
        at = time_in(visit, "at")
    except BadInput:
        return False
    return at is not None and _has_passed(visit, at)


@router.get("/sessions/{ref}")
@allow(CASE_WORKERS)
def session_page(visit: Visited, ref: str) -> Response:
    """One group and its list."""
    return _one(visit, ref, {})


@router.post("/sessions/{ref}")
@allow(CASE_WORKERS)
def change(visit: Visited, ref: str) -> Response:
    """Put people on the list, take somebody off, call it off, or enter who was there."""
    do, _, whom = visit.typed("do").partition("/")
    version = visit.typed("version")
    seen = whole(version)

    def verb(tx: Connection) -> str:
        viewer, now = visit.viewer, visit.now
        about = visit.typed_all("add") if do == "add" else [whom]
        if do == "add":
            if not about:
                raise BadInput("nobody_chosen", "Nobody is ticked: choose who comes along.", "add")
            sessions.add_cases(tx, viewer, ref, about, now=now, version=seen)
        elif do == "remove":
            sessions.remove_case(tx, viewer, ref, whom, now=now)
        elif do == "cancel":
            sessions.cancel_session(tx, viewer, ref, now=now)
        elif do == "hold":
            attendance.hold(tx, viewer, ref, visit.typed_all("present"), now=now, version=seen)
        elif do in ("present", "absent"):
            # The button says what was wrong: the person was not there.
            why = UndoReason.NOT_DONE.value if do == "absent" else None
            attendance.correct(tx, viewer, ref, whom, do, now=now, reason=why)
        else:
            raise BadInput("unknown_code", "This button is not known here.", "do")
        return address(f"/sessions/{ref}", [("said", do), *(("to", each) for each in about)])

    full: list[NotEnoughPlaces] = []

    def watched(tx: Connection) -> str:
        full.clear()
        try:
            return verb(tx)
        except NotEnoughPlaces as too_many:
            full.append(too_many)
            raise

    answer = tried(visit, watched)
    if isinstance(answer, Response):
        return answer
    for each in full:
        answer = {
            "": visit.translate(
                _FULL,
                places=each.capacity,
                taken=each.taken,
                more=each.wanted,
                over=each.taken + each.wanted - each.capacity,
            )
        }
    return _one(visit, ref, answer, status=422)


_FULL: Final = marked(
    "%(places)s plasser, %(taken)s står på listen, %(more)s valgt: "
    "ta bort %(over)s, eller planlegg en gruppe til."
)


def _one(visit: Visit, ref: str, errors: Errors, *, status: int = 200) -> Response:
    viewer, now = visit.viewer, visit.now

    def read(tx: Connection) -> dict[str, Any]:
        session = sessions.read_session(tx, viewer, ref, now=now)
        listed = queries.cases_by_refs(tx, viewer, (a.case_ref for a in session.attendance))
        listed |= queries.cases_by_refs(tx, viewer, visit.told_all("to"))
        known = people.identities_of(tx, [case.person for case in listed.values()])
        names = {case.ref: known[case.person] for case in listed.values() if case.person in known}
        led_by = _led_by(tx, visit, session)
        invitable = _invitable(tx, visit, session) if not led_by else []
        label = _label(tx, visit, session)
        return {
            "session": session,
            "names": names,
            "invitable": invitable,
            "label": label,
            "led_by": led_by,
            "units": rows.unit_names(tx, viewer, local_date(now)),
        }

    shown = visit.house.db.transact(read)
    listed = {each.case_ref for each in shown["session"].attendance}
    told = [each for each in visit.told_all("to") if each in shown["names"]]
    seen = [each for each in told if each not in listed]
    if seen := [*seen, *(row.ref for row in shown["invitable"])]:
        rows.log_look(visit, worklist.LISTED, seen)
    return page(
        visit,
        "pages/session.html",
        status,
        errors=errors,
        said=visit.told("said"),
        about=[shown["names"][each].name for each in told],
        over=shown["session"].starts_at <= now,
        ticked=set(visit.typed_all("add")),
        present=set(visit.typed_all("present")) if visit.typed("do") == "hold" else None,
        **shown,
    )


def _led_by(tx: Connection, visit: Visit, session: Session) -> str:
    """Whose list it is where this viewer only reads it, empty for whoever may enter it."""
    package = package_in_force(tx, session.unit, on=local_date(visit.now))
    if not package.has(session.task):
        return ""
    owner = package.rule(session.task).owner
    leads = visit.viewer.role in COMPLETERS[owner] | {Role.COORDINATOR}
    return "" if leads else visit.translate(WORDS["owner"][owner.value])


def _invitable(tx: Connection, visit: Visit, session: Session) -> list[rows.Row]:
    """Whose task waits in the unit and who is not on the list, the earliest due first."""
    if session.state is not SessionState.PLANNED:
        return []
    wanted = Filter(until=visit.now + INVITABLE, unit=session.unit, with_snoozed=True)
    lines = worklist.task_lines(tx, visit.viewer, wanted, now=visit.now, limit=500)
    there = {each.case_ref for each in session.attendance}
    mine = [line for line in lines if line.code == session.task and line.ref not in there]
    return rows.task_rows(tx, visit, mine[:60])
