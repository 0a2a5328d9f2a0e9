"""Immutable values made and copied quickly: all fields at once, not one by one.

The constructor of a frozen dataclass sets each field by a call that has to step around its own
guard, and `dataclasses.replace` asks for each field by name besides. A case has forty fields and
ten tasks of twenty, and every verb reads and copies it: a quarter of its time. For a class
without slots the fields are filled in one stroke; any other goes the usual way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

T = TypeVar("T")


def filled(kind: type[T], fields: dict[str, Any]) -> T:
    """A value of a plain dataclass from all its fields, those with defaults too.

    Nothing is checked: for rows of our own. `fields` becomes the value's own; give it away.
    """
    if not kind.__dictoffset__:
        return kind(**fields)
    made = object.__new__(kind)
    object.__setattr__(made, "__dict__", fields)
    return made


def replaced(value: T, **changes: Any) -> T:
    """A copy of a plain dataclass's value with some fields changed.

    Raises `TypeError` for a field that there is not.
    """
    kind = type(value)
    if not kind.__dictoffset__:
        copy: T = replace(value, **changes)  # type: ignore[type-var]
        return copy
    known = value.__dict__
    fields = {**known, **changes}
    if len(fields) != len(known):
        raise TypeError(f"{kind.__name__} has no field {', '.join(changes.keys() - known.keys())}")
    return filled(kind, fields)


def row_reader(
    kind: type[T], convert: Mapping[str, Callable[[Any], Any]]
) -> Callable[[Sequence[Any]], T]:
    """A function that makes a value of a dataclass from a row of all its fields, in their order.

    What is not None goes through the field's function in `convert`. The function is written out
    for the class, as `dataclasses` does for a constructor: one look at each field and no loop,
    a third of the time. Raises `ValueError` for a row that is too short or too long.
    """
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    space: dict[str, Any] = {"new": object.__new__, "fill": object.__setattr__, "kind": kind}
    got = [f"v{at}" for at in range(len(fields))]
    given = []
    for value, field in zip(got, fields, strict=True):
        if field.name in convert:
            space[f"c{value}"] = convert[field.name]
            given.append(f"None if {value} is None else c{value}({value})")
        else:
            given.append(value)
    if kind.__dictoffset__:
        named = ", ".join(f"{f.name!r}: {text}" for f, text in zip(fields, given, strict=True))
        made = f"    made = new(kind)\n    fill(made, '__dict__', {{{named}}})\n    return made"
    else:
        made = f"    return kind({', '.join(given)})"
    # Nothing but names of fields of our own classes goes in.
    exec(f"def read(row):\n    {', '.join(got)}, = row\n{made}", space)  # noqa: S102
    reader: Callable[[Sequence[Any]], T] = space["read"]
    return reader
