"""The pages of staff, as HTML: one module a page, put together here."""

from __future__ import annotations

from typing import Final

from web.pages import (
    acts,
    case,
    choices,
    front,
    overdue,
    search,
    sign_in,
    static_files,
    task,
    today,
)
from web.pages.refusals import refused
from web.policy import Router

__all__ = ["refused", "router"]

router: Final = Router(include_in_schema=False)
for _page in (
    static_files,
    front,
    sign_in,
    choices,
    today,
    acts,
    case,
    task,
    search,
    overdue,
):
    router.include_router(_page.router)
