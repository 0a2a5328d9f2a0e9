"""Immutable values made and copied quickly: all fields at once, not one by one.

The constructor of a frozen dataclass sets each field by a call that has to step around its own
guard, and `dataclasses.replace` asks for each field by name besides. A case has forty fields and
ten tasks of twenty, and every verb reads and copies it: a quarter of its time. For a class
without slots the fields are filled in one stroke; any other goes the usual way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

T = TypeVar("T")


def filled(kind: type[T], fields: Mapping[str, Any]) -> T:
    """A value of a plain dataclass from all its fields, those with defaults too.

    Nothing is checked: for rows of our own and copies of a value.
    """
    if not kind.__dictoffset__:
        return kind(**fields)
    made = object.__new__(kind)
    made.__dict__.update(fields)
    return made


def replaced(value: T, **changes: Any) -> T:
    """A copy of a plain dataclass's value with some fields changed.

    Raises `TypeError` for a field that there is not.
    """
    kind: Any = value.__class__
    if not kind.__dictoffset__:
        copy: T = replace(value, **changes)  # type: ignore[type-var]
        return copy
    made: Any = object.__new__(kind)
    fields = made.__dict__
    fields.update(value.__dict__)
    known = len(fields)
    fields.update(changes)
    if len(fields) != known:
        raise TypeError(f"{kind.__name__} has no field {', '.join(changes)}")
    return made  # type: ignore[no-any-return]
