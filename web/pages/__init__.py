"""The pages of staff, as HTML: one module a page, put together here."""

from __future__ import annotations

from typing import Final

from web.pages import (
    acts,
    admin_packages,
    admin_people,
    admin_system,
    admin_texts,
    admin_units,
    again,
    appointments,
    case,
    choices,
    consents,
    contact,
    follow_up,
    front,
    guide,
    imports,
    leading,
    leaving,
    me,
    messages,
    naloxone,
    overdue,
    papers,
    rebase,
    release_date,
    search,
    sessions,
    sign_in,
    sign_in_provider,
    static_files,
    task,
    tertial,
    tertial_own,
    today,
    tour,
    training,
    transfers,
    unplanned,
    workload,
)
from web.pages.kept_pages import KeptPages
from web.pages.lately import Kept
from web.pages.refusals import refused
from web.policy import Router

__all__ = ["Kept", "KeptPages", "refused", "router"]

router: Final = Router(include_in_schema=False)
for _page in (
    static_files,
    front,
    sign_in,
    sign_in_provider,
    choices,
    acts,
    admin_packages,
    admin_people,
    admin_system,
    admin_texts,
    admin_units,
    again,
    appointments,
    case,
    consents,
    contact,
    follow_up,
    guide,
    imports,
    leading,
    leaving,
    me,
    messages,
    naloxone,
    overdue,
    papers,
    rebase,
    release_date,
    search,
    sessions,
    task,
    tertial,
    tertial_own,
    today,
    tour,
    training,
    transfers,
    unplanned,
    workload,
):
    router.take(_page.router)
