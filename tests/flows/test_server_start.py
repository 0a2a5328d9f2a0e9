"""A Prefect server that would be open to everybody, or cannot use its database, is not started."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from sqlalchemy import make_url

from core.errors import UnsafeSettings
from flows.server_start import DATABASE, PASSWORD, refuse_unsafe
from tests.databases import Databases


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "prefect.example.no", "::"])  # noqa: S104
def test_a_server_for_other_machines_asks_for_a_password(host: str) -> None:
    with pytest.raises(UnsafeSettings, match=PASSWORD):
        refuse_unsafe(host, password=False, database=None)
    refuse_unsafe(host, password=True, database=None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_alone_that_is_for_whoever_starts_it(host: str) -> None:
    refuse_unsafe(host, password=False, database="sqlite+aiosqlite:////somewhere/prefect.db")


@pytest.mark.parametrize(
    "written",
    [
        "postgresql://a:geheim@db/prefect",
        "postgres",
        "mysql://a:geheim@db/x",
        "://",
        "postgresql+asyncpg://a:x@geheim@127.0.0.1:1/prefect",
        "postgresql+asyncpg://a:x@127.0.0.1:1/geheim@db/prefect",
    ],
)
def test_a_database_is_written_as_prefect_wants_it(written: str) -> None:
    with pytest.raises(UnsafeSettings, match=DATABASE) as refused:
        refuse_unsafe("127.0.0.1", password=True, database=written)
    assert "geheim" not in refused.value.detail


def test_a_database_that_cannot_be_used_is_told_in_one_line(
    postgres_databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = postgres_databases.create(migrated=False)
    url = make_url(made).set(drivername="postgresql+asyncpg")
    folder = url.query["host"]
    assert isinstance(folder, str)
    monkeypatch.setenv("PGHOST", folder)  # the tests' server has no port

    def refuse(name: str | None) -> None:
        written = url.set(database=name, query={}).render_as_string(hide_password=False)
        refuse_unsafe("127.0.0.1", password=True, database=written)

    refuse(url.database)
    with pytest.raises(UnsafeSettings, match="no such database"):
        refuse("nowhere")
    postgres_databases.drop(made)


def test_whoever_starts_it_reads_one_line() -> None:
    environ = {**os.environ, DATABASE: "postgresql+asyncpg://a:geheim@127.0.0.1:1/prefect"}
    told = subprocess.run(
        [sys.executable, "-P", "-m", "flows.server"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert told.stderr == (
        f"overlev: {DATABASE}, prefect at 127.0.0.1:1: nobody answers there: start the server, or"
        " check host and port\n"
    )
