from __future__ import annotations

import io
import json
import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from core.errors import Refused
from core.log import JsonFormatter, SafeFormatter, set_up_logging

log = logging.getLogger("tests.log")


@pytest.fixture(params=[False, True], ids=["lines", "json"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the logger writes, in both forms."""
    out = io.StringIO()
    stream = logging.StreamHandler(out)
    stream.setFormatter(JsonFormatter() if request.param else SafeFormatter())
    log.handlers[:] = [stream]
    log.propagate = False
    log.setLevel(logging.DEBUG)
    yield out
    log.handlers.clear()
    log.propagate = True
    log.setLevel(logging.NOTSET)


def test_a_fault_is_told_by_class_and_place_but_never_by_its_words(written: io.StringIO) -> None:
    def lose_the_name() -> None:
        name = "Kari Nordmann"
        try:
            raise ValueError(name)
        except ValueError as cause:
            raise sqlite3.OperationalError(f"parameters: {name}") from cause

    try:
        lose_the_name()
    except sqlite3.OperationalError:
        log.exception("the write failed")

    said = written.getvalue()
    assert "Kari" not in said
    assert "the write failed" in said
    assert "sqlite3.OperationalError" in said
    assert "caused by ValueError" in said
    assert "lose_the_name" in said
    assert "/" not in said  # places are modules: a path tells of the machine


def test_a_refusal_of_ours_keeps_its_line(written: io.StringIO) -> None:
    try:
        raise Refused("the task is done already: undo it first")
    except Refused:
        log.exception("refused")

    assert "the task is done already: undo it first" in written.getvalue()


def test_an_exception_among_the_arguments_is_only_named(written: io.StringIO) -> None:
    log.warning("gave up: %s", ValueError("Kari Nordmann"))
    log.warning("gave up: %(error)s", {"error": ValueError("Kari Nordmann")})
    log.warning(ValueError("Kari Nordmann"))

    said = written.getvalue()
    assert "Kari" not in said
    assert said.count("ValueError") == 3


def test_facts_are_written_by_name_and_only_as_codes(written: io.StringIO) -> None:
    log.info("swept", extra={"ref": "abcde23456", "count": 3, "ms": 1.5})
    log.info("swept", extra={"ref": "Kari Nordmann", "unit": "40000000", "count": 40000000})
    log.info("swept", extra={"person": "Kari Nordmann"})

    first, second, third = written.getvalue().splitlines()
    assert "abcde23456" in first
    assert "3" in first
    assert "40000000" not in second
    assert second.count("(withheld)") == 3
    assert "Kari" not in first + second + third


def test_one_record_is_one_line_and_cannot_forge_another(written: io.StringIO) -> None:
    log.info("read %s", "a\n2026-09-01 info core: all is well")

    assert written.getvalue().count("\n") == 1


@pytest.mark.parametrize("form", [SafeFormatter(), JsonFormatter()])
def test_a_message_whose_arguments_do_not_fit_is_still_written(form: logging.Formatter) -> None:
    record = logging.LogRecord("core", logging.INFO, "", 1, "read %d of %d", (1,), None)

    assert "read %d of %d" in form.format(record)


def test_the_json_form_is_one_object_with_level_and_time() -> None:
    record = logging.LogRecord("core.db", logging.WARNING, "", 1, "slow", None, None)
    record.created = 0.25
    read = json.loads(JsonFormatter().format(record))

    assert read == {
        "at": "1970-01-01T00:00:00.250+00:00",
        "level": "warning",
        "logger": "core.db",
        "message": "slow",
    }


def test_whatever_nobody_caught_goes_through_the_same_door() -> None:
    program = """
import threading
from core.log import set_up_logging
set_up_logging()
def fall(): raise ValueError("Kari Nordmann")
thread = threading.Thread(target=fall)
thread.start()
thread.join()
fall()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert "Kari" not in done.stdout + done.stderr
    assert done.stderr.count("ValueError") == 2


def test_setting_up_leaves_one_stream_and_silences_the_talkative(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    out = io.StringIO()
    try:
        set_up_logging(stream=out, as_json=True)
        logging.getLogger("httpx").info("GET https://example.org/?name=Kari")
        logging.getLogger("core.x").info("hello")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(capture=False)

    assert [json.loads(line)["message"] for line in out.getvalue().splitlines()] == ["hello"]
