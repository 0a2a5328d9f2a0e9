"""Every paper that a case offers can be printed by whoever it is offered to."""

from __future__ import annotations

import re
from datetime import date

import pytest

from cases import release, service
from cases.access import OPERATOR
from cases.service import TaskDone
from tests.people import make_case
from tests.web.conftest import Desk

_PAPER = re.compile(r'href="(/cases/\w+/forms/[a-z-]+\.pdf)"')


@pytest.mark.parametrize("who", ["nurse", "officer", "coordinator", "lead", "healthlead"])
def test_no_paper_is_offered_that_is_refused(on_sqlite: Desk, who: str) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        made = make_case(tx, release_on=date(2026, 9, 20), answer="accepted")
        service.complete_task(tx, OPERATOR, made.ref, TaskDone("naloxone_training"), now=desk.now)
        out = make_case(tx, release_on=date(2026, 9, 20), answer="accepted").ref
        release.release(tx, OPERATOR, out, now=desk.now)

    for ref in (made.ref, out):
        offered = _PAPER.findall(desk.of(who).get(f"/cases/{ref}").text)
        assert len(offered) >= 3
        assert {path: desk.of(who).get(path).status for path in offered} == dict.fromkeys(
            offered, 200
        )
