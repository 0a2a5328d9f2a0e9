"""The words of the forms: a file per language, read once and checked.

A language file holds the form of its dates and parts (`card`, `overdose`, `consent`,
`certificate`, `staff`); each part has a version, a date, a source and a status. Bokmål has all
parts and says which words there are; another language has a part whole or not at all, and who
asks for one that is missing gets Bokmål and is told (`Words.fallback`).
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - a field below is called date
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.clock import local
from core.errors import BadInput
from core.weekdays import weekdays_of
from forms.setting import clean

FOLDER: Final = Path(__file__).with_name("texts")
FALLBACK: Final = "nb"
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "ur"})
PARTS: Final = ("card", "overdose", "consent", "certificate", "staff")
DRAFT: Final = "UTKAST / DRAFT"
"""Stands on every form whose words nobody has answered for yet."""

_ABOUT: Final = frozenset({"version", "dated", "source", "status"})

Value = str | tuple[str, ...]


class Status(StrEnum):
    """Whether somebody answers for a part: `PLAIN` has no medical or legal advice in it."""

    DRAFT = "draft"
    APPROVED = "approved"
    PLAIN = "plain"


class TextFault(ValueError):
    """A text file is wrong: it says which file, and what."""


@dataclass(frozen=True, slots=True)
class Dates:
    """How a language writes days and times; all take an aware instant, or a local date."""

    weekdays: tuple[str, ...]
    day: str
    date: str
    time: str
    at: str

    def day_of(self, instant: datetime) -> str:
        """The Norwegian calendar day, without the year: `ons. 25.11.`."""
        there = local(instant)
        return self.day.format(
            weekday=self.weekdays[there.weekday()], day=there.day, month=there.month
        )

    def time_of(self, instant: datetime) -> str:
        """The Norwegian wall-clock time: `08.05`."""
        there = local(instant)
        return self.time.format(hour=f"{there.hour:02d}", minute=f"{there.minute:02d}")

    def at_of(self, instant: datetime, *, read_at: datetime | None = None) -> str:
        """Day and time together: `ons. 25.11. kl. 10.00`.

        With the year (`fre. 8.1.2027 kl. 15.00`) where it is not that of `read_at`, if given.
        """
        there, day = local(instant), self.day_of(instant)
        if read_at is not None and there.year != local(read_at).year:
            day = f"{self.weekdays[there.weekday()]} {self.date_of(instant)}"
        return self.at.format(day=day, time=self.time_of(instant))

    def date_of(self, when: datetime | Date) -> str:
        """The date with its year: `25.11.2026`."""
        day = local(when).date() if isinstance(when, datetime) else when
        return self.date.format(day=day.day, month=day.month, year=day.year)


@dataclass(frozen=True, slots=True)
class Words:
    """One part in one language. `fallback` is the language that was asked for and is not there."""

    language: str
    part: str
    version: int
    dated_on: Date
    source: str
    status: Status
    dates: Dates
    values: Mapping[str, Value]
    fallback: str | None = None

    @property
    def rtl(self) -> bool:
        """Whether the language is written from the right."""
        return self.language in RIGHT_TO_LEFT

    @property
    def draft(self) -> bool:
        """Whether the form must show that nobody has answered for its words."""
        return self.status is Status.DRAFT

    def __getitem__(self, key: str) -> str:
        value = self.values[key]
        if not isinstance(value, str):
            raise KeyError(key)
        return value

    def many(self, key: str) -> tuple[str, ...]:
        """The sentences of a list."""
        value = self.values[key]
        return (value,) if isinstance(value, str) else value

    @property
    def instead(self) -> str | None:
        """What a card says of itself that is in Bokmål because there are no words in its language.

        In Bokmål, as the card, and neutral: it lies open in a pocket.
        """
        if self.fallback is None:
            return None
        return words("staff", FALLBACK).filled("card_fallback", language=self.fallback)

    def filled(self, key: str, **with_what: object) -> str:
        """A sentence with its places filled in."""
        return self[key].format(**with_what)


@dataclass(frozen=True, slots=True)
class Language:
    """One language file."""

    code: str
    name: str
    dates: Dates
    parts: Mapping[str, Words]


@cache
def languages() -> Mapping[str, Language]:
    """Every language there is a file for. Raises `TextFault`."""
    main = read_language(FOLDER / f"{FALLBACK}.toml")
    return {
        file.stem: main if file.stem == FALLBACK else read_language(file, main)
        for file in sorted(FOLDER.glob("*.toml"))
    }


def words(part: str, language: str) -> Words:
    """A part in a language, else in Bokmål with `fallback` set. Raises `BadInput`."""
    if part not in PARTS:
        raise BadInput("unknown_form", f"there are no words for {part!r}", "form")
    known = languages()
    found = known.get(language)
    if found is not None and part in found.parts:
        return found.parts[part]
    bokmaal = known[FALLBACK].parts[part]
    return Words(
        **{name: getattr(bokmaal, name) for name in Words.__slots__ if name != "fallback"},
        fallback=language,
    )


def read_language(file: Path, main: Language | None = None) -> Language:
    """Read and check one file against Bokmål. Raises `TextFault`."""
    try:
        return _language(file.stem, tomllib.loads(file.read_text("utf-8")), main)
    except (KeyError, TypeError, ValueError) as wrong:
        said = f"{wrong.args[0]} is missing" if isinstance(wrong, KeyError) else wrong
        raise TextFault(f"{file.name}: {said}") from wrong


def _language(code: str, content: dict[str, Any], main: Language | None) -> Language:
    if content.pop("language") != code:
        raise ValueError("language is not the name of the file")
    name = str(content.pop("name"))
    said = content.pop("dates")
    weekdays = tuple(clean(each, strict=True) for each in weekdays_of(code, said))
    said.pop("weekdays", None)
    dates = Dates(weekdays, **{key: clean(str(value), strict=True) for key, value in said.items()})
    if unknown := content.keys() - set(PARTS):
        raise ValueError(f"{min(unknown)} is no part")
    if main is None and content.keys() != set(PARTS):
        raise ValueError("Bokmål must have every part")
    parts = {
        part: _part(code, part, entry, dates, main.parts[part] if main is not None else None)
        for part, entry in content.items()
    }
    return Language(code, name, dates, parts)


def _part(code: str, part: str, entry: dict[str, Any], dates: Dates, like: Words | None) -> Words:
    values: dict[str, Value] = {
        key: tuple(clean(str(each), strict=True) for each in value)
        if isinstance(value, list)
        else clean(str(value), strict=True)
        for key, value in entry.items()
        if key not in _ABOUT
    }
    if like is not None:
        _check_like(part, values, like)
    if not isinstance(entry["version"], int) or type(entry["dated"]) is not Date:
        raise ValueError(f"{part} needs a version from 1 and a date")
    return Words(
        code,
        part,
        entry["version"],
        entry["dated"],
        str(entry["source"]),
        Status(entry["status"]),
        dates,
        values,
    )


def _check_like(part: str, values: Mapping[str, Value], like: Words) -> None:
    if missing := like.values.keys() ^ values.keys():
        raise ValueError(f"{part}.{min(missing)} stands in one file and not in the other")
    for key, value in values.items():
        model = like.values[key]
        if isinstance(value, str) != isinstance(model, str) or len(value) == 0:
            raise ValueError(f"{part}.{key} must be as in Bokmål")
        if isinstance(value, str) and isinstance(model, str) and _places(value) != _places(model):
            raise ValueError(f"{part}.{key} must name {', '.join(sorted(_places(model)))}")
        if isinstance(value, tuple) and len(value) != len(model):
            raise ValueError(f"{part}.{key} must have {len(model)} sentences")


def _places(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
