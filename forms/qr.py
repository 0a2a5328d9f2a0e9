"""QR codes, quickly: the same symbols as segno's, at a tenth of the time.

A code with five calendar entries took four fifths of a card. What does not depend on the content
(patterns, format, where each bit lies, the mask) is asked of segno once for each size and kept; the
content is then encoded with whole numbers. Byte mode, error correction L, mask 0; the tests compare
every symbol with segno's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, Final

import segno
from segno import consts, encoder

MASK: Final = 0
_FREE: Final = 0x2
"""What segno writes where a bit of the content will lie."""

_WIDE_COUNT: Final = 10
"""The version from which the length takes two bytes."""

_POLYNOMIAL: Final = 0x11D


@dataclass(frozen=True, slots=True)
class _Symbol:
    """One size. `blocks` are (data, correction) lengths; `gather` picks squares in their order."""

    side: int
    capacity: int
    blocks: tuple[tuple[int, int], ...]
    mask: int
    bits: int
    fixed: bytes
    gather: Callable[[bytes], tuple[int, ...]]


def matrix(content: bytes, *, largest: int) -> tuple[tuple[bool, ...], ...] | None:
    """The squares of the smallest symbol that holds the content, None above version `largest`."""
    for version in range(1, largest + 1):
        if len(content) <= _room(version):
            return _drawn(content, version)
    return None


def _room(version: int) -> int:
    """Bytes of content a version holds."""
    header = 4 + (16 if version >= _WIDE_COUNT else 8)
    return (sum(data for data, _ in _blocks(version)) * 8 - header) // 8


def _drawn(content: bytes, version: int) -> tuple[tuple[bool, ...], ...]:
    symbol = _symbol(version)
    words = _interleaved(_data(content, version, symbol.capacity), symbol.blocks)
    bits = (int.from_bytes(words) << (symbol.bits - 8 * len(words))) ^ symbol.mask
    told = f"{bits:0{symbol.bits}b}".encode("ascii").translate(_AS_NUMBERS)
    squares = symbol.gather(symbol.fixed + told)
    side = symbol.side
    dark = tuple(map(bool, squares))
    return tuple(dark[at : at + side] for at in range(0, side * side, side))


_AS_NUMBERS: Final = bytes.maketrans(b"01", b"\x00\x01")


def _data(content: bytes, version: int, capacity: int) -> bytes:
    """Mode, length, content, end and padding."""
    count = 16 if version >= _WIDE_COUNT else 8
    length = 4 + count + 8 * len(content)
    bits = (0b0100 << count | len(content)) << (8 * len(content)) | int.from_bytes(content)
    end = min(4, capacity * 8 - length)
    whole = -(-(length + end) // 8)
    body = (bits << (whole * 8 - length)).to_bytes(whole)
    return body + (b"\xec\x11" * capacity)[: capacity - whole]


def _interleaved(data: bytes, blocks: tuple[tuple[int, int], ...]) -> bytes:
    parts, corrections, at = [], [], 0
    for length, correction in blocks:
        part = data[at : at + length]
        at += length
        parts.append(part)
        corrections.append(_correction(part, correction))
    longest = max(map(len, parts))
    words = [part[place] for place in range(longest) for part in parts if place < len(part)]
    return bytes(words) + bytes(
        byte for column in zip(*corrections, strict=True) for byte in column
    )


def _correction(data: bytes, length: int) -> bytes:
    """The Reed-Solomon remainder, a byte of the data at a time."""
    table = _multiples(length)
    top, low = 8 * (length - 1), (1 << (8 * (length - 1))) - 1
    rest = 0
    for byte in data:
        rest = (rest & low) << 8 ^ table[byte ^ rest >> top]
    return rest.to_bytes(length)


@cache
def _multiples(length: int) -> tuple[int, ...]:
    """The generator polynomial of a length, times every byte."""
    generator = [0] * (length - 1) + [1]
    root = 1
    for _ in range(length):
        for at in range(length):
            generator[at] = _times(generator[at], root)
            if at + 1 < length:
                generator[at] ^= generator[at + 1]
        root = _times(root, 2)
    return tuple(
        int.from_bytes(bytes(_times(each, factor) for each in generator)) for factor in range(256)
    )


def _times(one: int, other: int) -> int:
    product = 0
    for bit in range(7, -1, -1):
        product = product << 1 ^ (product >> 7) * _POLYNOMIAL
        product ^= (other >> bit & 1) * one
    return product


@cache
def _blocks(version: int) -> tuple[tuple[int, int], ...]:
    tables: Any = consts.ECC
    told = tables[version][consts.ERROR_LEVEL_L]
    return tuple(
        (info.num_data, info.num_total - info.num_data)
        for info in told
        for _ in range(info.num_blocks)
    )


@cache
def _symbol(version: int) -> _Symbol:
    """What segno tells of a size."""
    blocks = _blocks(version)
    model = segno.make("x", version=version, error="l", boost_error=False, mask=MASK, mode="byte")
    squares: Any = model.matrix
    rows = [bytes(row) for row in squares]
    side = len(rows)
    patterns: Any = encoder
    empty = patterns.make_matrix(side, side)
    patterns.add_finder_patterns(empty, side, side)
    patterns.add_alignment_patterns(empty, side, side)
    order = _order(empty, side)
    mask = int("".join("1" if (row + column) % 2 == 0 else "0" for row, column in order), 2)
    fixed = b"".join(rows)
    sources = list(range(side * side))
    for number, (row, column) in enumerate(order):
        sources[row * side + column] = side * side + number
    capacity = sum(data for data, _ in blocks)
    return _Symbol(side, capacity, blocks, mask, len(order), fixed, itemgetter(*sources))


def _order(empty: Any, side: int) -> list[tuple[int, int]]:
    """Where the bits lie: in pairs of columns from the right, up and down in turn."""
    order = []
    for pair in range(side - 1, 0, -2):
        right = pair - 1 if pair <= 6 else pair
        up = (right + 1) & 2 == 0
        for step in range(side):
            row = side - 1 - step if up else step
            order += [(row, column) for column in (right, right - 1) if empty[row][column] == _FREE]
    return order
