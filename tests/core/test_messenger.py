"""The Redis between Prefect's servers: asked at once, and never waited for."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core import messenger


@contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """Something at an address: to all but PING it says this, or nothing at all to anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            try:
                there, _ = listener.accept()
                with there:
                    while asked := there.recv(4096):
                        for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", asked):
                            if answer is not None:
                                there.sendall(b"+PONG\r\n" if command == b"PING" else answer)
            except OSError:
                return

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield f"redis://:secret@127.0.0.1:{listener.getsockname()[1]}/0"


def test_where_none_is_named_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(messenger.URL, raising=False)
    assert not messenger.is_away()


def test_one_that_does_not_answer_is_away_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv(messenger.URL, f"redis://127.0.0.1:{port}/0")
    assert messenger.is_away()
    with listening(None) as silent:
        monkeypatch.setenv(messenger.URL, silent)
        asked_at = time.monotonic()
        assert messenger.is_away()
        assert time.monotonic() - asked_at < 10 * messenger.WITHIN
    monkeypatch.setenv(messenger.URL, "no address at all")
    assert messenger.is_away()


def test_one_that_refuses_us_is_away_for_us(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(b"-WRONGPASS invalid username-password pair\r\n") as refusing:
        monkeypatch.setenv(messenger.URL, refusing)
        assert messenger.is_away()


def test_one_that_answers_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(b"+OK\r\n") as there:
        monkeypatch.setenv(messenger.URL, there)
        assert not messenger.is_away()


def test_without_a_client_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(messenger.URL, "redis://127.0.0.1:1/0")
    monkeypatch.setattr(messenger, "find_spec", lambda name: None)
    assert not messenger.is_away()
