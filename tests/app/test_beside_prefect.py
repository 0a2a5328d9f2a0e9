"""The service beside a Prefect server of its own, as `overlev up` runs them; the long form only.

`OVERLEV_TEST_PREFECT=1` runs it: a server that hangs, one that is killed again and again, how soon
a completion is seen there, and what its database holds of people. Without it `tests/flows` asks the
same of the parts.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.crypto import new_ref
from tests.app.serving import Up, free_port, until, up
from tests.app.shell import Shell
from tests.app.test_survival import HEADER, check_nothing_happened_twice, rows, sound, unsettled

pytestmark = [
    pytest.mark.skipif("OVERLEV_TEST_PREFECT" not in os.environ, reason="OVERLEV_TEST_PREFECT=1"),
    pytest.mark.timeout(0),
]

ROWS = 67
"""Of the planted roster; each has three words that nobody else has."""

FIRES_WITHIN = 60.0
SEEN_WITHIN = 15.0


def planted(unit: str, series: str, rows_: int) -> tuple[list[str], str]:
    """The words that must not get out, and a roster with them: much of it is due at once."""
    words, lines = [], [HEADER]
    for number in range(rows_):
        mine = [f"K{series}{number:05}", f"Kanari{series}{number:04}", f"Fugl{series}{number:04}"]
        words += mine
        lines.append(
            f"{mine[0]};{mine[1]};{mine[2]};01.02.1990;{unit};01.09.2026 08:30;dom;30.12.2026"
        )
    return words, "\n".join(lines)


class Service:
    """A running service with a token, and what Prefect says of it."""

    def __init__(self, running: Up, shell: Shell, token: str) -> None:
        self.running, self.shell, self.token = running, shell, token
        self.home = shell.folder / "prefect"

    def post(self, path: str, **ask: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": new_ref()}
        answer = self.running.page.post(f"/api/v1{path}", headers=headers, **ask)
        assert answer.status_code == 200, answer.text
        return answer

    def take_in(self, roster: str) -> None:
        self.post("/imports", files={"file": ("r.csv", roster.encode(), "text/csv")})

    def runs(self, name: str) -> list[dict[str, Any]]:
        user, _, password = (self.home / "auth-string").read_text().strip().partition(":")
        answer = httpx.post(
            f"{(self.home / 'api-url').read_text().strip()}/flow_runs/filter",
            json={"flow_runs": {"name": {"any_": [name]}}},
            auth=(user, password),
            timeout=20,
        )
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found


def notices(shell: Shell) -> int:
    return len(rows(shell, "SELECT task FROM notice"))


def version_of(shell: Shell, ref: str) -> int:
    (row,) = rows(shell, f"SELECT version FROM case_ WHERE ref = '{ref}'")
    return int(row.version)


def held_by(prefect: Path) -> str:
    with closing(sqlite3.connect(prefect / "prefect.db")) as connection:
        return "\n".join(connection.iterdump())


def fires(service: Service, roster: str, what: str) -> float:
    """A roster with much that is due comes in, and a rung fires in time; when that was."""
    before, began = notices(service.shell), time.monotonic()
    service.take_in(roster)
    until(lambda: notices(service.shell) > before, within=FIRES_WITHIN, what="a due rung fires")
    print(f"{what}: a rung fired after {time.monotonic() - began:.1f} s")  # noqa: T201 - with -s
    return began


def well_again(service: Service) -> None:
    until(lambda: service.running.readyz()["status"] == "ready", within=300, what="all is well")


def hangs(service: Service, roster: str) -> None:
    hung = until(partial(service.running.part, "prefect"))
    os.kill(hung, signal.SIGSTOP)
    began = fires(service, roster, "hung")
    until(lambda: service.running.readyz()["status"] == "degraded", what="degraded")
    said = service.running.readyz()
    assert said["code"] == 200
    assert "prefect" in said["reason"]
    print(f"degraded after {time.monotonic() - began:.1f} s: {said['reason']}")  # noqa: T201
    os.kill(hung, signal.SIGCONT)
    well_again(service)


def dies(service: Service, roster: str) -> None:
    service.running.kill_part("prefect")
    fires(service, roster, "dead")
    for _ in range(3):
        until(partial(service.running.part, "prefect"), what="it comes again")
        time.sleep(2)
        service.running.kill_part("prefect")
    well_again(service)


def is_seen_soon(service: Service, refs: list[str]) -> None:
    took = []
    for ref in refs:
        service.post(f"/cases/{ref}/tasks/talk_booked", json={"outcome": "done"})
        began = time.monotonic()
        name = f"case-{ref}-v{version_of(service.shell, ref)}"
        until(partial(service.runs, name), what=name)
        took.append(time.monotonic() - began)
    print("seen after", " ".join(f"{each:.1f}" for each in took), "s")  # noqa: T201
    assert max(took) <= SEEN_WITHIN


def test_a_prefect_that_hangs_or_dies_delays_nothing_and_doubles_nothing(house: Shell) -> None:
    token = house("token", "add", "--role", "coordinator", "--label", "p", "--unit", "bergen")
    words, roster = planted("bergen", "A", ROWS)
    more_words, another = planted("bergen", "B", ROWS)
    with up(house.folder, env={"PREFECT_SERVER_API_PORT": str(free_port())}) as running:
        service = Service(running, house, token.out.split()[0])
        well_again(service)
        until(lambda: notices(house) > 0, what="the roster's rungs")
        refs = [each["ref"] for each in house("cases", "--json").json if each["unit"] == "bergen"]
        is_seen_soon(service, refs[:5])
        hangs(service, roster)
        check_nothing_happened_twice(house)
        dies(service, another)
        check_nothing_happened_twice(house)
        until(lambda: not unsettled(running, house), within=400, what="runs are settled")
        time.sleep(6)  # events are written in batches
        assert running.stop() == 0
        assert running.left() == []
        assert "database is locked" not in running.err
        print(len(running.err.splitlines()), "lines of log")  # noqa: T201
    kept = held_by(house.folder / "prefect")
    assert len(words + more_words) > 400
    assert refs[0] in kept
    assert [word for word in words + more_words if word in kept] == []
    check_nothing_happened_twice(house)
    sound(house)
