from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from core.values import replaced, row_reader


@dataclass(frozen=True)
class Plain:
    name: str
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Slotted:
    name: str
    on: date | None = None


@pytest.mark.parametrize("kind", [Plain, Slotted])
def test_a_row_becomes_a_value_and_what_is_none_stays_none(kind: type[Plain]) -> None:
    read = row_reader(kind, {"on": date.fromisoformat})

    assert read(["a", "2026-09-01"]) == kind("a", date(2026, 9, 1))
    assert read(("a", None)) == kind("a", None)


@pytest.mark.parametrize("row", [["a"], ["a", None, None]])
def test_a_row_of_another_length_is_refused(row: list[str | None]) -> None:
    with pytest.raises(ValueError, match="unpack"):
        row_reader(Plain, {})(row)


@pytest.mark.parametrize("kind", [Plain, Slotted])
def test_a_copy_with_a_field_that_is_not_there_is_refused(kind: type[Plain]) -> None:
    assert replaced(kind("a"), name="b") == kind("b")
    with pytest.raises(TypeError):
        replaced(kind("a"), nothing=1)
