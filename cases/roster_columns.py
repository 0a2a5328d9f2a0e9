"""The columns of a prison's roster, and how the header names of real files find them. Pure.

Names are matched without regard to case, spaces, punctuation and whether æ, ø and å survived.
A synonym is listed only if it can mean nothing else: `Løslatelsesdato` could be the planned date or
the actual one, `Avdeling` can stand beside `Fengsel`, so neither is taken.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

from core.errors import BadInput


class Column(StrEnum):
    """The canonical columns, in the order in which a row is judged."""

    inmate_no = "innsattnr"
    first_name = "fornavn"
    last_name = "etternavn"
    born = "fødselsdato"
    national_id = "fødselsnummer"
    unit = "enhet"
    admitted = "innsatt"
    category = "kategori"
    planned = "planlagt løslatelse"
    basis = "løslatelsesgrunnlag"
    released = "løslatt"
    language = "språk"
    mobile = "mobil"
    protection = "adressesperre"


REQUIRED: Final = (Column.inmate_no, Column.unit, Column.admitted)


@dataclass(frozen=True, slots=True)
class RawRow:
    """One non-empty row as it stands in the file.

    `line` is the physical line (header = 1; of a row with quoted line breaks the first; the row
    number in a workbook). `cells` maps canonical column names to text, trimmed, blank cells left
    out. `spilled`: there were more filled cells than columns, so the cells may stand under the
    wrong names.
    """

    line: int
    cells: dict[str, str] = field(repr=False)  # people: never in a log or traceback
    spilled: bool = False


@dataclass(frozen=True, slots=True)
class RosterHeader:
    """What is known of a file before its first row.

    `columns` has one entry per column of the file: its canonical name, or "" where it is not read.
    `unknown` are the names of filled headers that are not read. `rows` estimates the data rows,
    for a progress bar.
    """

    line: int
    columns: tuple[str, ...]
    unknown: tuple[str, ...]
    rows: int


# Keyed and compared by `matching_key`, so "Innsatt nr." is "innsattnr" and "fødselsdato" is
# "fodselsdato". The canonical names are added below.
_SYNONYMS: Final[dict[Column, str]] = {
    Column.inmate_no: "innsattnummer innsattesnr innsattesnummer innsattid fangenr fangenummer"
    " inmateno inmatenr inmatenumber inmateid prisonerno prisonernumber",
    Column.first_name: "fornavnene fornamn forenamn firstname givenname givennames",
    Column.last_name: "etternamn slektsnavn slektsnamn familienavn lastname surname familyname",
    Column.born: "foedselsdato fodt foedt fodd fodtdato fodselsdag dateofbirth birthdate dob",
    Column.national_id: "foedselsnummer fodselsnr foedselsnr fnr personnummer personnr"
    " fodselsnummerdnummer fodselsnrdnr fnrdnr nationalid nationalidentitynumber",
    Column.unit: "enhetskode eining fengsel fengselavdeling fengselavd fengselenhet anstalt"
    " unit unitcode prison",
    Column.admitted: "innsattdato innsattfra datoinnsatt innsattdatotid innsattkl innsett"
    " innsettelse innsettelsesdato innkomst innkomstdato admitted admittedat admittedon admission"
    " admissiondate",
    Column.category: "innsattkategori category",
    Column.planned: "planlagtloslatelsesdato planlagtloslatdato planlagtloslatt planlagtlosldato"
    " planlagtlosl planllosldato planlagtlauslating planlagtlauslatingsdato forventetloslatelse"
    " forventetloslatelsesdato planlagtloeslatelse plannedrelease plannedreleasedate",
    Column.basis: "loeslatelsesgrunnlag loslgrunnlag grunnlagforloslatelse lauslatingsgrunnlag"
    " releasebasis releasekind",
    Column.released: "loeslatt loslattdato datoloslatt lauslaten lauslatt faktiskloslatt"
    " faktiskloslatelse faktiskloslatelsesdato faktisklosldato released releasedat releasedon"
    " actualrelease actualreleasedate",
    Column.language: "spraak sprakkode morsmal language languagecode",
    Column.mobile: "mobilnr mobilnummer mobiltlf mobiltelefon mobiltelefonnr mobiltelefonnummer"
    " mobile mobileno mobilenumber mobilephone cellphone",
    Column.protection: "adressesperring adressebeskyttelse adressevern adressegradering"
    " diskresjonskode addressprotection",
}

_NORDIC: Final = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ö": "o", "ä": "ae"})


def matching_key(text: str) -> str:
    """`text` reduced to what counts when names are compared: "Bodø fengsel" -> "bodofengsel"."""
    return _short_key(text) if len(text) <= _REMEMBERED else _key(text)


# What a hostile file makes us remember must stay small.
_REMEMBERED: Final = 100


@lru_cache(maxsize=8_192)
def _short_key(text: str) -> str:
    return _key(text)


def _key(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_NORDIC)
    return "".join(character for character in folded if character.isalnum())


_BY_KEY: Final[dict[str, Column]] = {matching_key(column.value): column for column in Column} | {
    key: column for column, keys in _SYNONYMS.items() for key in keys.split()
}


def recognised(name: str) -> Column | None:
    """The canonical column behind a header name."""
    return _BY_KEY.get(matching_key(name))


def read_header(names: Sequence[str], line: int, rows: int = 0) -> RosterHeader:
    """Match a header row.

    Raises `BadInput`: `not_a_roster` if no name is known, `missing_column`, `column_twice`.
    """
    columns = [recognised(name) for name in names]
    known = [column for column in columns if column is not None]
    if not known:
        raise BadInput(
            "not_a_roster",
            "none of the columns of a roster was found: the first row must hold the column names,"
            f" at least {', '.join(REQUIRED)}",
        )
    for column in REQUIRED:
        if column not in known:
            raise BadInput(
                "missing_column",
                f"the column {column} is missing: a roster needs {', '.join(REQUIRED)}",
                column.value,
            )
    for column in Column:
        if known.count(column) > 1:
            raise BadInput(
                "column_twice",
                f"more than one column can be read as {column}: keep one of them",
                column.value,
            )
    unknown = tuple(
        " ".join(name.split())[:60]
        for name, column in zip(names, columns, strict=True)
        if column is None and name.strip()
    )
    return RosterHeader(line, tuple(column or "" for column in columns), unknown, rows)


def known_columns(names: Sequence[str]) -> int:
    """How many different columns of a roster a row of names holds: how header-like it is."""
    return len({column for name in names if (column := recognised(name)) is not None})
