"""The JSON interface, version 1: one module a resource, put together here."""

from __future__ import annotations

from typing import Final

from web.policy import Router

PREFIX: Final = "/api/v1"

router: Final = Router(prefix=PREFIX)
