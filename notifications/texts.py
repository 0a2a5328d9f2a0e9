"""The texts that are sent to people outside: a file per language, read once and linted.

A language file (`texts/<code>.toml`) holds the forms of dates and times and one table per
template with version, date, source, status and text. A language without a file is served in
Bokmål. `render` is the one way from a template to a body; preview and sending both use it.
"""

from __future__ import annotations

import hashlib
import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.clock import local
from core.errors import BadInput
from core.weekdays import weekdays_of
from notifications import lint

FALLBACK: Final = "nb"
APPOINTMENT_REMINDER: Final = "appointment_reminder"
OWN: Final = frozenset({"nb", "nn", "en"})
"""Languages written here, and not translated: their texts are sent while they are drafts too."""
ONE_WAY: Final = "_one_way"
"""The ending of a template's twin for senders that no answer reaches: how to stop is a call."""

# What each template may be filled with, and must name.
PLACES: Final[Mapping[str, frozenset[str]]] = {
    APPOINTMENT_REMINDER: frozenset({"day", "time", "phone"}),
    APPOINTMENT_REMINDER + ONE_WAY: frozenset({"day", "time", "phone"}),
}
_DAY_PARTS: Final = frozenset({"weekday", "day", "month", "month_number"})
_TIME_PARTS: Final = frozenset({"hour", "minute"})
_FOLDER: Final = Path(__file__).with_name("texts")
# 113 and 815 00 000 as well as +47 22 00 00 00.
_PHONE: Final = re.compile(r"\+?[0-9](?: ?[0-9]){2,14}", re.ASCII)
_SOME_PHONE: Final = "22 00 00 00"


class Approval(StrEnum):
    """Whether somebody answers for the text."""

    DRAFT = "draft"
    APPROVED = "approved"


class TextFault(ValueError):
    """A text file is wrong: it says which file, and what."""


@dataclass(frozen=True, slots=True)
class Template:
    """One text in one language. `version` grows with every change of `text`."""

    name: str
    language: str
    version: int
    dated_on: date
    source: str
    status: Approval
    text: str

    @property
    def key(self) -> tuple[str, str, int]:
        """Name, language and version: unique for ever."""
        return self.name, self.language, self.version

    @property
    def may_be_sent(self) -> bool:
        """Whether it is approved, or in a language of our own."""
        return self.status is Approval.APPROVED or self.language in OWN

    @property
    def sha256(self) -> str:
        """Of the text, as hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Language:
    """One language file: how dates and times are written, and its templates by name."""

    code: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    day: str
    time: str
    templates: Mapping[str, Template]

    def day_of(self, instant: datetime) -> str:
        """The Norwegian calendar day at `instant`, short, without the year, as `ons. 25.11.` is."""
        there = local(instant)
        return self.day.format(
            weekday=self.weekdays[there.weekday()],
            day=there.day,
            month=self.months[there.month - 1],
            month_number=there.month,
        )

    def time_of(self, instant: datetime) -> str:
        """The Norwegian wall-clock time at `instant`: `08.05`."""
        there = local(instant)
        return self.time.format(hour=f"{there.hour:02d}", minute=f"{there.minute:02d}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body that is ready to be sent, and the template it was made from."""

    body: str = field(repr=False)
    template: Template


@cache
def languages() -> Mapping[str, Language]:
    """Every language there is a file for, by its code. Raises `TextFault`."""
    return {file.stem: read_language(file) for file in sorted(_FOLDER.glob("*.toml"))}


def language_for(code: str) -> Language:
    """The language to write to somebody in: their own, else Bokmål."""
    known = languages()
    return known.get(code, known[FALLBACK])


def template_for(name: str, language: str, *, drafts: bool = False) -> Template:
    """The template to send in that language, else Bokmål's. Raises `KeyError` for an unknown name.

    A translation that nobody has approved is not sent (docs/adr/0052); with `drafts`, for a
    preview, it is shown.
    """
    found = language_for(language).templates.get(name)
    if found is not None and (drafts or found.may_be_sent):
        return found
    return languages()[FALLBACK].templates[name]


def for_sender(name: str, *, takes_replies: bool) -> str:
    """The template to use with a sender: "answer STOPP" is promised only where that is heard."""
    twin = name + ONE_WAY
    return name if takes_replies or twin not in PLACES else twin


def render(
    template: str, language: str, *, starts_at: datetime, contact_phone: str, preview: bool = False
) -> Rendered:
    """The body of a message about something that starts at `starts_at` (aware).

    `contact_phone` is the neutral number as people write it (`22 00 00 00`). Raises `BadInput`
    with `bad_contact_phone` if it is not just that, with `indiscreet` if the result tells too
    much (unless it is a `preview`, which shows drafts too), with `unknown_template` if there is
    none of that name.
    """
    if template not in PLACES:
        raise BadInput("unknown_template", "there is no such message text", "template")
    if _PHONE.fullmatch(contact_phone) is None:
        raise BadInput(
            "bad_contact_phone",
            "the contact phone must be one phone number: digits, blanks, a leading +",
            "contact_phone",
        )
    chosen = template_for(template, language, drafts=preview)
    forms = languages()[chosen.language]
    body = chosen.text.format(
        day=forms.day_of(starts_at), time=forms.time_of(starts_at), phone=contact_phone
    )
    if not preview and (told := lint.faults(body)):
        raise BadInput("indiscreet", f"the text tells too much: {told[0].rule}", "template")
    return Rendered(body, chosen)


def read_language(file: Path) -> Language:
    """Read and check one language file. Raises `TextFault`, which names the file and the fault."""
    try:
        return _language(file.stem, tomllib.loads(file.read_text("utf-8")))
    except (KeyError, TypeError, ValueError) as wrong:
        said = f"{wrong.args[0]} is missing" if isinstance(wrong, KeyError) else wrong
        raise TextFault(f"{file.name}: {said}") from wrong


def _language(code: str, content: dict[str, Any]) -> Language:
    if content.pop("language") != code:
        raise ValueError("language is not the name of the file")
    dates: dict[str, Any] = content.pop("dates")
    weekdays, months = weekdays_of(code, dates), tuple(dates["months"])
    if len(months) != 12:
        raise ValueError("months must be twelve")
    for form, parts in (("day", _DAY_PARTS), ("time", _TIME_PARTS)):
        if not _places(dates[form]) <= parts:
            raise ValueError(f"dates.{form} may name only {', '.join(sorted(parts))}")
    if unknown := content.keys() - PLACES.keys():
        raise ValueError(f"{min(unknown)} is no template")
    templates = {name: _template(name, code, entry) for name, entry in content.items()}
    return Language(code, weekdays, months, dates["day"], dates["time"], templates)


def _template(name: str, language: str, entry: dict[str, Any]) -> Template:
    text = str(entry["text"])
    if _places(text) != PLACES[name]:
        raise ValueError(f"{name} must name exactly {', '.join(sorted(PLACES[name]))}")
    if told := lint.faults(text.format(day="", time="", phone=_SOME_PHONE)):
        raise ValueError(f"{name} tells too much ({told[0].rule}): {told[0].found!r}")
    if not isinstance(entry["version"], int) or entry["version"] < 1:
        raise ValueError(f"{name}.version must be a whole number from 1")
    if type(entry["dated"]) is not date:
        raise ValueError(f"{name}.dated must be a date")
    return Template(
        name=name,
        language=language,
        version=entry["version"],
        dated_on=entry["dated"],
        source=str(entry["source"]),
        status=Approval(entry["status"]),
        text=text,
    )


def _places(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
