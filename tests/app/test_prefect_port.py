"""The port of a Prefect server of our own: held from the moment it is chosen."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from app.up import asked_prefect_port, listening, prefect_beside
from core.errors import UnsafeSettings
from flows import environment


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is filled in for one server would be respected for the next."""
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "DO_NOT_TRACK")):
            monkeypatch.delenv(name)


def test_two_that_start_at_once_never_choose_the_same_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    environs: list[dict[str, str]] = [{}, {}]
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(os, "environ", environs[0])
    with prefect_beside(tmp_path / "one") as first:
        assert first is not None
        monkeypatch.setattr(os, "environ", environs[1])
        # No server has begun to serve the first one yet.
        with prefect_beside(tmp_path / "two") as second:
            assert second is not None
            ports = [each.getsockname()[1] for each in (first, second)]

    assert ports[0] != ports[1]
    assert [each[environment.SERVER_PORT] for each in environs] == [str(port) for port in ports]
    assert f"Prefect gets {ports[1]}" in capfd.readouterr().err


def test_the_port_that_was_asked_for_is_held_and_said_to_be_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {environment.SERVER_PORT: str(port)}
    monkeypatch.setattr(os, "environ", dict(environ))
    assert asked_prefect_port() == port
    with prefect_beside(tmp_path) as held:
        assert held is not None
        assert held.getsockname()[1] == port
        monkeypatch.setattr(os, "environ", dict(environ))
        with pytest.raises(UnsafeSettings, match=f"port {port} for Prefect cannot be used"):
            asked_prefect_port()
        with pytest.raises(UnsafeSettings, match="cannot be used"), listening(port):
            pass


def test_another_s_server_needs_no_port_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {environment.API_URL: "https://prefect.example/api"})
    with prefect_beside(tmp_path) as nothing:
        assert nothing is None
