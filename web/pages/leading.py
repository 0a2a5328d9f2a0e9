"""Deviations, what was brought to the leads, and what was recorded late, in one's own units."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import leading, people
from cases.access import COMPLETERS
from cases.leading import LEADING, CaseOfLine
from cases.model import Owner
from cases.rebase import REBASING, units_to_rebase
from cases.registry import package_named
from core.clock import local_date
from reports.waiting import to_send_in
from web.pages import figures, rows
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address
from web.pages.words import label_of
from web.policy import allow

SPANS: Final = (30, 90, 365)
"""Days that the lists look back."""

router: Final = Pages()


@router.get("/deviations")
@allow(LEADING)
def deviations_page(visit: Visited) -> Response:
    """The three lists."""
    viewer, now = visit.viewer, visit.now
    unit = visit.asked("unit") if visit.asked("unit") in viewer.units else None
    asked = visit.asked("days")
    days = int(asked) if asked in {str(each) for each in SPANS} else SPANS[1]
    since = now - timedelta(days=days)
    with visit.house.db.read() as tx:
        missed = leading.deviations(tx, viewer, since=since, unit=unit)
        brought = leading.escalations(tx, viewer, since=since, unit=unit)
        late = leading.late_entries(tx, viewer, since=since, unit=unit)
        lines: list[Any] = [*missed, *brought, *late]
        known = people.opened(tx, {each.case.person: each.case.identity_enc for each in lines})
        told = rows.told(tx, visit)
        context: dict[str, Any] = {
            "units": rows.unit_names(tx, viewer, local_date(now)),
            "label": _labels(tx, visit, (each.case for each in lines)),
            "to_rebase": units_to_rebase(tx, viewer, now=now) if viewer.role in REBASING else [],
            "told": told,
            "to_send_in": to_send_in(tx, viewer, now=now),
            "to_answer": rows.to_answer(tx, visit),
        }
    seen = [each.case.ref for each in lines] + ([told.ref] if told is not None else [])
    rows.log_look(visit, leading.LISTED, seen, unit=unit)
    return page(
        visit,
        "pages/deviations.html",
        missed=missed,
        brought=brought,
        late=late,
        answers=lambda line: _answers(context["label"], line),
        mine=lambda owner: bool(owner) and viewer.role in COMPLETERS[Owner(owner)],
        names={who: identity.name for who, identity in known.items()},
        values={"unit": unit or "", "days": str(days)},
        spans=SPANS,
        long=lambda period: figures.long(visit.translate, period),
        most=leading.MOST,
        next_page=address("/deviations", {"unit": unit or "", "days": days}),
        **context,
    )


class _Labels:
    """What tasks are called in the packages of the cases that are shown."""

    def __init__(self, tx: Connection, visit: Visit, cases: Iterable[CaseOfLine]) -> None:
        self._language = visit.language
        self._packages = {each.package: package_named(tx, each.package) for each in cases}

    def __call__(self, case: CaseOfLine, code: str) -> str:
        return label_of(self._packages[case.package], code, self._language)

    def answers(self, case: CaseOfLine, code: str) -> tuple[str, ...]:
        package = self._packages[case.package]
        return package.rule(code).answers if package.has(code) else ()


def _labels(tx: Connection, visit: Visit, cases: Iterable[CaseOfLine]) -> _Labels:
    return _Labels(tx, visit, cases)


def _answers(labels: _Labels, line: leading.EscalationLine) -> tuple[str, ...]:
    return labels.answers(line.case, line.code)
