"""The part of a face that one document embeds: a TrueType file of just the glyphs it uses.

Every pair of a glyph and the letters it stands for gets the next number, in the order of use, so
that the same document is always the same bytes. fpdf2 would cut the whole font anew for every
document, which takes a hundred times longer than setting a card.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Final

from fpdf.enums import FontDescriptorFlags
from fpdf.fonts import PDFFontDescriptor
from fpdf.output import CIDSystemInfo, OutputProducer, PDFFont, PDFFontStream
from fpdf.syntax import Name, PDFArray, PDFContentStream

from forms.faces import Face

_WORDS, _MORE, _SCALE, _XY, _TWO_BY_TWO = 0x0001, 0x0020, 0x0008, 0x0040, 0x0080
_KEPT: Final = ("cvt ", "fpgm", "prep")
"""Programs that the instructions in the outlines rest on."""

_CMAP: Final = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{blocks}endcmap
CMapName currentdict /CMap defineresource pop
end
end"""


class Embedded:
    """One face in one document. `number` names it in the pages as `/F<number>`."""

    def __init__(self, face: Face, number: int) -> None:
        self.face = face
        self.number = number
        self._codes: dict[tuple[int, str], int] = {(0, ""): 0}

    def code(self, gid: int, text: str) -> int:
        """The code of a glyph that stands for a text, in this document."""
        return self._codes.setdefault((gid, text), len(self._codes))

    def write(self, producer: OutputProducer) -> PDFFont:
        """Add the font and what belongs to it to a document; returns what pages refer to."""
        add: Any = producer._add_pdf_obj  # noqa: SLF001 - fpdf2 has no public door for a font
        glyphs = list(self._codes)
        program = _program(self.face, [gid for gid, _ in glyphs])
        name = f"{_tag(program)}+{self.face.name}"
        font = PDFFont(subtype="Type0", base_font=name, encoding="Identity-H")
        widths = " ".join(f"{self.face.metrics(gid)[0] * self.face.scale:.0f}" for gid, _ in glyphs)
        cid = PDFFont(subtype="CIDFontType2", base_font=name, d_w=0, w=f"[0 [{widths}]]")
        system = CIDSystemInfo()
        described = self._descriptor(name)
        body = PDFFontStream(program)
        letters = PDFContentStream(_to_unicode(glyphs), compress=True)
        for each in (font, cid, system, described, body, letters):
            add(each, "fonts")
        font.descendant_fonts = PDFArray([cid])
        font.to_unicode = letters
        cid.c_i_d_system_info = system
        cid.font_descriptor = described
        cid.c_i_d_to_g_i_d_map = Name("Identity")  # type: ignore[assignment]
        described.font_file2 = body  # type: ignore[attr-defined]
        return font

    def _descriptor(self, name: str) -> PDFFontDescriptor:
        face = self.face
        described = PDFFontDescriptor(
            ascent=round(face.ascent),
            descent=round(face.descent),
            cap_height=714,
            flags=FontDescriptorFlags.SYMBOLIC,
            font_b_box=f"[{' '.join(f'{each:.0f}' for each in face.box)}]",
            italic_angle=0,
            stem_v=80,
            missing_width=0,
        )
        described.font_name = Name(name)
        return described


def _program(face: Face, gids: list[int]) -> bytes:
    """A TrueType file whose glyph *n* is the face's glyph `gids[n]`."""
    numbers: dict[int, int] = {}
    for number, gid in enumerate(gids):
        numbers.setdefault(gid, number)
    order = list(gids)
    glyf, loca, at = [], [0], 0
    done = 0
    while done < len(order):  # parts of composed glyphs are added at the end
        outline = _renumbered(face.outline(order[done]), numbers, order)
        outline += b"\0" * (-len(outline) % 4)
        glyf.append(outline)
        at += len(outline)
        loca.append(at)
        done += 1
    metrics = b"".join(struct.pack(">Hh", *face.metrics(gid)) for gid in order)
    head, hhea, maxp = (bytearray(face.tables[tag]) for tag in ("head", "hhea", "maxp"))
    struct.pack_into(">h", head, 50, 1)
    struct.pack_into(">I", head, 8, 0)
    struct.pack_into(">H", hhea, 34, len(order))
    struct.pack_into(">H", maxp, 4, len(order))
    tables = {
        "head": bytes(head),
        "hhea": bytes(hhea),
        "maxp": bytes(maxp),
        "hmtx": metrics,
        "loca": struct.pack(f">{len(loca)}I", *loca),
        "glyf": b"".join(glyf),
    }
    tables |= {tag: bytes(face.tables[tag]) for tag in _KEPT if tag in face.tables}
    return _file(tables)


def _renumbered(outline: bytes, numbers: dict[int, int], order: list[int]) -> bytes:
    """An outline with the parts of a composed glyph named by their new numbers."""
    if len(outline) < 10 or struct.unpack_from(">h", outline)[0] >= 0:
        return outline
    body = bytearray(outline)
    at = 10
    while True:
        flags, part = struct.unpack_from(">2H", body, at)
        if part not in numbers:
            numbers[part] = len(order)
            order.append(part)
        struct.pack_into(">H", body, at + 2, numbers[part])
        at += 8 if flags & _WORDS else 6
        at += 2 if flags & _SCALE else 4 if flags & _XY else 8 if flags & _TWO_BY_TWO else 0
        if not flags & _MORE:
            return bytes(body)


def _file(tables: dict[str, bytes]) -> bytes:
    count = len(tables)
    power = 1 << (count.bit_length() - 1)
    directory = struct.pack(
        ">4s4H", b"\0\1\0\0", count, power * 16, power.bit_length() - 1, (count - power) * 16
    )
    offset = 12 + 16 * count
    bodies = []
    for tag in sorted(tables):
        body = tables[tag]
        padded = body + b"\0" * (-len(body) % 4)
        summed = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4s3I", tag.encode("ascii"), summed, offset, len(body))
        bodies.append(padded)
        offset += len(padded)
    return directory + b"".join(bodies)


def _tag(program: bytes) -> str:
    """The six letters that say it is a part of a font, the same for the same part."""
    number = int.from_bytes(hashlib.sha256(program).digest()[:8], "big")
    letters = []
    for _ in range(6):
        number, letter = divmod(number, 26)
        letters.append(chr(ord("A") + letter))
    return "".join(letters)


def _to_unicode(glyphs: list[tuple[int, str]]) -> bytes:
    told = [
        f"<{code:04X}> <{text.encode('utf-16-be').hex().upper()}>\n"
        for code, (_, text) in enumerate(glyphs)
        if text
    ]
    blocks = "".join(
        f"{len(part)} beginbfchar\n{''.join(part)}endbfchar\n"
        for part in (told[at : at + 100] for at in range(0, len(told), 100))
    )
    return _CMAP.format(blocks=blocks).encode("ascii")
