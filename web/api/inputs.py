"""What requests are made of: values that are read once, and refused by field and reason."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from cases.appointments import AppointmentNotFound
from cases.queries import Place
from cases.rules import case_not_found
from cases.sessions import SessionNotFound
from cases.transfers import TransferNotFound
from core.clock import parse_date, parse_instant
from core.db import instant_text
from core.errors import BadInput, NotFound
from web.problems import OURS

LARGEST: Final = 2**31 - 1
"""The largest whole number that a column of ours holds."""

_REF: Final = re.compile(r"[a-z2-7]{1,32}", re.ASCII)


class Input(BaseModel):
    """A body. What it does not name is refused, and never quoted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def mistake(wrong: BadInput) -> PydanticCustomError:
    """A refusal of ours as pydantic carries it to the answer, with its reason."""
    return PydanticCustomError(
        f"{OURS}{wrong.reason}", "{detail}", {"detail": wrong.detail, "field": wrong.field}
    )


def _read(read: Callable[[str], Any], what: str) -> Callable[[Any], Any]:
    def reading(value: Any) -> Any:
        if not isinstance(value, str):
            raise PydanticCustomError(f"{OURS}bad_value", "{detail}", {"detail": what})
        try:
            return read(value)
        except BadInput as wrong:
            raise mistake(wrong) from None

    return reading


Instant: TypeAlias = Annotated[
    datetime,
    BeforeValidator(_read(parse_instant, "a time is written as text, like 2026-09-01T08:00+02:00")),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""`2026-09-01T08:00+02:00` or `Z`; without an offset it is Norwegian local time."""

Day: TypeAlias = Annotated[
    date,
    BeforeValidator(_read(parse_date, "a date is written as text, like 2026-12-01")),
    WithJsonSchema({"type": "string", "format": "date"}),
]

Line: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")
]
"""A line of text; the rules say how long each may be."""

Code: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]+$")
]

Version: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=LARGEST)]
"""The version of what was looked at: the change is refused (409) when it is another by now."""

Yes: TypeAlias = Annotated[bool, Field(strict=True)]


def _opaque(not_found: Callable[[], NotFound]) -> Any:
    """Of the form of a reference, or as unknown as any other that does not exist."""

    def known(ref: str) -> str:
        if _REF.fullmatch(ref) is None:
            raise not_found()
        return ref

    return AfterValidator(known)


_REF_SCHEMA: Final = WithJsonSchema({"type": "string", "pattern": "^[a-z2-7]{10}$"})

CaseRef: TypeAlias = Annotated[str, Path(), _opaque(case_not_found), _REF_SCHEMA]
TransferId: TypeAlias = Annotated[
    str,
    Path(),
    _opaque(lambda: TransferNotFound("There is no such transfer here.")),
    _REF_SCHEMA,
]
AppointmentId: TypeAlias = Annotated[
    str,
    Path(),
    _opaque(lambda: AppointmentNotFound("There is no such appointment here. Check its number.")),
    _REF_SCHEMA,
]
SessionRef: TypeAlias = Annotated[
    str,
    Path(),
    _opaque(lambda: SessionNotFound("There is no such session here. Check its number.")),
    _REF_SCHEMA,
]
ListedRef: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=32, pattern=r"^[a-z2-7]+$")
]
"""A reference inside a body."""


def cursor_of(place: Place) -> str:
    """A place in a list as a client sends it back."""
    due = instant_text(place.due_at) if place.due_at is not None else ""
    return base64.urlsafe_b64encode(f"{due}|{place.ref}".encode()).decode("ascii").rstrip("=")


def place_of(cursor: str) -> Place:
    """The place that a cursor names. Raises `BadInput`."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        due, divider, ref = base64.urlsafe_b64decode(padded).decode("ascii").partition("|")
        if not divider or _REF.fullmatch(ref) is None:
            raise ValueError
        return Place(parse_instant(due) if due else None, ref)
    except (ValueError, binascii.Error, BadInput):
        raise BadInput(
            "bad_cursor", "The cursor is none of ours: take `next` of the page before.", "cursor"
        ) from None
