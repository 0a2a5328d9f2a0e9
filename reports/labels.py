"""PURE: what indicators are called in bokmål; the text stands in `texts/indicators-nb.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

from cases.package import national
from reports.definitions import TASKS_DONE

NATION: Final = "Hele landet"


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Mapping[str, str]]:
    read = files("reports").joinpath("texts", "indicators-nb.toml").read_text("utf-8")
    return tomllib.loads(read)


@lru_cache(maxsize=1)
def _tasks() -> Mapping[str, str]:
    return {rule.code: rule.labels.in_language("nb") for rule in national().tasks}


def name_of(code: str) -> str:
    """The name of an indicator; of a task of a unit's own, its code."""
    if code.startswith(TASKS_DONE):
        task = code[len(TASKS_DONE) :]
        return f"Gjort: {_tasks().get(task, task)}"
    return _texts().get(code, {}).get("name", code)


def over_and_under(code: str) -> tuple[str, str]:
    """What is counted, and of what; a part has the denominator of its whole."""
    whole = _texts().get(code.split(".", maxsplit=1)[0], {})
    own = _texts().get(code, {})
    if code.startswith(TASKS_DONE):
        return "ganger oppgaven ble gjort i perioden", ""
    return own.get("over", name_of(code).lower()), own.get("under", whole.get("under", ""))


def place_name(level: str, place: str) -> str:
    """A place as people read it."""
    return NATION if level == "nation" else place
