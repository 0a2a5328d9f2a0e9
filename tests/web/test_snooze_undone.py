"""What was put off by a slip of the finger is back on the board with one press on its receipt."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from cases import desk as desks
from cases.access import OPERATOR
from cases.tables import access_log
from core.errors import NotAllowed
from tests.people import COORDINATOR, NURSE, OUTSIDER, make_case
from tests.web.browser import Page
from tests.web.conftest import Desk
from tests.web.test_used_receipts import told

TASK = "brief_info"
WHAT = "Kort informasjon og overdosekort gitt, Test Person."


def late(desk: Desk) -> str:
    with desk.db.write() as tx:
        return make_case(tx, admitted="2026-08-20 06:00").ref


def many(desk: Desk, do: str, refs: list[str]) -> Page:
    coordinator = desk.of("coordinator")
    hidden = coordinator.get("/overdue").hidden("/overdue")
    picks = [("pick", f"{ref}/{TASK}") for ref in refs]
    return coordinator.post("/overdue", [*hidden.items(), *picks, ("do", do)])


def test_one_row_is_back_on_the_board(desk: Desk) -> None:
    ref, coordinator = late(desk), desk.of("coordinator")
    coordinator.get("/overdue")
    page = coordinator.send("/overdue", {"do": f"snooze/{ref}/{TASK}/30"})
    assert f'name="pick" value="{ref}/{TASK}"' not in page.text
    assert f'value="wake/{ref}/{TASK}"' in page.text

    back = coordinator.send("/act", {"do": f"wake/{ref}/{TASK}"})

    assert told(back) == f"Ikke utsatt likevel: {WHAT}"
    assert back.url.partition("#")[0] == "/overdue"
    assert f'name="pick" value="{ref}/{TASK}"' in back.text
    with desk.db.read() as tx:
        verbs = tx.execute(select(access_log.c.verb)).scalars().all()
    assert {"tasks_snoozed", "tasks_woken"} <= set(verbs)


@pytest.mark.parametrize("page", ["/today", "/follow-up", "/cases/{ref}"])
def test_every_page_that_tells_of_it_takes_it_back(on_sqlite: Desk, page: str) -> None:
    ref, coordinator = late(on_sqlite), on_sqlite.of("coordinator")
    where = page.format(ref=ref)
    hidden = coordinator.get("/overdue").hidden("/overdue")
    put_off = {**hidden, "next": where, "do": f"snooze/{ref}/{TASK}/7"}

    told_there = coordinator.post("/act", put_off)
    assert told_there.url.partition("#")[0] == where
    assert f'value="wake/{ref}/{TASK}"' in told_there.text
    hidden = told_there.hidden("/act")
    assert hidden["next"] == where
    back = coordinator.post("/act", {**hidden, "do": f"wake/{ref}/{TASK}"})

    assert told(back) == f"Ikke utsatt likevel: {WHAT}"
    assert f"{ref}/{TASK}" in coordinator.get("/overdue").text


def test_many_rows_are_named_and_back_at_once(on_sqlite: Desk) -> None:
    desk, refs = on_sqlite, [late(on_sqlite) for _ in range(3)]
    page = many(desk, "snooze-7", refs[:2])
    assert "2 utsatt: Test Person og 1 til." in page.text
    assert all(f'name="pick" value="{ref}/{TASK}" aria' not in page.text for ref in refs[:2])

    hidden = [(name, value) for name, value in page.hidden("/overdue").items() if name != "pick"]
    picks = [("pick", f"{ref}/{TASK}") for ref in refs[:2]]
    assert all(f'type="hidden" name="pick" value="{value}"' in page.text for _, value in picks)
    back = desk.of("coordinator").post("/overdue", [*hidden, *picks, ("do", "wake")])

    assert "2 ikke utsatt likevel: Test Person og 1 til." in back.text
    assert all(f"{ref}/{TASK}" in back.text for ref in refs)


def test_what_was_settled_meanwhile_is_left_alone(on_sqlite: Desk) -> None:
    desk, refs = on_sqlite, [late(on_sqlite) for _ in range(2)]
    many(desk, "snooze-7", refs)
    nurse = desk.of("nurse")
    nurse.get("/today")
    nurse.post("/act", {**nurse.get("/today").hidden("/sign-out"), "do": f"done/{refs[0]}/{TASK}"})
    back = many(desk, "wake", refs)
    assert "1 ikke utsatt likevel: Test Person." in back.text


def test_who_may_put_off_may_take_it_back_and_nobody_else(on_sqlite: Desk) -> None:
    ref = late(on_sqlite)
    pick = [(ref, TASK)]
    with on_sqlite.db.write() as tx:
        desks.snooze(tx, OPERATOR, pick, 7, now=on_sqlite.now)
        desks.wake(tx, COORDINATOR, pick, now=on_sqlite.now)
        with pytest.raises(NotAllowed):
            desks.wake(tx, NURSE, pick, now=on_sqlite.now)
        with pytest.raises(NotAllowed):
            desks.wake(tx, OUTSIDER, pick, now=on_sqlite.now)
    foreign = on_sqlite.of("elsewhere")
    mine = foreign.get("/today").hidden("/sign-out")
    assert foreign.post("/act", {**mine, "do": f"wake/{ref}/{TASK}"}).status == 404
