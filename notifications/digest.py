"""What a digest to staff says: counts and a link. Pure; texts in `staff_texts.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

FALLBACK: Final = "nb"
_FILE: Final = Path(__file__).with_name("staff_texts.toml")


@dataclass(frozen=True, slots=True)
class DigestText:
    """A digest as SMS, and its subject as mail (whose body is the same)."""

    sms: str
    subject: str


def digest_text(*, notices: int, overdue: int, url: str, language: str = FALLBACK) -> DigestText:
    """The digest in this language, Bokmål where there is none. `url` leads to the list of the day.

    Nothing but the two counts and the address goes into it.
    """
    known = languages()
    text = known.get(language, known[FALLBACK])
    values = {"notices": notices, "overdue": overdue, "url": url}
    return DigestText(
        sms=str(text["sms"]).format(**values).strip(),
        subject=str(text["subject"]).format(**values),
    )


def report_text(period: str, due_on: date, url: str, *, language: str = FALLBACK) -> DigestText:
    """That a unit's report has not been submitted, to those who submit it."""
    return _of("report", language, period=period, due_on=due_on, url=url)


def reports_text(
    period: str, due_on: date, url: str, number: int, *, language: str = FALLBACK
) -> DigestText:
    """How many units have not submitted theirs, to the national owner."""
    return _of("reports", language, period=period, due_on=due_on, url=url, number=number)


def _of(kind: str, language: str, *, due_on: date, **values: object) -> DigestText:
    known = languages()
    text = known.get(language, known[FALLBACK])[kind]
    said = values | {"due_on": f"{due_on:%d.%m.%Y}"}
    return DigestText(
        sms=str(text["sms"]).format(**said).strip(), subject=str(text["subject"]).format(**said)
    )


@cache
def languages() -> dict[str, dict[str, Any]]:
    """Every language there is a text for."""
    return tomllib.loads(_FILE.read_text("utf-8"))
