"""Reading the messages out of templates and code, and bringing the catalogues up to date."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from web.i18n import LANGUAGES, SOURCE

WEB: Final = Path(__file__).resolve().parent.parent
KEYWORDS: Final = {"_": None, "marked": None}
_TRIMMED: Final = {"trimmed": "true"}


def messages() -> dict[str, list[str]]:
    """Every message → the files (below `web`) that it stands in, in their order."""
    found: dict[str, list[str]] = {}
    for file, message in _met():
        if message is None:  # a variable: what it holds is marked where it is written
            continue
        places = found.setdefault(message, [])
        if file not in places:
            places.append(file)
    return found


def _met() -> Iterator[tuple[str, str | None]]:
    for path in sorted(WEB.rglob("*.html")):
        with path.open("rb") as file:
            for _line, _function, message, _notes in babel_extract(
                file, tuple(KEYWORDS), [], _TRIMMED
            ):
                yield _name(path), _one(message)
    for path in sorted(WEB.rglob("*.py")):
        with path.open("rb") as file:
            for _line, message, _notes, _context in extract("python", file, KEYWORDS):
                yield _name(path), _one(message)


def _name(path: Path) -> str:
    return path.relative_to(WEB.parent).as_posix()


def _one(message: object) -> str | None:
    first = message[0] if isinstance(message, tuple) else message
    return first if isinstance(first, str) else None


def po_file(language: str) -> Path:
    """Where the catalogue of a language lies."""
    return WEB / "i18n" / f"{language}.po"


def untranslated(language: str) -> list[str]:
    """Messages that a language has no text for."""
    known = _read(language)
    return [text for text in messages() if not known.get(text)]


def left_over(language: str) -> list[str]:
    """Texts of a catalogue that no page asks for any more."""
    asked = messages()
    return [text for text in _read(language) if text not in asked]


def renew() -> dict[str, int]:
    """Bring every catalogue up to date; returns how many messages each still lacks."""
    asked = messages()
    for language in LANGUAGES:
        if language == SOURCE:
            continue
        known = _read(language)
        catalog = Catalog(locale=language, fuzzy=False)
        for text, places in asked.items():
            catalog.add(text, known.get(text, ""), locations=[(place, 0) for place in places])
        written = BytesIO()
        write_po(written, catalog, width=98, omit_header=True, include_lineno=False)
        po_file(language).write_bytes(written.getvalue())
    return {language: len(untranslated(language)) for language in LANGUAGES if language != SOURCE}


def _read(language: str) -> dict[str, str]:
    file = po_file(language)
    if not file.exists():
        return {}
    return {
        str(message.id): str(message.string)
        for message in read_po(BytesIO(file.read_bytes()))
        if message.id
    }
