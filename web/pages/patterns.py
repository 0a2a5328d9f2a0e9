"""Parts of a list that repeat: a template renders one of a kind, the others are filled in.

Of fifty rows most say the same but for who it is about. So a template is rendered once for each
*kind* (what is the same) with a mark in every place of a *word* (what is not), cut at the marks,
and kept; a row is then its pieces with its words between them. Words are escaped as the template
would have done; whether one is there at all belongs to the kind, since a template may ask for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup

MOST: Final = 1024
"""Kinds kept of one template: there are some dozens."""

# Letters that mean nothing in Unicode: no text of ours has them, and escaping leaves them alone.
_OPEN, _CLOSE = "\ue000", "\ue001"


def pattern_of(
    environment: Environment, template: str, words: tuple[str, ...]
) -> Callable[..., Markup]:
    """A function that writes one part: words first, in this order; the kind by name.

    What it is given by name must be hashable. A word that is `Markup` stands as it is.
    """
    marks = {name: marked_place(name) for name in words}
    at = {name: number for number, name in enumerate(words)}

    @lru_cache(maxsize=MOST)
    def pieces(kind: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
        fixed, names = cut(environment.get_template(template).render(marks | dict(kind)))
        return fixed, tuple(at[name] for name in names)

    def written(*given: str | None, **kind: Any) -> Markup:
        fixed, places = pieces(tuple(kind.items()))
        said = [
            "" if not word else word if word.__class__ is Markup else _escaped(word)
            for word in given
        ]
        parts = [fixed[0]]
        for place, after in zip(places, fixed[1:], strict=True):
            parts += (said[place], after)
        return Markup("".join(parts))  # noqa: S704 - pieces of a template and escaped words

    return written


def marked_place(name: str, nonce: str = "") -> str:
    """What stands in the place of a word until it is filled in.

    With a nonce nobody can write it who does not know it: what people typed may stand beside it.
    """
    return f"{_OPEN}{nonce}{name}{_CLOSE}"


def cut(rendered: str, nonce: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was rendered with marks: the pieces around the places, and whose each place is."""
    first, *rest = rendered.split(_OPEN + nonce)
    names, after = [], []
    for each in rest:
        name, _, piece = each.partition(_CLOSE)
        names.append(name)
        after.append(piece)
    return (first, *after), tuple(names)


def _escaped(word: str) -> str:
    """As the template escapes; that makes an object for every word, which is a fifth of a list."""
    return (
        word.replace("&", "&amp;")
        .replace(">", "&gt;")
        .replace("<", "&lt;")
        .replace("'", "&#39;")
        .replace('"', "&#34;")
    )
