"""Prefect's own server as one process of ours: `python -m flows.server`, everything by environment.

`prefect server start` is a program that starts another; this is the other, without the first. It
also mends the one thing in which this version of Prefect does not fit SQLAlchemy 2.1: without it
nothing that has a schedule is ever scheduled (docs/adr/0046).
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Any, Final

import uvicorn
from prefect.settings import get_current_settings

from core.parent import end_with_parent, is_child

APPLICATION: Final = "prefect.server.api.server:create_app"


def main() -> None:
    """Serve until SIGTERM."""
    if is_child(os.environ):
        end_with_parent()
    mend_scheduling()
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


def _passed_over(cls: type, mapping: MutableMapping[str, Any], value: Any) -> None:
    """The state is inserted by itself afterwards; the mapping must keep it until then."""
    del cls, mapping, value


if __name__ == "__main__":
    main()
