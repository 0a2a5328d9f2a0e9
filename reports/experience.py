"""PURE: what a unit tells with its figures: coded answers to four questions, and short texts.

The codes and their labels stand in `texts/experience-nb.toml` and beside it. A text is about the
work, never about a person: long numbers are refused, so that no identity or phone number slips in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from core.errors import BadInput

QUESTIONS: Final = ("worked", "hindered", "resources", "wishes")
LONGEST: Final = 400
"""Characters of a text."""

_NUMBER: Final = re.compile(r"(?:\d[ .-]?){5,}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Experience:
    """Answers by question: codes in the order of the form, and a text (may be empty)."""

    codes: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, str]

    @property
    def told(self) -> bool:
        """Whether anything was answered."""
        return any(self.codes.values()) or any(self.texts.values())

    def plain(self) -> dict[str, Any]:
        """As it is stored: `{"worked": {"codes": [...], "text": "..."}, …}`."""
        return {
            question: {
                "codes": list(self.codes.get(question, ())),
                "text": self.texts.get(question, ""),
            }
            for question in QUESTIONS
        }


@lru_cache(maxsize=4)
def labels(language: str = "nb") -> Mapping[str, Mapping[str, str]]:
    """The labels: by question, by code; the question itself under `label`."""
    read = files("reports").joinpath("texts", f"experience-{language}.toml").read_text("utf-8")
    return tomllib.loads(read)


def codes_of(question: str) -> tuple[str, ...]:
    """The codes that may answer a question, in the order of the form."""
    return tuple(code for code in labels()[question] if code != "label")


def experience_from(told: Mapping[str, Any]) -> Experience:
    """Read `{"worked": {"codes": […], "text": "…"}, …}`; questions may be left out.

    Raises `BadInput` for an unknown question or code, and for a text that is too long or holds a
    number that could be a person's.
    """
    codes: dict[str, tuple[str, ...]] = {}
    texts: dict[str, str] = {}
    for question, answer in told.items():
        if question not in QUESTIONS:
            raise BadInput(
                "unknown_code", f"a question is one of {', '.join(QUESTIONS)}", "experience"
            )
        if not isinstance(answer, Mapping) or set(answer) - {"codes", "text"}:
            raise BadInput(
                "bad_experience", f"{question} holds codes and a text, nothing else", question
            )
        codes[question] = _codes(question, answer.get("codes", ()))
        texts[question] = _text(question, answer.get("text", ""))
    return Experience(codes, texts)


def cleaned(text: str) -> str:
    """A text as it is kept, in one line: its characters are those that are counted."""
    return _CONTROL.sub(" ", text).strip()


def _codes(question: str, given: Any) -> tuple[str, ...]:
    allowed = codes_of(question)
    if not isinstance(given, list | tuple) or any(code not in allowed for code in given):
        raise BadInput("unknown_code", f"{question} takes the codes {', '.join(allowed)}", question)
    return tuple(code for code in allowed if code in given)


def _text(question: str, given: Any) -> str:
    if not isinstance(given, str):
        raise BadInput("bad_experience", f"the text of {question} is not a text", question)
    written = cleaned(given)
    if len(written) > LONGEST:
        raise BadInput(
            "too_long",
            f"the text of {question} has {len(written)} characters: {LONGEST} at most",
            question,
        )
    if _NUMBER.search(written):
        raise BadInput(
            "number_in_text",
            f"the text of {question} holds a long number: write about the work, not about a person",
            question,
        )
    return written
