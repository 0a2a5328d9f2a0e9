"""Setting text: cleaned, cut into runs of one face and direction, broken into lines that fit.

Lengths are points. A line is set in visual order: Arabic, Persian and Urdu from the right, with
numbers and Latin names inside from the left (the Unicode bidirectional algorithm).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from forms.faces import REGULAR, Face, Shaped, face_for, first_face

ELLIPSIS: Final = "…"
UNKNOWN: Final = "\ufffd"
"""Stands visibly for a character of a name that no font here can set; our own texts need none."""

_RTL: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_OPEN, _CLOSE = "\u2068", "\u2069"
_ISOLATES: Final = re.compile(f"[{_OPEN}{_CLOSE}]")
_JOINERS: Final = frozenset("\u200c\u200d\ufe0f")
_BLANKS: Final = re.compile(r"\s+")
# A phone number stays together on a line, and in its order within a text from the right.
_IN_NUMBER: Final = re.compile(r"(?<=\d) (?=\d)")
_KEPT_BLANK: Final = "\u00a0"


class GlyphMissing(ValueError):
    """A text of ours holds a character that no font here can set."""


def clean(text: str, *, strict: bool = False) -> str:
    """One line of printable characters that the fonts can set.

    Control characters and line breaks become blanks; what no font has becomes `UNKNOWN`, or
    raises `GlyphMissing` when `strict`. Direction marks are dropped: the setting decides.
    """
    composed = unicodedata.normalize("NFC", text)
    letters = []
    for character in composed:
        kind = unicodedata.category(character)
        if character in _JOINERS:
            letters.append(character)
        elif kind == "Cf":
            continue
        elif kind in ("Cc", "Zs", "Zl", "Zp"):
            letters.append(" ")
        elif kind in ("Cs", "Co", "Cn") or face_for(REGULAR, character) is None:
            if strict:
                raise GlyphMissing(f"no font here has U+{ord(character):04X}")
            letters.append(UNKNOWN)
        else:
            letters.append(character)
    return _BLANKS.sub(" ", "".join(letters)).strip()


def apart(text: str) -> str:
    """A piece that keeps its own direction within a sentence: a name, a place, a number."""
    return f"{_OPEN}{text}{_CLOSE}" if text else ""


def closed(text: str) -> str:
    """A text that was cut, with the pieces that stand apart closed again."""
    return text + _CLOSE * (text.count(_OPEN) - text.count(_CLOSE))


def is_rtl(text: str) -> bool:
    """Whether a text holds anything that is written from the right."""
    return _RTL.search(text) is not None


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line in one face."""

    face: Face
    shaped: Shaped


@dataclass(frozen=True, slots=True)
class Line:
    """A line ready to be set; `width` in thousandths of the type size."""

    runs: tuple[Run, ...]
    width: float


@lru_cache(maxsize=1024)
def line(text: str, weight: str = REGULAR, *, rtl: bool = False) -> Line:
    """A cleaned text as one line, in visual order; `rtl` is the direction of the paragraph."""
    runs: list[Run] = []
    for part, from_right in _visual(text, rtl=rtl):
        pieces = list(_by_face(part, weight))
        if from_right:
            pieces.reverse()
        for face, piece in pieces:
            runs.append(Run(face, face.shape(piece, rtl=from_right)))
    return Line(tuple(runs), sum(run.shaped.width for run in runs))


def width(text: str, size: float, weight: str = REGULAR) -> float:
    """How wide a cleaned text is at a size. Words are measured by themselves and remembered."""
    words = _ISOLATES.sub("", text).split(" ")
    blank = _word_width(" ", weight)
    return (sum(_word_width(word, weight) for word in words) + blank * (len(words) - 1)) * (
        size / 1000
    )


@lru_cache(maxsize=4096)
def _word_width(word: str, weight: str) -> float:
    return sum(face.shape(piece, rtl=is_rtl(piece)).width for face, piece in _by_face(word, weight))


def wrapped(text: str, size: float, room: float, weight: str = REGULAR) -> list[str]:
    """A cleaned text in lines of at most `room`; a word that is too long is cut where it must."""
    lines: list[str] = []
    current = ""
    for word in _IN_NUMBER.sub(_KEPT_BLANK, text).split(" "):
        longer = f"{current} {word}" if current else word
        if width(longer, size, weight) <= room:
            current = longer
            continue
        if current:
            lines.append(current)
        parts = list(_cut(word, size, room, weight))
        lines += parts[:-1]
        current = parts[-1] if parts else ""
    return [*lines, current] if current or not lines else lines


def fitted(
    text: str, size: float, room: float, weight: str = REGULAR, *, most: int = 1
) -> list[str]:
    """At most `most` lines; what does not fit is cut, with an ellipsis in its place."""
    lines = wrapped(text, size, room, weight)
    if len(lines) <= most:
        return lines
    kept = lines[: most - 1]
    last = " ".join(lines[most - 1 :])
    low, high = 0, len(last)
    while low < high:
        middle = (low + high + 1) // 2
        if width(last[:middle].rstrip() + ELLIPSIS, size, weight) <= room:
            low = middle
        else:
            high = middle - 1
    return [*kept, last[:low].rstrip() + ELLIPSIS]


def _cut(word: str, size: float, room: float, weight: str) -> Iterator[str]:
    while word and width(word, size, weight) > room:
        low, high = 1, len(word)
        while low < high:
            middle = (low + high + 1) // 2
            if width(word[:middle], size, weight) <= room:
                low = middle
            else:
                high = middle - 1
        yield word[:low]
        word = word[low:]
    if word:
        yield word


def _by_face(text: str, weight: str) -> Iterator[tuple[Face, str]]:
    """A text in pieces of one face each; a blank or mark stays with what stands before it."""
    current: Face | None = None
    piece = ""
    for character in text:
        if piece and current is not None and _follows(character, current):
            piece += character
            continue
        found = face_for(weight, character) or first_face(weight)
        if found is not current and piece and current is not None:
            yield current, piece
            piece = ""
        current = found
        piece += character
    if piece and current is not None:
        yield current, piece


def _follows(character: str, current: Face) -> bool:
    if not current.has(character):
        return False
    kind = unicodedata.category(character)
    if kind == "Zs":  # the blank of the emoji is as wide as an emoji
        return not current.of_signs
    return character in _JOINERS or kind in ("Mn", "Me", "Mc")


def _visual(text: str, *, rtl: bool) -> list[tuple[str, bool]]:
    """Pieces of one direction in the order in which they stand on the line, letters in theirs."""
    if not rtl and not is_rtl(text):
        return [(_ISOLATES.sub("", text).replace(_KEPT_BLANK, " "), False)]
    # Here and not above: what belongs to it is large (`forms.written`), and most texts need none.
    from fpdf.bidi import BidiParagraph  # noqa: PLC0415
    from fpdf.enums import TextDirection  # noqa: PLC0415

    base = TextDirection.RTL if rtl else TextDirection.LTR
    text = _IN_NUMBER.sub(_KEPT_BLANK, text)
    pieces: list[tuple[str, bool]] = []
    for each in BidiParagraph(text, base, preserve_bn_chars=True).get_reordered_characters():
        from_right = each.embedding_level % 2 == 1
        if pieces and pieces[-1][1] == from_right:
            before = pieces[-1][0]
            letters = each.character + before if from_right else before + each.character
            pieces[-1] = (letters, from_right)
        else:
            pieces.append((each.character, from_right))
    told = ((_ISOLATES.sub("", piece), from_right) for piece, from_right in pieces)
    return [(piece.replace(_KEPT_BLANK, " "), from_right) for piece, from_right in told if piece]
