"""The service's answers about itself, on both databases."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cases import heartbeats
from cases.heartbeats import beat
from core import messenger
from core.clock import iso_local, parse_instant
from core.db import Database
from core.settings import Settings
from notifications import line
from notifications.line import Line
from tests.installation import installation
from tests.people import make_case, make_units
from web.app import create_app
from web.health import LOOPS
from web.house import House

NOW = parse_instant("2026-09-01T08:00+02:00")


@pytest.fixture
def db(database_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(database_url, tmp_path) as db:
        yield db


def get(
    db: Database, path: str, *, now: datetime = NOW, demo: bool = False, method: str = "GET"
) -> httpx.Response:
    """What the application answers, asked without a network."""
    house = House(db, lambda: now, Settings(), demo=demo, real_clock=lambda: now)
    transport = httpx.ASGITransport(create_app(house))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://overlev") as client:
            return await client.request(method, path)

    return asyncio.run(ask())


def beats(db: Database, *, now: datetime = NOW) -> None:
    with db.write() as tx:
        for loop in LOOPS:
            beat(tx, loop, "worker-a", now=now)


def test_the_service_is_alive_before_anything_has_run(db: Database) -> None:
    assert get(db, "/healthz").status_code == 200


def test_a_monitor_may_ask_for_the_status_alone(db: Database) -> None:
    assert get(db, "/healthz", method="HEAD").status_code == 200
    assert get(db, "/readyz", method="HEAD").status_code == 503
    beats(db)
    assert get(db, "/readyz", method="HEAD").status_code == 200


def test_the_service_is_not_ready_before_its_loops_have_run(db: Database) -> None:
    answer = get(db, "/readyz")

    assert answer.status_code == 503
    assert answer.json()["reason"] == list(LOOPS)


def test_the_service_is_ready_while_every_loop_is_younger_than_a_minute(db: Database) -> None:
    beats(db)

    assert get(db, "/readyz", now=NOW + timedelta(seconds=60)).status_code == 200
    late = get(db, "/readyz", now=NOW + timedelta(seconds=61))
    assert (late.status_code, late.json()["reason"]) == (503, list(LOOPS))


def test_the_status_page_tells_how_every_loop_stands(db: Database) -> None:
    beats(db)

    page = get(db, "/status", demo=True)

    assert page.status_code == 200
    assert page.text.count("i orden") == len(LOOPS)
    assert "Alle personer her er oppdiktet" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_status_page_shows_a_loop_that_stands_still(db: Database) -> None:
    assert get(db, "/status").text.count("står stille") == len(LOOPS)


def beside(db: Database, *loops: str, now: datetime = NOW) -> None:
    with db.write() as tx:
        for loop in loops:
            beat(tx, loop, "worker-a", now=now)


def test_without_prefect_the_service_is_ready_but_degraded(db: Database) -> None:
    beats(db)

    answer = get(db, "/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["reason"] == ["prefect", "show"]

    beside(db, "prefect", "show")
    assert get(db, "/readyz").json()["status"] == "ready"
    later = get(db, "/readyz", now=NOW + timedelta(seconds=61)).json()
    assert (later["status"], later["reason"]) == ("not_ready", list(LOOPS))


def test_the_redis_of_several_prefect_servers_is_told_when_it_is_away(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats(db)
    beside(db, "prefect", "show")
    monkeypatch.setenv(messenger.URL, "redis://:secret@127.0.0.1:1/0")

    answer = get(db, "/readyz")

    assert (answer.status_code, answer.json()["reason"]) == (200, ["redis"])
    assert "secret" not in answer.text
    monkeypatch.delenv(messenger.URL)
    assert get(db, "/readyz").json()["status"] == "ready"


def test_one_living_worker_is_enough(db: Database) -> None:
    beats(db, now=NOW - timedelta(hours=1))
    with db.write() as tx:
        for loop in LOOPS:
            beat(tx, loop, "worker-b", now=NOW)

    assert get(db, "/readyz").status_code == 200


def test_what_was_due_a_minute_ago_and_still_waits_is_told(db: Database) -> None:
    with db.write() as tx:
        make_units(tx)
        make_case(tx, admitted="2026-09-01 06:00")
    due = parse_instant("2026-09-02T00:00+02:00")  # the first rung of the intake talk
    for loop in (*LOOPS, "prefect", "show"):
        beside(db, loop, now=due + timedelta(seconds=55))

    assert get(db, "/readyz", now=due + timedelta(seconds=55)).json()["status"] == "ready"
    late = get(db, "/readyz", now=due + timedelta(seconds=65)).json()
    assert (late["status"], late["reason"]) == ("degraded", ["late"])


def test_a_line_that_rests_is_told_with_its_reason(db: Database) -> None:
    beats(db)
    beside(db, heartbeats.PREFECT, "show")
    with db.write() as tx:
        line.write(
            tx,
            Line().resting(until=NOW + timedelta(minutes=5), reason="credentials_refused"),
            now=NOW,
        )

    told = get(db, "/readyz")
    assert told.status_code == 200
    assert (told.json()["status"], told.json()["reason"]) == ("degraded", ["messages"])
    assert told.json()["messages"] == {
        "state": "rests",
        "reason": "credentials_refused",
        "until": iso_local(NOW + timedelta(minutes=5)),
        "meaning": "the provider refuses our account or its secret: check them",
    }
    with db.write() as tx:
        line.write(tx, Line(), now=NOW)
    assert "messages" not in get(db, "/readyz").json()


def test_a_database_that_does_not_answer_is_said_with_when_to_ask_again(tmp_path: Path) -> None:
    gone = Database(f"sqlite:///{tmp_path / 'nowhere' / 'gone.db'}")

    answer = get(gone, "/readyz")

    assert (answer.status_code, answer.json()["reason"]) == (503, ["database"])
    assert answer.headers["retry-after"] == "2"
    assert get(gone, "/healthz").status_code == 200


def test_a_database_that_is_damaged_is_not_ready_and_no_fault_of_the_question(
    db: Database,
) -> None:
    beats(db)
    with db.write() as tx:
        tx.exec_driver_sql("DROP TABLE heartbeat")

    answer = get(db, "/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "not_ready", "reason": ["database"]}
    assert answer.headers["retry-after"]


def test_what_makes_pdfs_is_loaded_with_the_first_paper_and_not_by_a_server_that_waits() -> None:
    heavy = "{'fpdf', 'numpy', 'PIL'}"
    asked = f"import sys, web.app, app.serving; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-P", "-c", asked], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_a_browser_that_leaves_in_the_middle_of_its_form_is_no_fault_of_ours(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    form = {"type": "http.request", "body": b"username=nobody&pass", "more_body": True}
    coming = iter([form, {"type": "http.disconnect"}])
    told: list[object] = []

    async def receive() -> object:
        return next(coming)

    async def send(message: object) -> None:
        told.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/sign-in",
        "raw_path": b"/sign-in",
        "root_path": "",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"origin", b"http://127.0.0.1"),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"content-length", b"200"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    app = create_app(House(db, lambda: NOW, Settings(), demo=True))
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    assert told == []
    assert caplog.records == []
