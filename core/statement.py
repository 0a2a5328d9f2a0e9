"""Statements prepared once: written as SQLAlchemy Core, run by the driver without more ado.

`Connection.execute` does its work anew for every call (cache key, context, result metadata): some
50 µs of CPU where the driver itself needs 5. A verb of seven statements feels that. `Prepared`
keeps what compiling a statement gives for each database — its text, the order of its parameters,
how values are written and read — and from then on only calls the driver.

What is kept of `execute`: the transaction, the types, the events around a cursor (statements are
counted by them), and errors as `sqlalchemy.exc.DBAPIError`. What is not: lists in a parameter
(`IN` of any length) and server defaults read back. For those use `execute`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sqlalchemy import BindParameter, Boolean, Connection, Executable, Insert, Integer, String
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError

Values: TypeAlias = Mapping[str, Any]
"""The parameters of a statement by name."""

_Convert: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement for one kind of database.

    `names` and `writers` stand in the order of the text's parameters, in which `take` takes their
    values; `fixed` are values that the statement itself names; `readers` are (position,
    conversion) of the columns that need one.
    """

    text: str
    positional: bool
    names: tuple[str, ...]
    take: Callable[[Values], tuple[Any, ...]]
    writers: tuple[tuple[int, _Convert], ...]
    fixed: Mapping[str, Any]
    readers: tuple[tuple[int, _Convert], ...]

    def parameters(self, values: Values) -> Any:
        """The values as the driver takes them. Raises `KeyError` for one that is missing."""
        if self.fixed:
            values = {**self.fixed, **values}
        given = list(self.take(values))
        for position, write in self.writers:
            if given[position] is not None:
                given[position] = write(given[position])
        return given if self.positional else dict(zip(self.names, given, strict=True))


class Prepared:
    """A statement to be run many times. Keep it at module level: it is compiled at first use."""

    __slots__ = ("_columns", "_ready", "statement")

    def __init__(self, statement: Executable, *, columns: Iterable[str] | None = None) -> None:
        """`columns` are those that an INSERT without `values` writes (all, if left out)."""
        self.statement: Final[Any] = statement
        self._columns: Final = None if columns is None else list(columns)
        self._ready: Final[dict[str, _Ready]] = {}

    def rows(self, tx: Connection, values: Values) -> list[tuple[Any, ...]]:
        """Run a SELECT (or what RETURNs rows): every row as a tuple of Python values."""
        ready = self._for(tx.dialect)
        cursor = _run(tx, ready.text, ready.parameters(values), many=False)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        cursor.close()
        return [_read(row, ready.readers) for row in found] if ready.readers else found

    def row(self, tx: Connection, values: Values) -> tuple[Any, ...] | None:
        """The first row, or None where there is none."""
        found = self.rows(tx, values)
        return found[0] if found else None

    def run(self, tx: Connection, values: Values) -> int:
        """Run an INSERT, UPDATE or DELETE once; returns how many rows it met."""
        ready = self._for(tx.dialect)
        cursor = _run(tx, ready.text, ready.parameters(values), many=False)
        met: int = cursor.rowcount
        cursor.close()
        return met

    def run_each(self, tx: Connection, rows: Sequence[Values]) -> int:
        """Run it for each of `rows`, in order; returns how many rows were met in all."""
        if len(rows) == 1:
            return self.run(tx, rows[0])
        ready = self._for(tx.dialect)
        cursor = _run(tx, ready.text, [ready.parameters(row) for row in rows], many=True)
        met: int = cursor.rowcount
        cursor.close()
        return met

    def _for(self, dialect: Dialect) -> _Ready:
        ready = self._ready.get(dialect.name)
        if ready is None:
            ready = self._ready[dialect.name] = _compiled(self.statement, self._columns, dialect)
        return ready


def _read(row: Sequence[Any], readers: tuple[tuple[int, _Convert], ...]) -> tuple[Any, ...]:
    read = list(row)
    for position, convert in readers:
        if read[position] is not None:
            read[position] = convert(read[position])
    return tuple(read)


def _run(tx: Connection, text: str, given: Any, *, many: bool) -> Any:
    """A cursor in which the statement has run."""
    if not tx.in_transaction():
        tx.begin()  # as `execute` does; whoever closes the connection without a commit rolls back
    cursor: Any = tx.connection.cursor()
    heard = tx.engine.dispatch
    if heard.before_cursor_execute:
        for listener in heard.before_cursor_execute:
            listener(tx, cursor, text, given, None, many)
    try:
        if many:
            cursor.executemany(text, given)
        else:
            cursor.execute(text, given)
    except tx.dialect.loaded_dbapi.Error as error:
        cursor.close()
        raise told(tx, text, error) from error
    if heard.after_cursor_execute:
        for listener in heard.after_cursor_execute:
            listener(tx, cursor, text, given, None, many)
    return cursor


def told(tx: Connection, text: str, error: Exception) -> BaseException:
    """A driver's error as the SQLAlchemy error that `execute` would raise, without values."""
    return DBAPIError.instance(
        text,
        (),
        error,
        tx.dialect.loaded_dbapi.Error,
        hide_parameters=True,
        dialect=tx.dialect,
    )


def _compiled(statement: Any, columns: list[str] | None, dialect: Dialect) -> _Ready:
    # Inline: an INSERT of one row would otherwise ask for the key it was given.
    written = statement.inline() if isinstance(statement, Insert) else statement
    compiler: Any = dialect.statement_compiler
    compiled: Any = _naming(compiler)(dialect, written, column_keys=columns)
    if compiled.post_compile_params or compiled.literal_execute_params:
        raise ValueError("a list in a parameter is expanded at every call: use execute for that")
    names = tuple(compiled.positiontup if compiled.positional else compiled.bind_names.values())
    binds = [compiled.binds[name] for name in names]
    writers = tuple(
        (position, writer)
        for position, bind in enumerate(binds)
        if (writer := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    )
    fixed = {
        name: bind.effective_value
        for name, bind in zip(names, binds, strict=True)
        if not bind.required
    }
    readers = tuple(
        (position, reader)
        for position, column in enumerate(getattr(statement, "selected_columns", ()))
        if (reader := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
    )
    return _Ready(
        compiled.string, compiled.positional, names, _taking(names), writers, fixed, readers
    )


@lru_cache
def _naming(compiler: type[Any]) -> type[Any]:
    """A compiler that writes the values which a statement itself names into its text.

    SQLite looks at a bound value where an index holds only some rows (`WHERE state = 'open'`), and
    reads and plans the statement anew for every value it is given, the same one included: up to
    half of what a short statement takes. Said in the text, it is planned once.
    """

    class Naming(compiler):  # type: ignore[misc]  # known when it runs
        def visit_bindparam(self, bindparam: BindParameter[Any], *given: Any, **how: Any) -> Any:
            if _is_named(bindparam):
                how["literal_binds"] = True
            return super().visit_bindparam(bindparam, *given, **how)

    return Naming


def _is_named(bind: BindParameter[Any]) -> bool:
    """Whether the statement says the value, and as a word, a number, or yes or no."""
    value, kind = bind.value, bind.type
    if isinstance(value, str):
        # SQLAlchemy looks for these in the text, also inside a word.
        plain = isinstance(kind, String) and not any(each in value for each in ("%(", "[", "\0"))
    else:
        # A minus before a negative number would begin a comment.
        plain = isinstance(value, int) and value >= 0 and isinstance(kind, Integer | Boolean)
    return plain and not bind.required and not bind.expanding


def _taking(names: tuple[str, ...]) -> Callable[[Values], tuple[Any, ...]]:
    """A function that takes the values of these names, all at once: it is asked for every row."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple([values[name] for name in names])
