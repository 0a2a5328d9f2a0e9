"""A release date is set or withdrawn; what it moves is shown before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import people, queries, release
from cases.access import Viewer
from cases.model import Case, ReleaseKind, Source, TaskState
from cases.registry import package_named
from cases.release import DATING, with_release_date
from cases.replan import replan
from cases.rules import check_owns, check_role, one_of
from cases.views import CASE_READ
from cases.warnings import outside_window
from core.clock import local, local_date
from core.errors import BadInput
from web.pages import rows
from web.pages.forms import Errors, chosen, day_in, tried, worded
from web.pages.ill_timed import before_release, warned
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, whole
from web.pages.words import WORDS, in_order, label_of
from web.policy import CASE_WORKERS, allow

router: Final = Pages()


@dataclass(frozen=True, slots=True)
class Moved:
    """One deadline before and after."""

    label: str
    before: datetime | None
    after: datetime | None


@router.get("/cases/{ref}/release-date")
@allow(CASE_WORKERS)
def date_page(visit: Visited, ref: str) -> Response:
    """The form."""
    return _page(visit, ref, {})


@router.post("/cases/{ref}/release-date")
@allow(CASE_WORKERS)
def set_date(visit: Visited, ref: str) -> Response:
    """Show what would move, or save."""
    do = visit.typed("do")
    if do == "show":
        try:
            on, kind = _typed(visit)
        except BadInput as wrong:
            return _page(visit, ref, {wrong.field or "": worded(visit, wrong)}, status=422)
        return _page(visit, ref, {}, asked=(on, kind))

    def verb(tx: Connection) -> str:
        on, kind = _typed(visit)
        version = visit.typed("version")
        release.set_release_date(
            tx,
            visit.viewer,
            ref,
            on,
            kind=kind,
            now=visit.now,
            version=whole(version),
        )
        return f"/cases/{ref}?said=date/{kind}"

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _page(visit, ref, answer, status=422)


def _typed(visit: Visit) -> tuple[date | None, str]:
    kind = one_of(ReleaseKind, visit.typed("kind"), "kind").value
    if visit.typed("withdraw") == "yes":
        return None, kind
    on = day_in(visit, "on")
    if on is None:
        raise BadInput("missing", "Give the date.", "on")
    return on, kind


def _page(
    visit: Visit,
    ref: str,
    errors: Errors,
    *,
    status: int = 200,
    asked: tuple[date | None, str] | None = None,
) -> Response:
    viewer = visit.viewer
    with visit.house.db.read() as tx:
        case = queries.case_by_ref(tx, viewer, ref)
        check_role(viewer, DATING, "change release dates")
        check_owns(viewer, case)
        identity = people.identity_of(tx, case.person)
        shown: dict[str, Any] = {"moved": None}
        if asked is not None:
            shown = preview(tx, viewer, case, *asked, visit=visit)
    rows.log_look(visit, CASE_READ, [ref], unit=case.unit)
    return page(
        visit,
        "pages/release_date.html",
        status,
        ref=ref,
        name=identity.name if identity is not None else "",
        case=case,
        kinds=[
            (each.value, visit.translate(WORDS["release_kind"][each.value])) for each in ReleaseKind
        ],
        values=chosen(
            visit.values(),
            kind=(case.release_kind or ReleaseKind.CONFIRMED).value,
            on="",
        ),
        errors=errors,
        **shown,
    )


def preview(
    tx: Connection, viewer: Viewer, case: Case, on: date | None, kind: str, *, visit: Visit
) -> dict[str, Any]:
    """What a date would move: deadlines, appointments that fall outside, what to look at."""
    package = package_named(tx, case.package)
    dated = with_release_date(
        case, on, ReleaseKind(kind), Source.STAFF, viewer.account, now=visit.now
    )
    after = replan(case, dated, package, now=visit.now) if dated is not case else case
    moved = [
        Moved(label_of(package, task.code, visit.language), task.due_at, new.due_at)
        for task in in_order(package, case.tasks)
        if (new := after.task(task.code)) is not None
        and task.state in (TaskState.OPEN, TaskState.PREPARED)
        and task.due_at != new.due_at
    ]
    early = [each for each in after.appointments if before_release(after, each)]
    outside = [
        each for each in after.appointments if outside_window(after, each) and each not in early
    ]
    return {
        "moved": moved,
        "in_haste": any(_is_halfway(each.after) for each in moved),
        "after_release": [each.label for each in moved if _is_after(each, after)],
        "before": len(early),
        "outside": len(outside),
        "becomes": after.release_on,
        "becomes_kind": after.release_kind.value if after.release_kind else None,
        "warnings": warned(visit, after),
        "is_past": after.release_on is not None and after.release_on < local_date(visit.now),
        "version": case.version,
    }


def _is_halfway(due_at: datetime | None) -> bool:
    """Whether a deadline lies halfway to the release: no other has such a clock time."""
    return due_at is not None and local(due_at).time() != time(15)


def _is_after(moved: Moved, case: Case) -> bool:
    if moved.after is None or case.release_on is None:
        return False
    return local_date(moved.after) > case.release_on
