"""Where a tick could only end in a refusal, the page says so before it is pressed."""

from __future__ import annotations

import re
from datetime import date

from cases import sessions
from cases.access import OPERATOR
from tests.people import at, make_case
from tests.web.conftest import Desk

BOX = re.compile(r'<input class="ds-input" type="checkbox"[^>]*>')


def boxes(text: str, value: str) -> list[str]:
    return [each for each in BOX.findall(text) if f'value="{value}"' in each]


def test_the_box_of_another_roles_task_says_what_it_is_good_for(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, admitted="2026-08-20 06:00").ref
    text = desk.of("coordinator").get("/overdue").text

    (theirs,), (mine,) = boxes(text, f"{ref}/intake_talk"), boxes(text, f"{ref}/brief_info")

    assert "hører til en annen rolle" in theirs
    assert "bare for å gi den videre eller utsette den" in theirs
    assert "title=" not in mine


def test_the_question_before_many_leaves_out_what_can_only_be_refused(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        refs = [
            make_case(tx, admitted="2026-08-20 06:00", release_on=date(2026, 9, 20)).ref
            for _ in range(3)
        ]
    tasks = ("brief_info", "intake_talk", "offer_answered", "appointments_confirmed")
    coordinator = desk.of("coordinator")
    coordinator.get("/overdue")
    picks = [("pick", f"{ref}/{task}") for ref in refs for task in tasks]

    asked = coordinator.send("/overdue", [("do", "done"), *picks])
    coordinator.get("/overdue")
    waived = coordinator.send("/overdue", [("do", "waive"), ("why", "absent"), *picks])

    assert "<title>Føre 3 oppgaver som gjort?" in asked.text
    assert "<title>Frafalle 6 oppgaver?" in waived.text
    for ref in refs:
        (mine,), (theirs,) = (boxes(asked.text, f"{ref}/{task}") for task in tasks[:2])
        (lacking,) = boxes(asked.text, f"{ref}/appointments_confirmed")
        assert "checked" in mine
        assert "disabled" in theirs
        assert "disabled" in lacking
    assert "ikke føres av deg" in asked.text
    assert "Bekreftet avtale mangler" in asked.text
    assert "Bekreftet avtale mangler" not in waived.text


def test_a_list_that_another_role_enters_has_no_boxes(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        listed, other = (
            make_case(tx, release_on=date(2026, 10, 1), answer="accepted").ref for _ in range(2)
        )
        group = sessions.plan_session(
            tx, OPERATOR, "A", "naloxone_training", at("2026-09-08 08:00"), now=desk.now
        )
        sessions.add_cases(tx, OPERATOR, group.ref, [listed], now=at("2026-09-07 09:00"))
    path = f"/sessions/{group.ref}"
    read, led = desk.of("officer").get(path).text, desk.of("nurse").get(path).text

    assert boxes(led, listed)
    assert boxes(led, other)
    assert not boxes(read, listed)
    assert not boxes(read, other)
    assert "Listen føres av helse og koordinator" in read
    assert 'value="hold"' not in read
    assert 'value="cancel"' not in read
