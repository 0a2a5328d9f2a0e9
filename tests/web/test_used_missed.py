"""A task that was missed at the release is entered only with a time that can be right."""

from __future__ import annotations

from datetime import date, timedelta

from tests.people import make_case
from tests.web.browser import Page
from tests.web.conftest import Desk

TALK = "talk_held"


def missed(desk: Desk, *, released: str = "2026-09-04 10:00", task: str = TALK) -> str:
    """The page of a task that was not done when somebody left."""
    with desk.db.write() as tx:
        case = make_case(
            tx,
            admitted="2026-08-01 06:00",
            release_on=date.fromisoformat(released[:10]),
            answer="accepted",
            done=("intake_talk",),
            released=released,
        )
    return f"/cases/{case.ref}/tasks/{task}"


def times(page: Page) -> list[str]:
    """Which answers to "when" are offered."""
    return [each for each in ("now", "yesterday", "other") if f'id="f-when-{each}"' in page.text]


def test_what_was_missed_asks_for_a_time_before_the_release_and_says_when_that_was(
    on_sqlite: Desk,
) -> None:
    path, lead = missed(on_sqlite), on_sqlite.of("lead")

    page = lead.get(path)

    assert times(page) == []
    assert '<input type="hidden" name="when" value="other">' in page.text
    assert 'min="2026-08-01T06:00" max="2026-09-04T10:00"' in page.text
    assert "Løslatt fre. 4.9. kl. 10.00. Bare det som ble gjort før det, kan føres." in page.text
    empty = lead.send(path, {"do": "complete", "form": "group"})
    assert empty.status == 422
    assert 'id="e-at">' in empty.text
    late = lead.send(path, {"do": "complete", "form": "group", "at": "2026-09-05T10:00"})
    assert late.status == 422
    assert "Den kan bare føres som gjort før den." in late.text
    done = lead.send(path, {"do": "complete", "form": "group", "at": "2026-09-01T10:00"})
    assert "er ført for Test Person." in done.text


def test_yesterday_is_offered_where_it_was_before_the_release(on_sqlite: Desk) -> None:
    path = missed(on_sqlite, released="2026-09-08 08:00")

    page = on_sqlite.of("lead").get(path)

    assert times(page) == ["yesterday", "other"]
    assert 'id="f-when-other" name="when" value="other" checked' in page.text
    on_sqlite.later(timedelta(days=1))
    assert times(on_sqlite.of("lead").get(path)) == []


def test_what_was_missed_is_not_offered_to_be_set_aside_nor_advised_to(on_sqlite: Desk) -> None:
    path = missed(on_sqlite, task="appointments_confirmed")
    coordinator = on_sqlite.of("coordinator")
    assert "Sett oppgaven til side" not in coordinator.get(path).text

    refused = coordinator.send(path, {"do": "complete", "at": "2026-09-03T10:00"})

    assert refused.status == 422
    assert "Bekreftede avtaler mangler" in refused.text
    assert "sett oppgaven til side" not in refused.text
    assert "avviket blir stående" in refused.text


def test_an_open_task_is_asked_as_before(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 10, 1)).ref
    page = on_sqlite.of("coordinator").get(f"/cases/{ref}/tasks/appointments_confirmed")
    assert times(page) == ["now", "yesterday", "other"]
    assert "Sett oppgaven til side" in page.text
    outside = on_sqlite.of("outsider").get(f"/cases/{ref}/tasks/appointments_confirmed")
    assert outside.status == 404
