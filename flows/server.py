"""Prefect's own server as one process of ours: `python -m flows.server`, everything by environment.

`prefect server start` is a program that starts another; this is the other, without the first. It
also mends two things (docs/adr/0046): without the one nothing with a schedule is ever scheduled,
without the other SQLite is "locked" when two write at a time.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import uvicorn
from prefect.settings import get_current_settings
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from core.parent import end_with_parent, is_child

APPLICATION: Final = "prefect.server.api.server:create_app"


def main() -> None:
    """Serve until SIGTERM."""
    if is_child(os.environ):
        end_with_parent()
    mend_scheduling()
    mend_locking()
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


def _passed_over(cls: type, mapping: MutableMapping[str, Any], value: Any) -> None:
    """The state is inserted by itself afterwards; the mapping must keep it until then."""
    del cls, mapping, value


if __name__ == "__main__":
    main()
