"""Every table of every floor, gathered: what the migrations must add up to."""

from __future__ import annotations

from cases.tables import APPEND_ONLY as CASE_FACTS
from core.append_only import purge_permit
from core.chain import chain
from core.db import metadata
from notifications.tables import APPEND_ONLY as MESSAGE_FACTS
from reports.tables import APPEND_ONLY as REPORT_FACTS

APPEND_ONLY = tuple(sorted({*CASE_FACTS, *MESSAGE_FACTS, *REPORT_FACTS}))

__all__ = ["APPEND_ONLY", "chain", "metadata", "purge_permit"]
