"""What keeps a Prefect server of ours from being started, said in one line before it is tried.

Prefect itself would tell of a database it cannot use in a hundred lines, and of an open door not at
all.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import psycopg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from core.away import is_known, why_away
from core.errors import UnsafeSettings
from flows import environment

DATABASE: Final = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
PASSWORD: Final = "PREFECT_SERVER_API_AUTH_STRING"  # noqa: S105 - the name of one
WITHIN: Final = 5


def refuse_unsafe(host: str, *, password: bool, database: str | None) -> None:
    """Raise `UnsafeSettings` for a server open to everybody, or with a database it cannot use."""
    if not password and not _is_this_machine(host):
        raise UnsafeSettings(
            f"{environment.SERVER_HOST} lets other machines in and nobody is asked for a password:"
            f" set {PASSWORD}, the same as PREFECT_API_AUTH_STRING of the workers"
        )
    if database:
        _refuse_database(database)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_database(written: str) -> None:
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):
        url = URL.create("")
    # What is left of a password with an @ that is not written %40 would be told as host or name.
    torn = url.drivername == "postgresql+asyncpg" and "@" in f"{url.host}{url.database}"
    if torn or url.drivername not in ("postgresql+asyncpg", "sqlite+aiosqlite"):
        raise UnsafeSettings(
            f"{DATABASE} is not like postgresql+asyncpg://USER:PASSWORD@HOST/NAME: write it so"
        )
    if url.drivername != "postgresql+asyncpg" or url.query:
        return  # what stands behind a `?` is said in words of that library alone
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        psycopg.connect(address, connect_timeout=WITHIN).close()
    except psycopg.OperationalError as failed:
        if is_known(str(failed)):
            raise UnsafeSettings(why_away(url, DATABASE, str(failed))) from None
