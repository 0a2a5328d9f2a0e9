"""Reading a roster in a child process that can do little harm if the file is hostile.

The child gets the open file as its standard input and answers with lines of JSON on its standard
output: the header, the rows, an end. It has limits on memory, CPU, files and processes (where the
platform has them), none of our environment, and is killed when it stays silent. What it says goes
through a pipe of bounded size, so memory does not grow when the reader of the rows is slow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from cases.roster_columns import RawRow, RosterHeader
from cases.roster_file import DEFAULT_LIMITS, MIB, Limits, open_file, open_roster
from core.errors import BadInput
from core.processors import let_go

# Address space of the child, bytes. 100,000 rows of XLSX do with 150 MB of it.
MEMORY: Final = 256 * MIB
# Seconds of CPU in the child, and of waiting for it in all; 100,000 rows of XLSX take about 10.
CPU_SECONDS: Final = 120
PATIENCE: Final = 240.0

_BATCH: Final = 200
_BATCH_LETTERS: Final = 100_000
_READ: Final = 64 * 1024
# A batch holds at most its letters and one full row, each letter up to twelve bytes of JSON.
_LONGEST_LINE: Final = 4 * MIB
_OUT_OF_MEMORY: Final = 7
_HEADER: Final = "header"
_ROWS: Final = "rows"
_REFUSED: Final = "refused"
_END: Final = "end"
# The only names of our environment that a Python needs to start.
_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "TZ")
# -I: neither environment nor working folder decides what is imported; our own code comes first.
_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from cases.roster_child import main; sys.exit(main(sys.argv[2:]))"
)


def parse_in_child(
    path: Path,
    *,
    name: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    patience: float = PATIENCE,
    memory: int = MEMORY,
) -> ChildRoster:
    """Start the child and wait for the header; iterate over the answer for the rows.

    `name` is what the sender called the file (default: the path's own name), `patience` the
    seconds spent waiting for the child in all, `memory` its address space in bytes. Raises
    `BadInput` as `roster_file.open_roster` does, here or (seldom) while rows are read: `too_large`
    for a child that hit a limit, `unreadable` for one that died otherwise.
    """
    shown = path.name if name is None else name
    with open_file(path) as stream:
        return ChildRoster(stream, Path(shown).suffix, limits, patience, memory)


class ChildRoster(Iterator[RawRow]):
    """The rows of a roster as the child gives them. Close it, or use it in a `with`."""

    def __init__(
        self, stream: BinaryIO, suffix: str, limits: Limits, patience: float, memory: int
    ) -> None:
        asked = json.dumps([suffix, memory, *dataclasses.astuple(limits)])
        root = str(Path(__file__).resolve().parent.parent)
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter, our own program
            [sys.executable, "-I", "-B", "-X", "utf8", "-c", _PROGRAM, root, asked],
            stdin=stream,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback could hold what stands in the file
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            cwd=root,
        )
        let_go(self._child.pid)
        self._answers = _answers(self._child, patience)
        self._rows: Iterator[RawRow] = iter(())
        try:
            line, columns, unknown, rows = next(self._answers)
        except BaseException:
            self.close()
            raise
        self.header = RosterHeader(line, tuple(columns), tuple(unknown), rows)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> RawRow:
        for row in self._rows:
            return row
        try:
            batch = next(self._answers)
        except (StopIteration, BadInput):
            self.close()
            raise
        self._rows = (RawRow(line, cells, spilled) for line, cells, spilled in batch)
        return next(self._rows)  # a batch is never empty

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Somebody who stops reading half-way leaves no process behind.
        if hasattr(self, "_child"):
            self.close()

    def close(self) -> None:
        """End the child, if it still runs."""
        self._answers.close()
        self._child.kill()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


# Functions, not methods: a generator that holds its owner would keep it, and the child, alive.
def _answers(child: subprocess.Popen[bytes], patience: float) -> Generator[list[Any], None, None]:
    """The header, then batches of rows. Ends at the child's word only, never at a mere EOF."""
    for line in _lines(child, patience):
        word, *answer = json.loads(line)
        if word == _END:
            return
        if word == _REFUSED:
            reason, detail, field = answer
            raise BadInput(reason, detail, field)
        yield answer
    code = child.wait()
    raise _too_large() if code < 0 or code == _OUT_OF_MEMORY else _unreadable()


def _lines(child: subprocess.Popen[bytes], patience: float) -> Iterator[bytes]:
    if child.stdout is None:
        raise RuntimeError("the child was started without a pipe")
    pipe = child.stdout.fileno()
    pending = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            # Only our waiting counts, not what the caller does with the rows meanwhile.
            began = time.monotonic()
            ready = selector.select(max(patience, 0))
            patience -= time.monotonic() - began
            if not ready:
                raise _too_large()
            chunk = os.read(pipe, _READ)
            if not chunk:
                return
            *lines, rest = chunk.split(b"\n")
            if lines:
                yield bytes(pending + lines[0])
                yield from lines[1:]
                pending.clear()
            pending += rest
            if len(pending) > _LONGEST_LINE:
                raise _too_large()


def _too_large() -> BadInput:
    return BadInput(
        "too_large",
        "reading the file takes more memory or time than a roster needs:"
        " split it, one prison per file, or save it as CSV",
    )


def _unreadable() -> BadInput:
    return BadInput("unreadable", "the file cannot be read: save it again, as CSV (UTF-8)")


# --- inside the child --------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """The child's whole life: standard input is the file, standard output the answer."""
    suffix, memory, *numbers = json.loads(arguments[0])
    if suffix.lower() == ".xlsx":
        # Our own programs come before the limit: where their import runs out of memory, they die in
        # ways of their own, and nobody is told that the file asks for too much.
        import_module("cases.roster_xlsx")
    _limit_ourselves(memory)
    try:
        with open(0, "rb", closefd=False) as stream:
            roster = open_roster(stream, name=f"roster{suffix}", limits=Limits(*numbers))
            header = roster.header
            _say(_HEADER, header.line, header.columns, header.unknown, header.rows)
            _say_rows(roster.rows)
            _say(_END)
    except BadInput as refused:
        _say(_REFUSED, refused.reason, refused.detail, refused.field)
    except (MemoryError, SystemError):  # the second comes of an allocation that nobody looked at
        return _OUT_OF_MEMORY
    except BrokenPipeError:
        # Nobody reads any more. Python would complain again when it flushes at exit.
        os._exit(1)
    return 0


def _say(word: str, *answer: object) -> None:
    sys.stdout.buffer.write(json.dumps([word, *answer], separators=(",", ":")).encode() + b"\n")
    sys.stdout.buffer.flush()


def _say_rows(rows: Iterator[RawRow]) -> None:
    batch: list[tuple[int, dict[str, str], bool]] = []
    letters = 0
    for row in rows:
        batch.append((row.line, row.cells, row.spilled))
        letters += sum(map(len, row.cells.values()))
        if len(batch) >= _BATCH or letters > _BATCH_LETTERS:
            _say(_ROWS, *batch)
            batch, letters = [], 0
    if batch:
        _say(_ROWS, *batch)


def _limit_ourselves(memory: int) -> None:
    """Limits that only the kernel can lift again. Without `resource` (Windows) patience is all."""
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return
    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for limit, value in wanted.items():
        hard = resource.getrlimit(limit)[1]
        ours = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # Some systems know a limit and refuse to set it; the others still hold.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (ours, ours))
