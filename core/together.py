"""Short writes that share a commit, on SQLite.

SQLite has one writer at a time, and a third of a short write is its beginning and its commit: the
turn, the log of the file, the way to the disk. So who comes while somebody writes leaves their verb
in a line. Whoever writes next does all that lie there, and commits once.

Each verb stands or falls by itself as before: it runs in a savepoint, and one that is refused takes
back what it did and nothing else. Nobody is answered, not even with a refusal (it may rest on what
a verb before it did), until the commit has gone through. Where the database fails in the midst of a
group, nothing of the group was done, and each of its verbs runs again in a transaction of its own.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, TypeAlias, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core.statement import told
from core.turns import waiting_since

T = TypeVar("T")
Verb: TypeAlias = Callable[[Connection], T]

MOST: Final = 16
"""Verbs of one commit."""

LASTS: Final = 0.02
"""Seconds after which no further verb is taken into a commit: others wait for the turn, too."""

_NAME: Final = "verb"
_UNDONE: Final = object()


class _Job:
    """A verb in the line, and what came of it; `woken` is let go of when it is settled or leads."""

    __slots__ = ("error", "found", "settled", "verb", "woken")

    def __init__(self, verb: Verb[Any]) -> None:
        self.verb: Final = verb
        self.woken: Final = threading.Lock()
        self.woken.acquire()
        self.settled = False
        self.found: Any = _UNDONE
        self.error: BaseException | None = None

    def run(self, how: Callable[[Verb[Any]], Any]) -> None:
        """Do the verb in a transaction of its own, and keep what came of it."""
        self.found, self.error = _UNDONE, None
        try:
            self.found = how(self.verb)
        except BaseException as error:  # noqa: BLE001 - it is raised where the verb came from
            self.error = error

    def told(self) -> Any:
        """What the verb gave; raises what it raised."""
        if self.error is None:
            if self.found is _UNDONE:
                raise RuntimeError("a verb that nobody did must not be taken for done")
            return self.found
        try:
            raise self.error
        finally:
            self.error = None  # else the error, its frames and this hold each other


class Together:
    """The line of verbs at one SQLite database. `write` is a transaction of whoever has the turn.

    Of those in the line the first leads: takes the turn, does its own verb and the next ones, and
    hands the lead to whoever is first then.
    """

    def __init__(self, write: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._write: Final = write
        self._line: Final[deque[_Job]] = deque()
        self._mutex: Final = threading.Lock()
        self._led = False

    def transact(self, verb: Verb[T]) -> T:
        """Do a short verb in a transaction that it may share; returns when that is committed.

        It may run in the thread of another who came here, and a second time where the database
        failed. Raises what the verb raises, and `Busy`.
        """
        came, job = time.monotonic(), _Job(verb)
        with self._mutex:
            self._line.append(job)
            leads, self._led = not self._led, True
        if not leads:
            job.woken.acquire()
        if not job.settled:
            with waiting_since(came):
                group = self._lead(job)
            self._hand_over()
            _settle(group, job)
        return cast("T", job.told())

    def _lead(self, own: _Job) -> list[_Job]:
        """Do what lies in the line, `own` first, and commit; those for whom that is over."""
        group: list[_Job] = []
        try:
            with self._write() as tx:
                until = time.monotonic() + LASTS
                while (job := self._next(group, until)) is not None:
                    group.append(job)
                    _do(job, tx, apart=job is not own)
        except BaseException as error:  # noqa: BLE001 - it is raised where the verb came from
            if not group:  # the turn did not come
                with self._mutex:
                    group.append(self._line.popleft())
            if len(group) == 1:
                own.error = error
            else:
                # Nothing of it was done: each by itself, so that each gets its own answer.
                for job in group:
                    job.run(self._alone)
        return group

    def _next(self, group: list[_Job], until: float) -> _Job | None:
        """The next of the line that is to share the commit; the first always."""
        with self._mutex:
            full = len(group) == MOST or (group and time.monotonic() > until)
            return None if full or not self._line else self._line.popleft()

    def _alone(self, verb: Verb[T]) -> T:
        with self._write() as tx:
            return verb(tx)

    def _hand_over(self) -> None:
        with self._mutex:
            first = self._line[0] if self._line else None
            self._led = first is not None
        if first is not None:
            first.woken.release()


def _do(job: _Job, tx: Connection, *, apart: bool) -> None:
    """Do a verb; one that is `apart` may fail without the others, unless the database does."""
    if not apart:
        job.found = job.verb(tx)
        return
    try:
        with _savepoint(tx):
            job.found = job.verb(tx)
    except DBAPIError:
        raise
    except BaseException as error:  # noqa: BLE001 - it is raised where the verb came from
        job.error = error


@contextmanager
def _savepoint(tx: Connection) -> Iterator[None]:
    """As `begin_nested`, which takes a tenth of a short verb."""
    _say(tx, f"SAVEPOINT {_NAME}")
    try:
        yield
    except BaseException:
        for listener in tx.engine.dispatch.rollback_savepoint:
            listener(tx, _NAME, None)
        _say(tx, f"ROLLBACK TO {_NAME}")
        _say(tx, f"RELEASE {_NAME}")
        raise
    _say(tx, f"RELEASE {_NAME}")


def _say(tx: Connection, statement: str) -> None:
    raw: Any = tx.connection.dbapi_connection
    try:
        raw.execute(statement)
    except tx.dialect.loaded_dbapi.Error as error:
        raise told(tx, statement, error) from error


def _settle(group: list[_Job], own: _Job) -> None:
    """Let those wait no longer whose verbs were done; `own` does not wait."""
    for job in group:
        job.settled = True
        if job is not own:
            job.woken.release()
