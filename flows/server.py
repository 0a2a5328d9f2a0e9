"""Prefect's own server as one process of ours: `python -m flows.server`, everything by environment.

`prefect server start` is a program that starts another; this is the other, without the first. It
also mends three things (docs/adr/0046): without the first nothing with a schedule is ever
scheduled, without the second SQLite is "locked" when two write at a time, without the third it is
busy doing nothing.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from typing import Any, Final

import uvicorn
from prefect.settings import get_current_settings
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from core.parent import end_with_parent, is_child

APPLICATION: Final = "prefect.server.api.server:create_app"

LEISURE: Final = timedelta(seconds=1)
"""Between two looks of Prefect's server for work of its own, all of which may wait a minute."""


def main() -> None:
    """Serve until SIGTERM."""
    if is_child(os.environ):
        end_with_parent()
    mend_scheduling()
    mend_locking()
    mend_haste()
    api = get_current_settings().server.api
    uvicorn.run(
        APPLICATION,
        factory=True,
        host=api.host,
        port=api.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=api.keepalive_timeout,
        timeout_graceful_shutdown=3,
    )


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


def _passed_over(cls: type, mapping: MutableMapping[str, Any], value: Any) -> None:
    """The state is inserted by itself afterwards; the mapping must keep it until then."""
    del cls, mapping, value


if __name__ == "__main__":
    main()
