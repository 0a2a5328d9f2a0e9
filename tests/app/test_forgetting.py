"""A web process that nobody asks any more lets go of the names it kept for a moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from app.serving import _forgetting
from web.pages import Kept

NOW = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)


def test_after_the_last_list_of_the_evening_no_name_lies_in_memory() -> None:
    kept, clock = Kept(), [NOW]
    kept.rows.keep("row", "Ane Lind", now=NOW)
    kept.frames.keep("frame", "<h1>Ane Lind</h1>", now=NOW)
    kept.answered("nurse", "due", lambda: 7, now=NOW)
    with _forgetting(kept, lambda: clock[0], every=0.01):
        time.sleep(0.1)
        assert (len(kept.rows), len(kept.frames)) == (1, 1)
        clock[0] += timedelta(minutes=2)
        until = time.monotonic() + 10
        while (len(kept.rows) or len(kept.frames)) and time.monotonic() < until:
            time.sleep(0.01)
    assert (len(kept.rows), len(kept.frames)) == (0, 0)
