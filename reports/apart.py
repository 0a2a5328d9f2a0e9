"""A report as PDF, made by a child process: the drawing engine costs a server 150 MB for good.

The child reads the report as JSON on its standard input and writes the file to its standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from core.clock import parse_instant
from core.db import instant_text
from core.errors import Busy
from core.processors import let_go
from reports.body import report_of
from reports.figures import Report, Seal, cells

PATIENCE: Final = 120.0
"""Seconds that one PDF may take."""

_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "TZ")
_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from reports.apart import main; main()"
)


def pdf_apart(report: Report) -> bytes:
    """The same bytes as `export_pdf.as_pdf`. Raises `Busy` where the child does not answer."""
    root = str(Path(__file__).resolve().parents[1])
    known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    with subprocess.Popen(  # noqa: S603 - our own interpreter, our own program
        [sys.executable, "-I", "-B", "-X", "utf8", "-c", _PROGRAM, root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=known,
    ) as child:
        let_go(child.pid)
        try:
            made, _ = child.communicate(_told(report).encode(), timeout=PATIENCE)
        except subprocess.TimeoutExpired as late:
            raise Busy("the PDF took too long: try again in a moment") from late
        finally:
            child.kill()  # which does nothing to one that has ended
    if child.returncode != 0 or not made.startswith(b"%PDF"):
        raise RuntimeError(f"the PDF was not made: the child ended with {child.returncode}")
    return made


def main() -> None:
    """The child: a report comes in, its PDF goes out."""
    from reports.export_pdf import as_pdf  # noqa: PLC0415 - loads fonts and charts

    sys.stdout.buffer.write(as_pdf(_read(sys.stdin.buffer.read())))


def _told(report: Report) -> str:
    seal = report.seal
    return json.dumps(
        {
            "period": report.period,
            "due_on": report.due_on.isoformat(),
            "as_of": instant_text(report.as_of),
            "state": report.state,
            "revision": report.revision,
            "view": report.view,
            "names": dict(report.names),
            "rows": [
                [*where, f.numerator, f.denominator, f.pending, f.suppressed]
                for *where, f in cells(report)
            ],
            "seal": None
            if seal is None
            else [
                seal.definitions,
                seal.software,
                seal.threshold,
                seal.sha256,
                seal.chain_heads,
                list(seal.notes),
            ],
        }
    )


def _read(text: bytes) -> Report:
    told: dict[str, Any] = json.loads(text)
    found = report_of(
        told["rows"],
        period=told["period"],
        due_on=date.fromisoformat(told["due_on"]),
        as_of=parse_instant(told["as_of"]),
        state=told["state"],
        revision=told["revision"],
        view=told["view"],
    )
    found = replace(found, names=told["names"])
    seal: list[Any] | None = told["seal"]
    if seal is None:
        return found
    definitions, software, threshold, sha256, heads, notes = seal
    made = Seal(definitions, software, threshold, sha256, heads, tuple(notes))
    return replace(found, seal=made)
