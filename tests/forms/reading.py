"""Papers read back with programs that are not ours: qpdf, poppler, zbar."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

PROGRAMS = ("qpdf", "pdftotext", "pdftoppm", "pdffonts", "zbarimg")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
needs_readers = pytest.mark.skipif(
    bool(MISSING), reason=f"NOT INSTALLED: {', '.join(MISSING)} (see tests/programs.sh)"
)

FORBIDDEN = re.compile(rb"/(JavaScript|JS|Launch|URI|AA|OpenAction|SubmitForm|GoToR|ImportData)\b")
"""What no paper may do when it is opened or touched."""

RTL = ("ar", "fa", "ur")


def text_of(pdf: bytes, *, rtl: bool = False) -> str:
    """The text of a PDF; in the order of setting, or, from the right, as poppler reads it."""
    options = [] if rtl else ["-raw"]
    return _run(["pdftotext", *options, "-enc", "UTF-8", "-", "-"], pdf).decode()


def letters(text: str) -> str:
    """A text without blanks and marks of direction: what is left must be equal."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        each for each in composed if not each.isspace() and unicodedata.category(each) != "Cf"
    )


def words(text: str) -> list[str]:
    """The words of a text, without what stands between them."""
    composed = unicodedata.normalize("NFC", text)
    plain = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    return re.findall(r"\d+|[\u0620-\u06d3]+|[^\W\d_\u0620-\u06d3]+", plain)


def holds(read: str, written: str, *, rtl: bool = False) -> bool:
    """Whether a sentence was read back whole.

    From the right its words are asked for, each whole: in which order a line of both directions is
    told, poppler decides by what there is more of on the page.
    """
    if not rtl:
        return letters(written) in letters(read)
    return not Counter(words(written)) - Counter(words(read))


def check(pdf: bytes, folder: Path) -> None:
    """The file is sound, carries its fonts, and does nothing."""
    file = folder / "checked.pdf"
    file.write_bytes(pdf)
    sound = subprocess.run(["qpdf", "--check", file], capture_output=True, text=True, check=False)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    plain = _run(["qpdf", "--qdf", "--object-streams=disable", str(file), "-"], b"")
    assert FORBIDDEN.search(plain) is None
    fonts = _run(["pdffonts", str(file)], b"").decode().splitlines()[2:]
    assert fonts
    assert all(line.split()[-5:-2] == ["yes", "yes", "yes"] for line in fonts)


def sizes(pdf: bytes) -> list[tuple[float, float]]:
    """The pages in millimetres."""
    told = _run(["pdfinfo", "-l", "999", "-"], pdf).decode()
    found = re.findall(r"Page +\d+ size: +([\d.]+) x ([\d.]+) pts", told)
    return [(round(float(w) / 72 * 25.4, 1), round(float(h) / 72 * 25.4, 1)) for w, h in found]


def picture(pdf: bytes, folder: Path, *, page: int = 1, dpi: int = 100) -> Image.Image:
    """A page as it looks, in grey."""
    at = folder / f"page-{page}"
    _run(["pdftoppm", "-r", str(dpi), "-gray", "-f", str(page), "-l", str(page), "-singlefile",
          "-", str(at)], pdf)  # fmt: skip
    with Image.open(at.with_suffix(".pgm")) as image:
        return image.copy()


def qr_of(pdf: bytes, folder: Path, *, page: int = 1) -> list[str]:
    """What the QR codes of a page say, photographed at 300 dpi."""
    image = folder / "qr.png"
    picture(pdf, folder, page=page, dpi=300).save(image)
    told = subprocess.run(
        ["zbarimg", "--raw", "-q", "-Sdisable", "-Sqrcode.enable", image],
        capture_output=True,
        check=False,
    )
    return [each for each in told.stdout.decode().split("\n\n") if each]


def boxes_of_words(pdf: bytes) -> list[tuple[int, str, float, float, float, float]]:
    """Every word with its page and its box in millimetres from the upper left corner."""
    told = _run(["pdftotext", "-bbox", "-", "-"], pdf).decode()
    found = []
    for number, page in enumerate(told.split("<page ")[1:], start=1):
        for box in re.finditer(
            r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">'
            r"(.*?)</word>",
            page,
        ):
            x1, y1, x2, y2 = (float(each) / 72 * 25.4 for each in box.groups()[:4])
            found.append((number, box[5], x1, y1, x2, y2))
    return found


def _run(command: list[str], body: bytes) -> bytes:
    return subprocess.run(command, input=body, capture_output=True, check=True).stdout
