"""Typefaces: what a face can set, how it shapes a text, and the glyphs a document takes from it.

The fonts are static TrueType files that lie in `forms/fonts` (`app.assets`). Each is read once for
a process; a document embeds only the glyphs it uses (`forms.embedding`), so a card stays small and
making one takes milliseconds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import uharfbuzz as hb

FOLDER: Final = Path(__file__).with_name("fonts")

REGULAR: Final = "regular"
BOLD: Final = "bold"

FILES: Final[dict[str, tuple[str, ...]]] = {
    REGULAR: (
        "NotoSans_400Regular.ttf",
        "NotoNaskhArabic_400Regular.ttf",
        "NotoEmoji_400Regular.ttf",
    ),
    BOLD: (
        "NotoSans_700Bold.ttf",
        "NotoNaskhArabic_700Bold.ttf",
        "NotoEmoji_700Bold.ttf",
    ),
}
"""Weight → files; a character is set from the first that has it."""

ENLARGED: Final = {"NotoNaskhArabic": 1.2}
"""Family → by how much it is set larger: Arabic letters are small beside Latin ones of a size."""

_REMEMBERED: Final = 2048
"""Shaped texts remembered for a face: the words of forms come back again and again."""

# Kerning moves glyphs by fractions nobody sees at 10 pt and makes pages larger; the ligatures of
# Latin letters would be taken out of a PDF as one glyph. What a script needs stays.
_FEATURES: Final = {"kern": False, "liga": False, "clig": False}

_ALWAYS: Final = frozenset({0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0xFE0F, 0x2066, 0x2067, 0x2069})
"""Marks that direct the setting and need no glyph of their own."""


class FontMissing(FileNotFoundError):
    """A font file does not lie where the installation should have put it."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph in the order of the line. Units are thousandths of the size the face is set in.

    `text` is what the glyph stands for when the PDF is read: several letters of a ligature, none
    where the letter belongs to the glyph beside it.
    """

    gid: int
    text: str
    advance: float
    dx: float = 0.0
    dy: float = 0.0


@dataclass(frozen=True, slots=True)
class Shaped:
    """A text of one face and direction; `width` in thousandths of the size that was asked for."""

    glyphs: tuple[Glyph, ...]
    width: float
    plain: bool


class Face:
    """One font file, read. `ascent` and `descent` are thousandths of the type size."""

    def __init__(self, file: Path) -> None:
        try:
            body = file.read_bytes()
        except FileNotFoundError as missing:
            raise FontMissing(
                f"{file.name} is not in {file.parent}: install again (python -m app.assets)"
            ) from missing
        self.name: str = file.stem.replace("_", "-")
        self.of_signs: bool = file.stem.startswith("NotoEmoji")
        self.enlarged: float = ENLARGED.get(file.stem.split("_")[0], 1.0)
        # Looked at where they lie: the file is in memory once, for the shaping and for us.
        self.tables: dict[str, memoryview] = _tables(body)
        self._hb = hb.Font(hb.Face(body))
        head, hhea = self.tables["head"], self.tables["hhea"]
        self.upem: int = struct.unpack_from(">H", head, 18)[0]
        self.scale: float = 1000 / self.upem
        self.long_loca: bool = struct.unpack_from(">h", head, 50)[0] == 1
        self.box: tuple[float, ...] = tuple(
            round(each * self.scale, 1) for each in struct.unpack_from(">4h", head, 36)
        )
        self.ascent: float = struct.unpack_from(">h", hhea, 4)[0] * self.scale
        self.descent: float = struct.unpack_from(">h", hhea, 6)[0] * self.scale
        self._metrics: int = struct.unpack_from(">H", hhea, 34)[0]
        self._known: frozenset[int] = frozenset(self._hb.face.unicodes)
        self.shape = lru_cache(maxsize=_REMEMBERED)(self._shape)

    def has(self, character: str) -> bool:
        """Whether the face can set a character."""
        code = ord(character)
        return code in self._known or code in _ALWAYS

    def outline(self, gid: int) -> bytes:
        """A glyph's outline as it lies in the file; empty for a blank."""
        loca, glyf = self.tables["loca"], self.tables["glyf"]
        if self.long_loca:
            start, end = struct.unpack_from(">2I", loca, gid * 4)
        else:
            start, end = (each * 2 for each in struct.unpack_from(">2H", loca, gid * 2))
        return bytes(glyf[start:end])

    def metrics(self, gid: int) -> tuple[int, int]:
        """Advance width and left side bearing in the units of the file."""
        hmtx = self.tables["hmtx"]
        if gid < self._metrics:
            advance, bearing = struct.unpack_from(">Hh", hmtx, gid * 4)
            return advance, bearing
        (advance,) = struct.unpack_from(">H", hmtx, (self._metrics - 1) * 4)
        (bearing,) = struct.unpack_from(">h", hmtx, self._metrics * 4 + (gid - self._metrics) * 2)
        return advance, bearing

    def _shape(self, text: str, *, rtl: bool) -> Shaped:
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if rtl else "ltr"
        buffer.cluster_level = hb.BufferClusterLevel.MONOTONE_CHARACTERS
        hb.shape(self._hb, buffer, _FEATURES)
        infos, positions = buffer.glyph_infos, buffer.glyph_positions
        letters = _letters(
            text,
            [info.cluster for info in infos],
            [place.x_advance for place in positions],
        )
        scale = self.scale
        glyphs = tuple(
            Glyph(
                info.codepoint,
                letter,
                place.x_advance * scale,
                place.x_offset * scale,
                place.y_offset * scale,
            )
            for info, place, letter in zip(infos, positions, letters, strict=True)
        )
        plain = all(
            each.dx == 0 and each.dy == 0 and abs(each.advance - self._width(each.gid)) < 1
            for each in glyphs
        )
        return Shaped(glyphs, sum(each.advance for each in glyphs) * self.enlarged, plain)

    def _width(self, gid: int) -> float:
        return self.metrics(gid)[0] * self.scale


def _letters(text: str, clusters: list[int], advances: list[int]) -> list[str]:
    """For each glyph the letters it stands for: those of its cluster, told at the widest of it.

    Arabic letters are set from a body and its dots; only the body is read back.
    """
    starts = sorted(set(clusters))
    ends = dict(zip(starts, [*starts[1:], len(text)], strict=True))
    widest: dict[int, int] = {}
    for at, cluster in enumerate(clusters):
        if cluster not in widest or advances[at] > advances[widest[cluster]]:
            widest[cluster] = at
    return [
        text[cluster : ends[cluster]] if widest[cluster] == at else ""
        for at, cluster in enumerate(clusters)
    ]


def _tables(body: bytes) -> dict[str, memoryview]:
    (count,) = struct.unpack_from(">H", body, 4)
    found = {}
    seen = memoryview(body)
    for at in range(12, 12 + 16 * count, 16):
        tag, _, offset, length = struct.unpack_from(">4s3I", body, at)
        found[tag.decode("ascii")] = seen[offset : offset + length]
    return found


@cache
def face(file: str) -> Face:
    """A face by the name of its file, read once. Raises `FontMissing`."""
    return Face(FOLDER / file)


def first_face(weight: str) -> Face:
    """The face of a weight that is asked first. Raises `FontMissing`."""
    return face(FILES[weight][0])


@lru_cache(maxsize=_REMEMBERED)
def face_for(weight: str, character: str) -> Face | None:
    """The face that sets a character, None where no face has it.

    A face is read when a character needs it: most papers need neither Arabic letters nor signs.
    """
    for file in FILES[weight]:
        if (found := face(file)).has(character):
            return found
    return None
