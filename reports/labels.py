"""PURE: what indicators are called; the text stands in `texts/indicators-nb.toml` and beside it.

Paper and files are in bokmål; pages ask for their own language. A language that lacks a text is
served in bokmål.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

from cases.package import national
from reports.definitions import TASKS_DONE
from reports.figures import Report
from reports.tertial import Period

STATES: Final = {
    "open": "Løpende",
    "submitted": "Sendt inn",
    "accepted": "Godtatt",
    "frozen": "Fryst",
}
"""What paper calls the states of a report."""

NOT_SENT_IN: Final = "Tertialet er slutt, disse tallene er ikke sendt inn"
"""What paper calls a unit's own figures of an ended tertial that are not those it sent in."""

NATION: Final = "Hele landet"
SOURCE: Final = "nb"
LANGUAGES: Final = (SOURCE, "nn", "en")
_DONE: Final = {"nb": "Gjort", "nn": "Gjort", "en": "Done"}
_TIMES: Final = {
    "nb": "ganger oppgaven ble gjort i perioden",
    "nn": "gonger oppgåva vart gjord i perioden",
    "en": "times the task was done in the period",
}


def state_of(report: Report) -> str:
    """How far a report is, as paper and files say it.

    What is published is named by its state alone: paper is known as genuine by what it was first.
    """
    ended = report.as_of >= Period.parse(report.period).next_at
    if report.view == "unit" and report.state == "open" and ended:
        return NOT_SENT_IN
    return STATES.get(report.state, report.state)


@lru_cache(maxsize=4)
def _texts(language: str) -> Mapping[str, Mapping[str, str]]:
    named = language if language in LANGUAGES else SOURCE
    read = files("reports").joinpath("texts", f"indicators-{named}.toml").read_text("utf-8")
    return tomllib.loads(read)


@lru_cache(maxsize=4)
def _tasks(language: str) -> Mapping[str, str]:
    return {rule.code: rule.labels.in_language(language) for rule in national().tasks}


def name_of(code: str, language: str = SOURCE) -> str:
    """The name of an indicator; of a task of a unit's own, its code."""
    if code.startswith(TASKS_DONE):
        task = code[len(TASKS_DONE) :]
        return f"{_DONE.get(language, _DONE[SOURCE])}: {_tasks(language).get(task, task)}"
    return _texts(language).get(code, {}).get("name", code)


def over_and_under(code: str, language: str = SOURCE) -> tuple[str, str]:
    """What is counted, and of what; a part has the denominator of its whole."""
    texts = _texts(language)
    whole = texts.get(code.split(".", maxsplit=1)[0], {})
    own = texts.get(code, {})
    if code.startswith(TASKS_DONE):
        return _TIMES.get(language, _TIMES[SOURCE]), ""
    return own.get("over", name_of(code, language).lower()), own.get(
        "under", whole.get("under", "")
    )


def place_name(level: str, place: str) -> str:
    """A place as people read it."""
    return NATION if level == "nation" else place
