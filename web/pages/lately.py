"""What was worked out a moment ago and need not be worked out again, for a short time.

Only what follows from its key alone is kept here: the key holds everything that was read for it,
so that what has changed is not found. How long it may lie here is a matter of memory and of
privacy: names stand in it in plain, and nobody who erased a person wants theirs to lie about.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from cases.soonest import Lines

V = TypeVar("V")

NAMES_LIE: Final = timedelta(minutes=1)
ANSWERS_LIE: Final = timedelta(seconds=10)
"""What others did meanwhile shows in a count this much later, or twice."""

MOST_ROWS: Final = 4_000
"""About 3 kB each: the first fifty of eighty units."""

MOST_FRAMES: Final = 400
"""About 10 kB each."""

MOST_ANSWERS: Final = 2_000


class Lately(Generic[V]):
    """Values by their keys, each for at least `lasts` (unless `most` others come), twice at most.

    In two halves, one being filled and one full, which is thrown away whole when its time has come.
    """

    def __init__(self, *, lasts: timedelta, most: int) -> None:
        self._lasts: Final = lasts
        self._half: Final = most // 2
        self._new: dict[Hashable, V] = {}
        self._old: dict[Hashable, V] = {}
        self._since: datetime | None = None
        self._lock: Final = threading.Lock()

    def find(self, key: Hashable, *, now: datetime) -> V | None:
        """What is kept under a key, None for nothing; `now` by the real clock."""
        self.turn(now)
        found = self._new.get(key)
        return found if found is not None else self._old.get(key)

    def find_all(self, keys: Iterable[Hashable], *, now: datetime) -> list[V | None]:
        """As `find`, of many."""
        self.turn(now)
        new, old = self._new.get, self._old.get
        return [found if (found := new(key)) is not None else old(key) for key in keys]

    def keep(self, key: Hashable, value: V, *, now: datetime) -> V:
        """Keep a value under its key; returns it."""
        self.turn(now)
        with self._lock:
            self._new[key] = value
        return value

    def made(self, key: Hashable, make: Callable[[], V], *, now: datetime) -> V:
        """What is kept under a key, made first where there is nothing."""
        found = self.find(key, now=now)
        return found if found is not None else self.keep(key, make(), now=now)

    def at(self, now: datetime) -> Now[V]:
        """The store at a moment of the real clock."""
        return Now(self, now)

    def turn(self, now: datetime) -> None:
        """Throw the full half away when its time has come; both, after a pause."""
        with self._lock:
            if self._since is None or now - self._since >= 2 * self._lasts:
                self._old, self._new, self._since = {}, {}, now
            elif now - self._since >= self._lasts:
                self._old, self._new, self._since = self._new, {}, self._since + self._lasts
            elif len(self._new) >= self._half:
                self._old, self._new, self._since = self._new, {}, now

    def __len__(self) -> int:
        return len(self._new) + len(self._old)


class Now(Generic[V]):
    """A store at one moment, for those who know no other clock than that of the house."""

    def __init__(self, store: Lately[V], now: datetime) -> None:
        self._store: Final = store
        self._now: Final = now

    def find_all(self, keys: Iterable[Hashable]) -> list[V | None]:
        """What is kept under each key, None for nothing."""
        return self._store.find_all(keys, now=self._now)

    def keep(self, key: Hashable, value: V) -> V:
        """Keep a value under its key; returns it."""
        return self._store.keep(key, value, now=self._now)


class Kept:
    """What the pages of one process keep: rows of lists, what is around them, and their number.

    `lines` (the open tasks of a case, whose identity is sealed there), `rows` and `frames` are kept
    by all that was read for them, frames for their reader alone. An answer (how many there are,
    which reports wait) follows from what others do, too: it is forgotten with the next form of its
    own reader, and by the page that tells of one, and otherwise lies for some seconds.
    """

    def __init__(self) -> None:
        self.lines: Final[Lately[Lines]] = Lately(lasts=NAMES_LIE, most=MOST_ROWS)
        self.rows: Final[Lately[Any]] = Lately(lasts=NAMES_LIE, most=MOST_ROWS)
        self.frames: Final[Lately[Any]] = Lately(lasts=NAMES_LIE, most=MOST_FRAMES)
        self._answers: Final[Lately[Any]] = Lately(lasts=ANSWERS_LIE, most=MOST_ANSWERS)
        self._forms: Final[Counter[str]] = Counter()

    def turn(self, now: datetime) -> None:
        """Let go of what has lain here long enough, though nobody asks for a list any more."""
        for each in (self.lines, self.rows, self.frames, self._answers):
            each.turn(now)

    def sent(self, account: str) -> None:
        """Somebody has sent a form: what they see next is counted anew."""
        self._forms[account] += 1

    def answered(
        self, account: str, what: Hashable, answer: Callable[[], V], *, now: datetime
    ) -> V:
        """What an account is told of `what`, found out where it was not a moment ago.

        `now` by the real clock.
        """
        found: V = self._answers.made((account, self._forms[account], what), answer, now=now)
        return found
