"""How many SMS segments a text takes, and in which alphabet. Pure.

GSM-7 (3GPP TS 23.038, default alphabet and its extension) holds æ, ø and å; one letter outside it
turns the whole message into UCS-2. A segment holds 160 septets or 70 UTF-16 units when it stands
alone, 153 or 67 when the message has several (the header of concatenation takes six octets). An
extension character takes two septets, a character outside the basic plane two units, and neither
is split between segments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

GSM_7_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The 127 characters of the default alphabet (the 128th is the escape itself)."""

GSM_7_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Characters behind the escape: two septets each."""


class Encoding(StrEnum):
    """The alphabet a message goes in."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


_ALONE: Final = {Encoding.GSM_7: 160, Encoding.UCS_2: 70}
_IN_SEVERAL: Final = {Encoding.GSM_7: 153, Encoding.UCS_2: 67}


@dataclass(frozen=True, slots=True)
class Segments:
    """The size of a text.

    `units` are septets (GSM-7) or UTF-16 units (UCS-2), `room` how many of them one segment of
    this message holds. `forcing` names, in order, the characters that GSM-7 does not have.
    """

    encoding: Encoding
    units: int
    count: int
    room: int
    forcing: tuple[str, ...] = ()


def segments(text: str) -> Segments:
    """Count the segments of a text; the empty text has none."""
    forcing = tuple(dict.fromkeys(c for c in text if c not in GSM_7_BASIC | GSM_7_EXTENSION))
    if forcing:
        encoding = Encoding.UCS_2
        widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
    else:
        encoding = Encoding.GSM_7
        widths = [2 if character in GSM_7_EXTENSION else 1 for character in text]
    units = sum(widths)
    if units <= _ALONE[encoding]:
        return Segments(encoding, units, min(units, 1), _ALONE[encoding], forcing)
    room = _IN_SEVERAL[encoding]
    return Segments(encoding, units, _packed(widths, room), room, forcing)


def _packed(widths: Iterable[int], room: int) -> int:
    count, filled = 1, 0
    for width in widths:
        if filled + width > room:
            count, filled = count + 1, 0
        filled += width
    return count
