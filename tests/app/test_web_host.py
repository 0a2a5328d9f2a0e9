"""Where the web listens: other machines are let in only behind an address that is https."""

from __future__ import annotations

import httpx
import pytest

from tests.app.serving import Process, free_port, until
from tests.app.shell import Shell


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "example.org"])  # noqa: S104 - refused
def test_other_machines_are_not_let_in_over_plain_http(shell: Shell, host: str) -> None:
    refused = Process(shell.folder, "web", "--host", host, "--port", free_port())

    assert refused.ended(15) == 2
    assert "OVERLEV_PUBLIC_URL" in refused.err
    assert len(refused.err.splitlines()) == 1


def test_behind_an_https_address_and_on_this_machine_it_listens(shell: Shell) -> None:
    behind = {"OVERLEV_PUBLIC_URL": "https://overlev.example"}
    for host, env in (("0.0.0.0", behind), ("localhost", {})):  # noqa: S104 - as a proxy needs
        port = free_port()
        served = Process(shell.folder, "web", "--host", host, "--port", port, env=env)
        try:
            page = f"http://127.0.0.1:{port}/healthz"
            until(lambda page=page: httpx.get(page).status_code == 200, what=host)  # type: ignore[misc]
            assert served.stop() == 0
        finally:
            served.kill()
