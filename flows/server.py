"""Prefect's own server as one process of ours: `python -m flows.server`, everything by environment.

`prefect server start` is a program that starts another; this is the other, without the first. It
also mends four things (docs/adr/0046, 0099): without the first nothing with a schedule is ever
scheduled, without the second SQLite is "locked" when two write at a time, without the third it is
busy doing nothing, without the fourth one of two that start together ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import MutableMapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import Any, Final

import uvicorn
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from core.errors import EXIT_FAULT, UnsafeSettings
from core.parent import end_with_parent, is_child
from flows import environment
from flows.server_start import refuse_unsafe

APPLICATION: Final = "prefect.server.api.server:create_app"

LEISURE: Final = timedelta(seconds=1)
"""Between two looks of Prefect's server for work of its own, all of which may wait a minute."""

MAKING_THE_SCHEMA: Final = 46_3808
"""The advisory lock of who makes or changes the tables of Prefect; any number will do."""

TURN_WITHIN: Final = 300.0
"""Seconds after which nobody is believed to be at it still."""


def main(words: list[str]) -> None:
    """Serve until SIGTERM; `--fd N` is a socket that listens, served in place of a port."""
    if is_child(os.environ):
        end_with_parent()
    environment.for_a_server(os.environ)
    from prefect.settings import get_current_settings  # noqa: PLC0415 - reads what stands there now

    of_server = get_current_settings().server
    api, database = of_server.api, of_server.database.connection_url
    try:
        refuse_unsafe(
            api.host,
            password=api.auth_string is not None,
            database=database.get_secret_value() if database is not None else None,
        )
    except UnsafeSettings as refused:
        sys.stderr.write(f"overlev: {refused.detail}\n")
        sys.exit(refused.exit_code)
    mend_scheduling()
    mend_locking()
    mend_haste()
    mend_starting_together()
    server = uvicorn.Server(
        uvicorn.Config(
            APPLICATION,
            factory=True,
            host=api.host,
            port=api.port,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=api.keepalive_timeout,
            timeout_graceful_shutdown=3,
        )
    )
    given = [socket.socket(fileno=int(words[1]))] if words[:1] == ["--fd"] else None
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=given)
    if not server.started:
        sys.exit(EXIT_FAULT)


def mend_scheduling() -> None:
    """Let scheduled runs be inserted in bulk.

    The scheduler hands over each run with its `state`, a hybrid property of the class and no
    column. SQLAlchemy 2.0 passed over it; 2.1 wants to be told so.
    """
    from prefect.server.database import orm_models  # noqa: PLC0415 - the server alone loads it

    state: Any = orm_models.FlowRun.__dict__["state"]
    if state.bulk_dml_setter is None:
        state.bulk_dml_setter = _passed_over


def mend_locking() -> None:
    """Let each transaction of SQLite wait for its turn at its beginning.

    Prefect begins most of them as readers. One that then wants to write after somebody else has
    written fails at once, "database is locked", however long it was told to wait.
    """
    from prefect.server.database.configurations import (  # noqa: PLC0415 - the server alone loads it
        AioSqliteConfiguration,
    )

    configuration: Any = AioSqliteConfiguration
    of_prefect = AioSqliteConfiguration.begin_transaction

    def as_writer(
        self: AioSqliteConfiguration, session: AsyncSession, **_: bool
    ) -> AbstractAsyncContextManager[AsyncSessionTransaction]:
        return of_prefect(self, session, with_for_update=True)

    configuration.begin_transaction = as_writer


def mend_haste() -> None:
    """Let the server look for background work of its own every second, not four times in one.

    There is no setting for it, and its looks are most of what a house costs in which nothing is
    to be done.
    """
    from prefect.server.api import (  # noqa: PLC0415 - the server alone loads it
        background_workers,
    )

    of_prefect: Any = background_workers
    of_prefect.Worker = partial(
        of_prefect.Worker, minimum_check_interval=LEISURE, scheduling_resolution=LEISURE
    )


def mend_starting_together() -> None:
    """Let servers that share a Postgres bring its schema up to date one after the other.

    Each does so as it starts. Two at a time make the same tables, and one of them ends.
    """
    from prefect.server.database import (  # noqa: PLC0415 - the server alone loads it
        PrefectDBInterface,
    )

    interface: Any = PrefectDBInterface
    of_prefect = PrefectDBInterface.create_db

    async def in_turn(self: PrefectDBInterface) -> None:
        engine = await self.engine()
        if engine.dialect.name != "postgresql":
            await of_prefect(self)
            return
        async with engine.connect() as plain:
            # In no transaction: an index that is built concurrently waits for all that are open.
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            # Asked again and again for the same reason: who waits in a statement is waited for.
            until = time.monotonic() + TURN_WITHIN
            while not await connection.scalar(select(func.pg_try_advisory_lock(MAKING_THE_SCHEMA))):
                if time.monotonic() > until:
                    break
                await asyncio.sleep(LEISURE.total_seconds())
            try:
                await of_prefect(self)
            finally:
                await connection.scalar(select(func.pg_advisory_unlock(MAKING_THE_SCHEMA)))

    interface.create_db = in_turn


def _passed_over(cls: type, mapping: MutableMapping[str, Any], value: Any) -> None:
    """The state is inserted by itself afterwards; the mapping must keep it until then."""
    del cls, mapping, value


if __name__ == "__main__":
    main(sys.argv[1:])
