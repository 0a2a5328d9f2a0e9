"""Our QR codes are segno's, square for square."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
import segno
from PIL import Image

from forms import qr
from tests.forms.reading import needs_readers


def theirs(content: bytes) -> tuple[tuple[bool, ...], ...]:
    code = segno.make(content, error="l", micro=False, boost_error=False, mask=qr.MASK, mode="byte")
    return tuple(tuple(bool(cell) for cell in row) for row in code.matrix)


@pytest.mark.parametrize("version", range(1, 23))
def test_a_full_code_is_the_one_that_segno_makes(version: int) -> None:
    content = random.Random(version).randbytes(qr._room(version))

    ours = qr.matrix(content, largest=22)

    assert ours is not None
    assert len(ours) == 17 + 4 * version
    assert ours == theirs(content)


def test_what_is_left_is_padded_as_the_standard_says() -> None:
    # segno writes one byte of zeros too many here, which readers pass over (ISO/IEC 18004, 7.4.10).
    assert qr._data(b"abcde", 1, 19).hex() == "40561626364650" + "ec11" * 6
    assert qr._data(b"x" * 17, 1, 19)[-1] & 0x0F == 0


@needs_readers
@pytest.mark.parametrize("length", [4, 16, 18, 60, 150, 272, 500, 930])
def test_a_code_that_is_not_full_is_read(length: int, tmp_path: Path) -> None:
    content = "".join(random.Random(length).choices("abc XYZ 123:/;", k=length))
    rows = qr.matrix(content.encode(), largest=22)
    assert rows is not None
    image = Image.new("1", (len(rows) + 8, len(rows) + 8), 1)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            image.putpixel((x + 4, y + 4), 0 if dark else 1)
    file = tmp_path / "code.png"
    image.resize((image.width * 6, image.height * 6)).save(file)

    told = subprocess.run(
        ["zbarimg", "--raw", "-q", "-Sdisable", "-Sqrcode.enable", file],
        capture_output=True,
        check=False,
    )

    assert told.stdout.decode().removesuffix("\n") == content


def test_what_is_too_long_is_no_code() -> None:
    assert qr.matrix(b"x" * 1003, largest=22) is not None
    assert qr.matrix(b"x" * 1004, largest=22) is None
