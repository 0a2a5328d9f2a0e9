"""Logging that cannot give a person away: references and codes go out, values stay in.

An exception's message may hold anything (SQL errors carry parameters, a parser quotes the cell it
could not read), so of an exception only its class and the places it passed are written; our own
refusals (`OverlevError`) keep their one line, which holds nothing about a person by contract.
Facts are logged as `log.info("case swept", extra={"ref": ref, "count": 3})`: only the names of
`FIELDS` are written, and only as numbers or short codes.

Engines are to be made with `hide_parameters=True` as well (`core.db` does).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, Final

from core.errors import OverlevError

FIELDS: Final = frozenset(
    {
        "attempt",
        "count",
        "error",
        "fault",
        "file_format",
        "job",
        "loop",
        "ms",
        "ref",
        "rows",
        "run",
        "state",
        "step",
        "table",
        "task",
        "unit",
        "verb",
    }
)
"""Names that may stand beside a message. A new one must say nothing of a person."""

_CODE: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,64}", re.ASCII)
# Eight digits alone are a phone, prison or identity number, whatever the name beside them.
_NUMBER_OF_A_PERSON: Final = re.compile(r"(?<![0-9A-Za-z-])[0-9]{8,}(?![0-9A-Za-z-])")
_WITHHELD: Final = "(withheld)"
# They write URLs and parameters at INFO.
_TALKATIVE: Final = ("httpx", "httpcore", "sqlalchemy", "urllib3", "uvicorn.access")


class SafeFormatter(logging.Formatter):
    """One line a record; an exception adds a line for each place it passed, never its message."""

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {name}={value}" for name, value in _facts(record).items())
        start = f"{_instant(record)} {record.levelname.lower()} {record.name}: "
        line = start + _message(record) + facts
        return "\n".join([line, *(f"  {place}" for place in _exception_of(record))])


class JsonFormatter(logging.Formatter):
    """One JSON object a record, for machines that gather logs."""

    def format(self, record: logging.LogRecord) -> str:
        written: dict[str, object] = {
            "at": _instant(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_facts(record),
        }
        places = _exception_of(record)
        if places:
            written["exception"] = places
        return json.dumps(written, ensure_ascii=False)


def set_up_logging(
    *, level: int = logging.INFO, as_json: bool = False, stream: IO[str] | None = None
) -> None:
    """Send everything, uncaught exceptions too, through the safe formatter to `stream` (stderr)."""
    out = logging.StreamHandler(sys.stderr if stream is None else stream)
    out.setFormatter(JsonFormatter() if as_json else SafeFormatter())
    root = logging.getLogger()
    root.handlers[:] = [out]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    # A handler that fails must not print the record it failed on.
    logging.raiseExceptions = False


def places(error: BaseException) -> list[str]:
    """Class and places (module:line function) of an exception and what it came from."""
    told: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        told.append(("caused by " if told else "") + _named(current))
        told += _passed(current.__traceback__)
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return told


def _named(error: BaseException) -> str:
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return f"{name}: {error.for_operators}" if isinstance(error, OverlevError) else name


def _passed(traceback: TracebackType | None) -> list[str]:
    # Modules, not paths: a path tells of the machine.
    passed: list[str] = []
    while traceback is not None:
        frame = traceback.tb_frame
        module = frame.f_globals.get("__name__", "?")
        passed.append(f"at {module}:{traceback.tb_lineno} {frame.f_code.co_name}")
        traceback = traceback.tb_next
    return passed


def _exception_of(record: logging.LogRecord) -> list[str]:
    if record.exc_info and record.exc_info[1] is not None:
        return places(record.exc_info[1])
    return []


def _message(record: logging.LogRecord) -> str:
    """The message with its arguments; an exception among them is only named."""
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(_safe(one) for one in arguments)
    elif arguments:
        arguments = {name: _safe(one) for name, one in arguments.items()}
    message = _named(record.msg) if isinstance(record.msg, BaseException) else str(record.msg)
    try:
        message = message % arguments if arguments else message
    except (TypeError, ValueError, KeyError):
        message = f"{message} (its arguments do not fit)"
    # One record is one line: a line break in a value could forge another record.
    return " ".join(message.split())


def _safe(argument: object) -> object:
    return _named(argument) if isinstance(argument, BaseException) else argument


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {
        name: _short(value) for name, value in sorted(record.__dict__.items()) if name in FIELDS
    }


def _short(value: object) -> object:
    if value is None or isinstance(value, float):
        return value
    written = str(value)
    if isinstance(value, int) and len(written) < 8:
        return value
    if _CODE.fullmatch(written) is None or _NUMBER_OF_A_PERSON.search(written):
        return _WITHHELD
    return written


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _log_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    _FAULTS.critical("an error nobody caught", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    error = told.exc_value
    if error is not None:
        _FAULTS.critical(
            "an error nobody caught in a thread",
            exc_info=(told.exc_type, error, told.exc_traceback),
        )


_FAULTS: Final = logging.getLogger("overlev.fault")
