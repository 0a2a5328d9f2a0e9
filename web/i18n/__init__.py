"""The languages of the pages: Bokmål is the source, Nynorsk and English are catalogues beside it.

`python -m web.i18n` reads every message out of templates and code and brings both `.po` files up to
date; what is new stands there without a translation, which a test refuses. Catalogues are read when
a language is first asked for: nothing is compiled, nothing can be stale.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from importlib.resources import files
from io import BytesIO
from typing import Final, TypeAlias

from babel.messages.pofile import read_po

SOURCE: Final = "nb"
LANGUAGES: Final[dict[str, str]] = {"nb": "Bokmål", "nn": "Nynorsk", "en": "English"}
"""Language code → what it calls itself."""

Translate: TypeAlias = Callable[..., str]


@lru_cache(maxsize=8)
def catalogue(language: str) -> dict[str, str]:
    """Source text → text of a language; empty for the source itself."""
    if language == SOURCE or language not in LANGUAGES:
        return {}
    written = (files("web.i18n") / f"{language}.po").read_bytes()
    return {
        message.id: message.string
        for message in read_po(BytesIO(written))
        if isinstance(message.id, str)
        and isinstance(message.string, str)
        and message.id
        and message.string
    }


def marked(text: str) -> str:
    """Mark a text that is translated later, where its language is known."""
    return text


@lru_cache(maxsize=8)
def translator(language: str) -> Translate:
    """The function `_` of a language: `_("Gå til %(page)s", page=…)`."""
    return partial(_translate, catalogue(language))


def _translate(texts: dict[str, str], text: str, /, **values: object) -> str:
    found = texts.get(text, text)
    return found % values if values else found


def best_of(accepted: str) -> str:
    """The language that a browser likes best of those we have (`Accept-Language`), else Bokmål."""
    best, weight = SOURCE, 0.0
    for part in accepted[:200].split(","):
        tag, _, quality = part.strip().partition(";")
        found = tag.strip().lower().partition("-")[0]
        language = "nb" if found == "no" else found
        try:
            wanted = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if language in LANGUAGES and wanted > weight:
            best, weight = language, wanted
    return best
