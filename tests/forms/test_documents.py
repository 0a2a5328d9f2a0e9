"""The forms on A4 and as pages: read back, the same content, the same bytes, for everybody."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from forms import texts
from forms.document import Bullets, Document, Fields, Heading, Paragraph, Table, Ticks
from forms.document_html import document_html
from forms.document_pdf import document_pdf
from forms.setting import clean
from tests.forms.reading import (
    RTL,
    boxes_of_words,
    check,
    holds,
    letters,
    needs_readers,
    sizes,
    text_of,
)
from tests.forms.samples import documents, tertial

LANGUAGES = sorted(texts.languages())
NAMES = sorted(documents("nb"))
CHROMIUM = shutil.which("chromium")


def said(form: Document) -> Iterator[str]:
    """Every sentence of a form."""
    yield form.title
    yield from form.notes
    for block in form.blocks:
        match block:
            case Heading(text) | Paragraph(text):
                yield text
            case Bullets(sentences):
                yield from sentences
            case Fields(pairs):
                yield from (part for pair in pairs for part in pair)
            case Ticks(label, choices):
                yield from (label, *choices)
            case Table(_, head, rows):
                yield from head
                yield from (cell for row in rows for cell in row if len(cell) < 100)


@needs_readers
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_is_read_back_whole_from_paper_and_page(language: str, tmp_path: Path) -> None:
    for name, form in documents(language).items():
        if form.words.fallback is not None and (language, name) != ("ar", "checklist"):
            continue  # Bokmål again; once is enough
        rtl = form.words.language in RTL

        pdf, page = document_pdf(form), document_html(form)

        check(pdf, tmp_path)
        assert set(sizes(pdf)) == {(210.0, 297.0)}
        on_paper = text_of(pdf, rtl=rtl)
        on_page = unescape(re.sub(r"<[^>]+>", " ", page.split("<main>")[1]))
        for sentence in said(form):
            told = clean(sentence)
            assert letters(told) in letters(on_page), (name, told)
            assert holds(on_paper, _unbroken(told), rtl=rtl), (name, told)
        assert ("UTKAST" in on_paper) == ("UTKAST" in page) == form.words.draft
        assert "<script" not in page


def _unbroken(text: str) -> str:
    """A cell may be broken over lines, and then poppler reads across the row: its longest word."""
    return max(text.split(" "), key=len)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_form_is_the_same_bytes(name: str) -> None:
    assert document_pdf(documents("nb")[name]) == document_pdf(documents("nb")[name])


def test_every_text_has_a_version_a_date_and_a_source_and_every_translation_is_a_draft() -> None:
    for code, language in texts.languages().items():
        for part in language.parts.values():
            assert part.version >= 1
            assert part.source
            if code not in ("nb", "nn", "en") or part.part in ("overdose", "consent"):
                assert part.draft, (code, part.part)


def test_nynorsk_bokmaal_and_english_are_complete() -> None:
    for code in ("nb", "nn", "en"):
        assert set(texts.languages()[code].parts) == set(texts.PARTS)


def test_a_word_that_no_font_has_is_a_fault_of_the_file_and_not_a_box_on_paper(
    tmp_path: Path,
) -> None:
    main = texts.read_language(texts.FOLDER / "nb.toml")
    wrong = (texts.FOLDER / "ru.toml").read_text("utf-8").replace("Встречи", "Встречи 中")
    (tmp_path / "ru.toml").write_text(wrong, "utf-8")

    with pytest.raises(texts.TextFault, match=r"ru\.toml.*U\+4E2D"):
        texts.read_language(tmp_path / "ru.toml", main)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('heading = "Мои встречи"\n', "", "card.heading stands in one file"),
        ("{days}", "{day}", "card.gone must name days"),
        ('"Синие губы и кончики пальцев", ', "", "overdose.signs must have 3 sentences"),
        ('status = "draft"', 'status = "fine"', "fine"),
        ("version = 1", 'version = "1"', "needs a version"),
    ],
)
def test_a_language_file_that_differs_from_bokmaal_says_where(
    before: str, after: str, fault: str, tmp_path: Path
) -> None:
    main = texts.read_language(texts.FOLDER / "nb.toml")
    text = (texts.FOLDER / "ru.toml").read_text("utf-8")
    assert before in text
    (tmp_path / "ru.toml").write_text(text.replace(before, after), "utf-8")

    with pytest.raises(texts.TextFault, match=fault):
        texts.read_language(tmp_path / "ru.toml", main)


@needs_readers
def test_the_tertial_on_paper_is_an_archive_file_that_carries_its_figures(tmp_path: Path) -> None:
    pdf = document_pdf(documents("nb")["tertial"])
    file = tmp_path / "tertial.pdf"
    file.write_bytes(pdf)

    listed = _told(["pdfdetach", "-list", file])
    _told(["pdfdetach", "-save", "1", "-o", tmp_path / "out.csv", file])
    metadata = _told(["pdfinfo", "-meta", file])

    assert "2026-T3.csv" in listed
    assert (tmp_path / "out.csv").read_bytes() == tertial().csv
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    plain = _told(["qpdf", "--qdf", "--object-streams=disable", file, "-"])
    for needed in ("/AFRelationship /Data", "/OutputIntents", "/AF [", "GTS_PDFA1", "/N 3",
                   "/DestOutputProfile", "/Type /Metadata", "/ID ["):  # fmt: skip
        assert needed in plain, needed
    assert "/Encrypt" not in plain
    assert b"/Filter /LZWDecode" not in pdf
    assert pdf.startswith(b"%PDF-1.7\n%")
    assert min(pdf[10:14]) > 127, "PDF/A wants four high bytes in the second line"
    for said in ("<dc:title>", 'xmp:CreateDate="2026-11-25T09:00:00+00:00"'):
        assert said in metadata
    fonts = _told(["pdffonts", file]).splitlines()[2:]
    assert all(line.split()[-5:-2] == ["yes", "yes", "yes"] for line in fonts), "embedded, mapped"
    read = text_of(pdf)
    assert holds(read, "ab" * 20)
    assert ":" in read


@needs_readers
@pytest.mark.parametrize("language", ["nb", "en"])
def test_no_heading_stands_alone_at_the_foot_and_no_head_of_a_column_is_broken(
    language: str,
) -> None:
    pdf = document_pdf(documents(language)["tertial"])
    staff = texts.words("staff", language)
    boxes = boxes_of_words(pdf)
    for word in (staff["numerator"], staff["denominator"]):
        assert word in {each[1] for each in boxes}
    pages = {each[0] for each in boxes}
    for page in pages:
        *_, last = sorted((y2, word) for p, word, _, _, _, y2 in boxes if p == page and y2 < 275)
        assert last[1] not in ("Vest", "I8", "Norge"), page


def _told(command: list[Any]) -> str:
    return subprocess.run(command, capture_output=True, check=True).stdout.decode("latin-1")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("NOT INSTALLED: chromium (see tests/programs.sh)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser.new_page()
        browser.close()


@pytest.mark.parametrize(
    ("name", "language"),
    [(name, "nb") for name in NAMES] + [("consent", "ar"), ("time_in_hand", "fa")],
)
def test_every_form_as_a_page_has_no_violation_of_accessibility(
    page: Any, name: str, language: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.set_content(document_html(documents(language)[name]))

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
