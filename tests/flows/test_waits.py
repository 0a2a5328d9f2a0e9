"""What a worker says of a database or a Prefect that is away: once, and with the reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from core.errors import Busy
from flows.carrier import Carrier
from flows.waits import Waits


def test_a_loop_says_once_why_it_waits_and_once_that_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    waits = Waits("sweep")
    waits.over()
    for told in ("nobody answers there", "nobody answers there", "the server is starting"):
        waits.begun(Busy(told=told))
    waits.over()
    waits.over()

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert said[2] == "the loop goes on"
    assert {record.exc_info for record in caplog.records} == {None}


class OnePassword(BaseHTTPRequestHandler):
    """Health answers everybody; all else wants the password, as Prefect's server does."""

    def do_GET(self) -> None:
        let_in = self.path == "/api/health" or "Authorization" in self.headers
        let_in &= self.headers.get("Authorization") != "Basic b3ZlcmxldjpvdGhlcg=="
        self.send_response(200 if let_in else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def prefect() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), OnePassword) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


def test_a_server_that_does_not_let_us_in_is_no_prefect_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    carrier = Carrier("worker-x")

    def asked(auth: str, times: int = 1) -> bool:
        with temporary_settings({PREFECT_API_URL: address, PREFECT_API_AUTH_STRING: auth}):
            return all(asyncio.run(carrier.ask()) for _ in range(times))

    with prefect() as address:
        assert asked("overlev:right")
        with caplog.at_level(logging.WARNING):
            assert not asked("overlev:other", 3)
        assert not carrier.answers
        assert [each.getMessage() for each in caplog.records] == [
            "Prefect does not let us in: check PREFECT_API_AUTH_STRING"
        ]
        assert asked("overlev:right")
