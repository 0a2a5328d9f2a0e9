"""Keyed hashes by which the same person under two numbers may be met, without opening a name.

A name is brought to the one form by which two spellings of it meet: case, accents, hyphens and
middle names make no difference, nor how æ, ø and å were written. Two different names may meet, so
a match is a question to a person and never an answer.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sqlalchemy import Connection

from cases import vault
from cases.vault import Identity

NAME_BORN: Final = "name_born"
PHONE_BORN: Final = "phone_born"

_LETTERS: Final = str.maketrans({"ø": "o", "æ": "ae", "đ": "d", "ł": "l"})
_WRITTEN_OUT: Final = (("aa", "a"), ("oe", "o"))
_NOT_LETTERS: Final = re.compile(r"[\W\d_]+")


def likeness(tx: Connection, identity: Identity, number: str | None) -> dict[str, str]:
    """The hashes of a person by kind: name, and phone number (E.164), each with date of birth."""
    if identity.born_on is None:
        return {}
    born = identity.born_on.isoformat()
    found: dict[str, str] = {}
    name = matching_name(identity.first_name, identity.last_name)
    if name is not None:
        found[NAME_BORN] = vault.digest(tx, NAME_BORN, f"{born} {name}")
    if number is not None:
        found[PHONE_BORN] = vault.digest(tx, PHONE_BORN, f"{born} {number}")
    return found


def matching_name(first_name: str, last_name: str) -> str | None:
    """First word of the first name and last word of the last name; None if one is missing."""
    first, last = _words(first_name), _words(last_name)
    if not first or not last:
        return None
    return f"{first[0]} {last[-1]}"


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    for written, meant in _WRITTEN_OUT:
        plain = plain.replace(written, meant)
    return [word for word in _NOT_LETTERS.split(plain) if word]
