"""The weekdays in short, from Monday, as pages, papers and messages write them alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WEEKDAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "nb": ("man.", "tirs.", "ons.", "tors.", "fre.", "lør.", "søn."),
    "nn": ("mån.", "tys.", "ons.", "tors.", "fre.", "laur.", "søn."),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
"""By language. Languages that only people outside read have theirs in their own text files."""


def weekdays_of(language: str, said: Mapping[str, object]) -> tuple[str, ...]:
    """The weekdays of a language, or those that its file (`said`) gives. Raises `ValueError`."""
    if language in WEEKDAYS:
        if "weekdays" in said:
            raise ValueError("weekdays of this language stand in core.weekdays")
        return WEEKDAYS[language]
    given = said["weekdays"]
    if not isinstance(given, list) or len(given) != 7:
        raise ValueError("weekdays must be seven, from Monday")
    return tuple(str(each) for each in given)
