"""The instants of the benchmarks: the clock stands still, so that every run does the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

NOW: Final = datetime(2026, 9, 1, 6, tzinfo=UTC)
"""08:00 in Norway on a Tuesday, between deadlines of the afternoons before and after."""

BEGINNING: Final = NOW - timedelta(days=365 * 11)
"""Before anything that a benchmark does."""
