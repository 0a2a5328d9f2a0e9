"""The database: one door to SQLite (the embedded default) and Postgres, the same code for both.

A write opens and closes its transaction inside the caller's own call::

    with db.write() as tx:
        service.complete_task(tx, viewer, ref, done, now=now)

or, where a deadlock may make the whole verb run again, ``db.transact(lambda tx: verb(tx, …))``.
On SQLite there is one writer at a time on the machine, who takes the turn (`core.turns`) before
``BEGIN IMMEDIATE``; whoever does not get it within `WRITE_PATIENCE` gets `Busy`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import (
    URL,
    Connection,
    DateTime,
    Engine,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeEngine

from core.away import why_away
from core.errors import Busy
from core.statement import told
from core.together import Together
from core.turns import WriterQueue

T = TypeVar("T")

WRITE_PATIENCE = 2.0
"""Seconds a writer waits for its turn."""

TRIES = 3
"""How often a whole verb runs when Postgres reports a deadlock or a serialization failure."""

POOL_SIZE = 48
"""Connections kept: at least as many as the threads that may ask at once."""

CACHE_KIB = 16_000
"""KiB that SQLite keeps of a database in memory, for each connection."""

RERUN_STATES = frozenset({"40001", "40P01"})

BUSY_STATES = frozenset({"25P03", "25P04", "55P03", "25006"})
"""Postgres gave up a transaction that slept or lasted too long, or waited for a lock too long; or
it only reads for now, as a standby does until it takes over."""

_NOT_ALLOWED = "42501"
"""Postgres: the user may not. Of the user that the address names, and of nobody who asked."""

SLEEPING_AFTER = 15
LASTING = 60
LOCKED_AFTER = 5
"""Seconds after which Postgres ends a transaction whose process sleeps (a worker that was stopped,
a machine that hangs: its locks would be held as long), one that lasts too long whatever it does (a
process may be stopped where Postgres does not count it as asleep: in the middle of a pipeline), and
a statement that waits for a row."""

_OPTIONS = (
    "-c timezone=UTC"
    f" -c idle_in_transaction_session_timeout={SLEEPING_AFTER}s -c lock_timeout={LOCKED_AFTER}s"
)
_LIMITS_TRANSACTIONS = 17
"""The first version of Postgres that ends a transaction which lasts too long."""

_PASSES = ("locked", "busy", "disk", "full", "unable to open", "readonly")
"""In what SQLite says of something that is no fault of the statement."""

_AWAY = "The database does not answer now. Try again in a moment."
_WHY = {
    "full": "The disk of the database is full: nothing was changed. Make room on it.",
    "readonly": "The database cannot be written: check its disk, and the rights of its file.",
    "disk i/o": "The disk of the database refuses: make room on it, or check it.",
    "unable to open": "The database cannot be opened: check the rights of its file, and its disk.",
}
"""What does not pass by itself, by what SQLite says, with the way out."""

_DAMAGED = ("malformed", "not a database")
_IS_DAMAGED = "is damaged: run `overlev doctor`, and put it back from its backup"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of every floor stands here, so that a migration can be compared with the code."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, the only type for times.

    Postgres keeps `timestamptz`; SQLite keeps text of fixed width in UTC
    (``2026-09-01T06:00:00.000000Z``), so that text order is time order. Naive values are refused.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    # The conversions themselves, not `process_bind_param` and `process_result_value`: those are
    # wrapped twice, and a case has fifty instants.
    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return _stored_text if dialect.name == "sqlite" else _stored_instant

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        del coltype
        return _read_text if dialect.name == "sqlite" else _read_instant


def _stored_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = _aware(value)
    return instant_text(value)


def _stored_instant(value: datetime | None) -> datetime | None:
    return None if value is None else _aware(value)


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        msg = "a naive datetime cannot be stored; give it a time zone"
        raise ValueError(msg)
    return value


def _read_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _read_instant(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else value.astimezone(UTC)


@lru_cache(maxsize=4096)
def instant_text(value: datetime) -> str:
    """The instant as text of fixed width in UTC; its order is the order of time.

    Remembered, because a change writes its own instant many times over.
    """
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return (
        f"{value.year:04}-{value.month:02}-{value.day:02}"
        f"T{value.hour:02}:{value.minute:02}:{value.second:02}.{value.microsecond:06}Z"
    )


class Database:
    """An engine with its writer's queue. `url` is an SQLAlchemy URL (sqlite or postgresql)."""

    def __init__(
        self,
        url: str,
        *,
        secrets: object | None = None,
        patience: float = WRITE_PATIENCE,
        setting: str = "OVERLEV_DATABASE_URL",
    ) -> None:
        self.url: URL = make_url(url)
        self._setting = setting
        self.secrets = secrets
        self.patience = patience
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writing: Connection | None = None
        self._writing_pid = 0
        self._glancing: Connection | None = None
        self._glancing_pid = 0
        self._glance_lock = threading.Lock()
        if self.is_sqlite:
            self.engine: Engine = create_engine(
                self.url,
                hide_parameters=True,
                pool_size=POOL_SIZE,
                max_overflow=16,
                pool_timeout=patience,
                pool_use_lifo=True,  # the connection used last has the warmest cache
                query_cache_size=2000,
                connect_args={
                    "check_same_thread": False,
                    "timeout": patience,
                    # A verb's texts number some hundred and fifty; the driver keeps 128 parsed.
                    "cached_statements": 512,
                },
            )
            event.listen(self.engine, "connect", _prepare_sqlite)
            self._queue = WriterQueue(Path(str(self.url.database)), patience)
            self._together = Together(self.write)
        else:
            if self.url.get_driver_name() in ("psycopg2", ""):
                self.url = self.url.set(drivername="postgresql+psycopg")
            self.engine = create_engine(
                self.url,
                hide_parameters=True,
                pool_size=POOL_SIZE,
                max_overflow=16,
                pool_timeout=patience,
                pool_use_lifo=True,  # the connection used last has the warmest cache
                pool_pre_ping=False,
                query_cache_size=2000,
                connect_args={"options": _OPTIONS, "connect_timeout": 5},
            )
        event.listen(self.engine, "connect", self._equip)

    def _equip(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        # The keys travel with the connection, so that a verb takes one thing, its transaction,
        # and nothing reaches for a global (docs/adr/0003).
        record.info["secrets"] = self.secrets
        if not self.is_sqlite:
            raw: Any = connection
            if raw.info.server_version >= _LIMITS_TRANSACTIONS * 10_000:
                raw.execute(f"SET transaction_timeout = '{LASTING}s'")
                raw.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, all of it in one snapshot."""
        with self._told(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                if self.is_sqlite:
                    _begin_sqlite(connection, "BEGIN")
                yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """As `read`, for a short look that is logged right after it: the lists of people.

        On SQLite a commit makes every other connection read its pages anew, and the log row of a
        look is such a commit. So a look is taken on the connection that will write it down, unless
        somebody writes now. Nothing may be written inside, and who wants to write waits for its
        end: what may last is for `read`.
        """
        if not self.is_sqlite:
            with self.read() as connection:
                yield connection
            return
        with ExitStack() as stack:
            if stack.enter_context(self._queue.if_nobody_writes()):
                stack.enter_context(self._told())
                with _begun(self._writer(), "BEGIN", self._forget_writer) as connection:
                    yield connection
            else:
                yield stack.enter_context(self.read())

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """As `read`, for a look that is over before another thread would have its turn.

        On SQLite one connection is kept for it: taking one from the pool and giving it back is half
        of such a look. Whoever comes while it is in use reads as always.
        """
        if not self.is_sqlite or not self._glance_lock.acquire(blocking=False):
            with self.read() as connection:
                yield connection
            return
        try:
            with (
                self._told(),
                _begun(self._glancer(), "BEGIN", self._forget_glancer) as connection,
            ):
                yield connection
        finally:
            self._glance_lock.release()

    def _glancer(self) -> Connection:
        if self._glancing is None or self._glancing_pid != os.getpid():
            # A forked child leaves its parent's connection alone.
            self._glancing, self._glancing_pid = self.engine.connect(), os.getpid()
        return self._glancing

    def _forget_glancer(self) -> None:
        if self._glancing is not None and self._glancing_pid == os.getpid():
            self._glancing.invalidate()
            self._glancing.close()
        self._glancing = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; commits at the end, rolls back on any exception.

        Raises `Busy` when no turn to write came within the patience, or the database is away.
        """
        if not self.is_sqlite:
            with self._told(), self.engine.connect() as connection:
                committing = False
                try:
                    with connection.begin():
                        yield connection
                        committing = True
                except DBAPIError:
                    if committing:
                        _tell_rolled_back(connection)
                    raise
            return
        with (
            self._told(),
            self._queue.turn(),
            # The write lock at BEGIN, not at the first write, is what makes a read-then-write verb
            # safe: nobody can change the row in between.
            _begun(self._writer(), "BEGIN IMMEDIATE", self._forget_writer) as connection,
        ):
            yield connection

    def _writer(self) -> Connection:
        """The one connection that writes on SQLite, kept: only who has the turn may use it.

        Taking one from the pool and giving it back for every transaction takes three times as
        long as beginning and ending the transaction.
        """
        if self._writing is None or self._writing_pid != os.getpid():
            # A forked child leaves its parent's connection alone.
            self._writing, self._writing_pid = self.engine.connect(), os.getpid()
        return self._writing

    def _forget_writer(self) -> None:
        if self._writing is not None and self._writing_pid == os.getpid():
            self._writing.invalidate()
            self._writing.close()
        self._writing = None

    def transact(self, verb: Callable[[Connection], T]) -> T:
        """Run a verb in a write transaction; on deadlock or serialization failure run it again."""
        for tried in range(1, TRIES + 1):
            try:
                with self.write() as tx:
                    return verb(tx)
            except DBAPIError as error:
                if _sqlstate(error) not in RERUN_STATES:
                    raise
                if tried == TRIES:
                    raise Busy(
                        "The database is busy with the same case. Try again in a moment."
                    ) from error
        msg = "unreachable"
        raise AssertionError(msg)

    def transact_together(self, verb: Callable[[Connection], T]) -> T:
        """As `transact`, for a short verb that many ask for at once.

        On SQLite those who wait share one commit (`core.together`); none returns before it. The
        verb may then run in another thread, and a second time.
        """
        return self._together.transact(verb) if self.is_sqlite else self.transact(verb)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn a full queue, a locked file or a lost server into `Busy`, with the way out."""
        try:
            yield
        except NoConnectionFree as error:
            raise Busy(_AWAY) from error
        except DBAPIError as error:
            if self.is_sqlite and any(sign in str(error.orig).lower() for sign in _DAMAGED):
                raise Busy(_AWAY, told=f"the database {self.url.database} {_IS_DAMAGED}") from error
            state = _sqlstate(error)
            given_up = state in BUSY_STATES
            away = isinstance(error, OperationalError) or state == _NOT_ALLOWED
            if not given_up and not away:
                raise
            if state in RERUN_STATES:
                raise
            text = str(error.orig).lower()
            if self.is_sqlite and not any(sign in text for sign in _PASSES):
                raise
            if not self.is_sqlite:
                of_server = "" if given_up else why_away(self.url, self._setting, text)
                raise Busy(_AWAY, told=of_server) from error
            why = next((says for sign, says in _WHY.items() if sign in text), _AWAY)
            raise Busy(why) from error

    def close(self) -> None:
        """Give all connections back. Whoever is writing on SQLite writes to the end first."""
        if self.is_sqlite:
            with self._queue.nobody_here():
                self._forget_writer()
            with self._glance_lock:
                self._forget_glancer()
        self.engine.dispose()


class Transactions(Protocol):
    """Where a write transaction comes from: a `Database`, or `Inside` one that is open."""

    def transact(self, verb: Callable[[Connection], T]) -> T:
        """Run a verb in a write transaction."""


class Inside:
    """One open transaction, in which everything that asks for one of its own runs.

    For what must come whole or not at all though its parts commit by themselves elsewhere.
    """

    def __init__(self, tx: Connection) -> None:
        self._tx = tx

    def transact(self, verb: Callable[[Connection], T]) -> T:
        """Run a verb in the open transaction."""
        return verb(self._tx)


def unhurried(tx: Connection) -> None:
    """Let this one transaction last, sleep and wait for locks as it likes.

    For what nobody waits for: a migration, a report. On SQLite there is nothing to be said.
    """
    if tx.dialect.name == "postgresql":
        limits = ["idle_in_transaction_session_timeout", "lock_timeout"]
        if (tx.dialect.server_version_info or (0,)) >= (_LIMITS_TRANSACTIONS,):
            limits.append("transaction_timeout")
        # In one go: each by itself would be a way to the server and back.
        tx.exec_driver_sql("; ".join(f"SET LOCAL {limit} = 0" for limit in limits))


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    del record
    raw: Any = connection
    raw.isolation_level = None  # the driver must not begin by itself; see _begin_sqlite
    cursor = raw.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        # Else INSERT OR REPLACE would delete rows of a log without asking its trigger.
        "recursive_triggers = ON",
        "temp_store = MEMORY",
        f"cache_size = -{CACHE_KIB}",
        "journal_size_limit = 67108864",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextmanager
def _begun(connection: Connection, how: str, forget: Callable[[], None]) -> Iterator[Connection]:
    """A transaction on a connection that is kept, and forgotten where it may be ill."""
    committing = False
    try:
        with connection.begin():
            _begin_sqlite(connection, how)
            yield connection
            committing = True
    except DBAPIError:
        if committing:
            _tell_rolled_back(connection)
        forget()
        raise


def _tell_rolled_back(connection: Connection) -> None:
    """Tell those who keep something by transaction of a commit that failed: SQLAlchemy does not."""
    for listener in connection.engine.dispatch.rollback:
        listener(connection)


def _begin_sqlite(connection: Connection, statement: str) -> None:
    """Begin a transaction, because the driver must not do it by itself.

    Called where a transaction is opened and not by an event: an engine on which anything listens
    runs every event of every statement, 100 µs of a verb.
    """
    raw: Any = connection.connection.dbapi_connection
    try:
        raw.execute(statement)
    except connection.dialect.loaded_dbapi.Error as error:
        raise told(connection, statement, error) from error


def secrets_of(tx: Connection) -> object:
    """The keys that `Database` was given, as they travel with every one of its connections."""
    secrets = tx.info.get("secrets")
    if secrets is None:
        msg = "this database was opened without keys"
        raise RuntimeError(msg)
    return secrets


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
