"""The cards: read back, measured, decoded, the same every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import icalendar
import pytest
from PIL import Image

from core.errors import BadInput, Refused
from forms import entries, texts
from forms.card import card_pdf, cards_pdf
from forms.overdose import Overdose, overdose_pdf
from forms.setting import clean
from forms.sheets import STRIP, layout
from tests.forms.reading import (
    RTL,
    boxes_of_words,
    check,
    holds,
    letters,
    needs_readers,
    picture,
    qr_of,
    sizes,
    text_of,
)
from tests.forms.samples import NOW, appointment, card

LANGUAGES = sorted(texts.languages())
LIMIT = 60_000
"""Bytes of a card."""


@needs_readers
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_says_in_every_language_what_was_put_in(language: str, tmp_path: Path) -> None:
    rtl = language in RTL
    said = texts.words("card", language)
    it = card(4, language)

    pdf = card_pdf(it, to_a_sheet=0)

    check(pdf, tmp_path)
    assert len(pdf) <= LIMIT
    read = text_of(pdf, rtl=rtl)
    for key in ("front", "heading", "emergency", "questions", "stop_sms"):
        assert holds(read, said[key], rtl=rtl), key
    for each in it.appointments:
        assert holds(read, said.dates.at_of(each.entry.starts_at), rtl=rtl)
        for part in (each.whom, each.place, each.phone):
            assert holds(read, clean(part or ""), rtl=rtl), part
    assert ("UTKAST" in read) == said.draft


@needs_readers
@pytest.mark.parametrize("size", ["wallet", "a6"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_overdose_card_fits_and_is_read_back_in_every_language(
    language: str, size: str, tmp_path: Path
) -> None:
    rtl = language in RTL
    said = texts.words("overdose", language)

    pdf = overdose_pdf(Overdose(language, NOW), size=size, to_a_sheet=0)

    check(pdf, tmp_path)
    assert len(pdf) <= LIMIT
    read = text_of(pdf, rtl=rtl)
    for key in said.values:
        if key != "about":
            assert all(holds(read, each, rtl=rtl) for each in said.many(key)), key
    assert "113" in read
    assert letters(read).count("UTKAST/DRAFT") == 3, "a draft says so on each of its sides"


def test_words_that_nobody_approved_are_drafts_in_every_language() -> None:
    for language in LANGUAGES:
        assert texts.words("overdose", language).status is texts.Status.DRAFT
        assert texts.words("overdose", language).source


@needs_readers
def test_difficult_names_are_printed_or_visibly_shortened_and_stay_in_their_box(
    tmp_path: Path,
) -> None:
    pdf = card_pdf(card(8), to_a_sheet=0)

    check(pdf, tmp_path)
    read = letters(text_of(pdf))
    for there in ("Fastlege Łukasz Berg", "=1+1", "@SUM(1)", "Čáhppe linje to", "22 11 11 11"):
        assert letters(there) in read
    assert "…" in read
    assert "�" in read, "a letter that no font has is marked, not dropped"
    for _, word, x1, y1, x2, y2 in boxes_of_words(pdf):
        assert min(x1, y1) >= 2, word
        assert x2 <= 83, word
        assert y2 <= 108, word


@needs_readers
@pytest.mark.parametrize(
    ("size", "sheet", "page", "pages"),
    [
        ("wallet", 0, (85.0, 108.0), 2),
        ("wallet", 1, (210.0, 297.0), 2),
        ("wallet", 4, (210.0, 297.0), 2),
        ("wallet", 8, (210.0, 297.0), 2),
        ("a6", 0, (105.0, 148.0), 2),
        ("a6", 4, (210.0, 297.0), 2),
    ],
)
def test_pages_have_the_physical_size(
    size: str, sheet: int, page: tuple[float, float], pages: int
) -> None:
    assert sizes(card_pdf(card(3), size=size, to_a_sheet=sheet)) == [page] * pages


@needs_readers
def test_marks_stand_where_to_cut_and_where_to_fold(tmp_path: Path) -> None:
    pdf = cards_pdf([card(3)] * 4, to_a_sheet=4)

    for page in (1, 2):
        image = picture(pdf, tmp_path, page=page, dpi=254)  # ten dots to a millimetre

        def dark(x: float, y: float, wide: float, high: float, of: Image.Image = image) -> bool:
            there = of.crop((int(x * 10), int(y * 10), int((x + wide) * 10), int((y + high) * 10)))
            return there.getextrema()[0] < 160  # type: ignore[operator]

        for x in (20.0, 105.0, 190.0):  # cut, above and below
            for y in (34.5, 259.5):
                assert dark(x - 0.4, y, 0.8, 2)
                assert not dark(x + 1, y, 5, 2)
        for y in (40.5, 148.5, 256.5):  # cut, beside
            for x in (14.0, 193.5):
                assert dark(x, y - 0.4, 2, 0.8)
        for y in (94.5, 202.5):  # fold: dashed, in the middle of each card
            for x in (13.0, 192.0):
                assert dark(x, y - 0.4, 5, 0.8)
                dashes = [dark(x + at / 10, y - 0.4, 0.15, 0.8) for at in range(50)]
                assert not all(dashes), "a fold is not drawn through"
        assert not dark(103, 94.1, 4, 0.8), "no mark stands on a card"


@needs_readers
def test_the_back_of_a_sheet_lies_behind_its_front() -> None:
    pdf = cards_pdf([card(1, label="101001"), card(2, label="101002")], to_a_sheet=4)

    at = {
        (page, word): x
        for page, word, x, y, *_ in boxes_of_words(pdf)
        if word in ("1", "2") and y > 40
    }

    assert at[1, "1"] < 20
    assert at[1, "2"] > 190
    assert at[2, "2"] < 20
    assert at[2, "1"] > 190, "the sheet is turned over its long edge"


@needs_readers
@pytest.mark.parametrize(
    ("size", "to_a_sheet", "cards"),
    [("wallet", 0, 2), ("wallet", 1, 2), ("wallet", 4, 6), ("wallet", 8, 9), ("a6", 1, 2)],
)
def test_whose_a_card_is_stands_on_a_strip_that_is_cut_off_and_nowhere_near_a_card(
    size: str, to_a_sheet: int, cards: int
) -> None:
    labels = [str(1_010_010 + at) for at in range(cards)]
    pdf = cards_pdf([card(1, label=each) for each in labels], size=size, to_a_sheet=to_a_sheet)

    words = boxes_of_words(pdf)

    told = [(page, word, bottom) for page, word, _, _, _, bottom in words if word in labels]
    to_a_page = layout(size, to_a_sheet).to_a_page
    expected = [
        (2 * (n // to_a_page) + side, each) for n, each in enumerate(labels) for side in (1, 2)
    ]
    assert sorted((page, word) for page, word, _ in told) == (
        sorted(expected) if to_a_sheet else []
    )
    assert all(bottom < STRIP for *_, bottom in told)
    first_card = min(layout(size, to_a_sheet).room(0, behind=False).y for _ in labels)
    assert to_a_sheet == 0 or first_card > STRIP + 20
    if to_a_sheet:
        assert {"Klipp", "makuler"} <= {word for _, word, *_ in words}


@needs_readers
@pytest.mark.parametrize("count", [1, 4, 8])
def test_the_qr_code_holds_times_and_nothing_else(count: int, tmp_path: Path) -> None:
    it = card(count)
    pdf = card_pdf(it, to_a_sheet=0)

    [told] = qr_of(pdf, tmp_path)

    calendar = icalendar.Calendar.from_ical(told)
    events = calendar.walk("VEVENT")
    assert [e.decoded("dtstart") for e in events] == [a.entry.starts_at for a in it.appointments]
    assert {str(e["summary"]) for e in events} == {"Avtale"}
    assert {key for e in events for key in e} <= {
        "UID",
        "DTSTAMP",
        "DTSTART",
        "SUMMARY",
    }


@needs_readers
@pytest.mark.parametrize(("language", "title"), [("ru", "Встреча"), ("ar", "موعد")])
def test_a_code_in_other_letters_is_read_as_it_was_written(
    language: str, title: str, tmp_path: Path
) -> None:
    assert texts.words("card", language)["entry"] == title

    [told] = qr_of(card_pdf(card(3, language), to_a_sheet=0), tmp_path)

    events = icalendar.Calendar.from_ical(told).walk("VEVENT")
    assert [str(each["summary"]) for each in events] == [title] * 3


@needs_readers
def test_more_than_a_code_holds_becomes_a_number_to_dial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "LARGEST", 15)
    entries.squares.cache_clear()

    assert qr_of(card_pdf(card(8), to_a_sheet=0), tmp_path)[0].strip() == "tel:+4722000000"

    entries.squares.cache_clear()


def test_the_same_card_is_the_same_bytes() -> None:
    assert card_pdf(card(8, "ar")) == card_pdf(card(8, "ar"))
    assert card_pdf(card(3)) != card_pdf(card(3, printed_at=NOW + timedelta(days=1)))


@needs_readers
@pytest.mark.parametrize("count", [3, 8])
def test_a_number_however_long_leaves_something_of_whom_and_where(count: int) -> None:
    told = replace(appointment(0), whom="Legevakten", place="Oslo", phone="22 00 00 00 " * 8)

    read = text_of(card_pdf(card(count, appointments=(told,) * count), to_a_sheet=0))

    assert read.count("Lege") == count
    assert read.count("22 00 00 00 22 00 00 00") >= count
    assert read.count("…") >= count


@needs_readers
def test_a_reprint_says_what_is_new_what_changed_and_what_holds_no_longer() -> None:
    again = card(3, number=2, earlier_at=NOW - timedelta(days=4), gone=(NOW + timedelta(days=20),))

    read = text_of(card_pdf(again, to_a_sheet=0))

    for told in ("NY", "ENDRET", "Gjelder ikke lenger: tirs. 15.12.", "kortet fra 21.11.2026"):
        assert holds(read, told)


@needs_readers
def test_the_front_tells_nothing() -> None:
    pdf = card_pdf(card(3), to_a_sheet=0)

    front = [word for page, word, _, y, *_ in boxes_of_words(pdf) if page == 1 and y > 54]

    assert front == ["Avtaler"]


def test_a_card_with_nothing_on_it_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused, match="confirm an appointment"):
        card_pdf(card(0, contact_phone=None))
    assert card_pdf(card(0))


def test_a_layout_that_is_too_small_is_refused() -> None:
    with pytest.raises(BadInput, match="four to a sheet"):
        card_pdf(card(5), to_a_sheet=8)
    with pytest.raises(BadInput, match="four to a sheet"):
        overdose_pdf(Overdose("nb", NOW), to_a_sheet=8)
    with pytest.raises(BadInput, match="wallet"):
        card_pdf(card(1), size="a6", to_a_sheet=8)


@needs_readers
def test_a_language_without_words_is_served_in_bokmaal_and_says_so() -> None:
    said = texts.words("card", "ti")

    assert said.fallback == "ti"
    gone = tuple(NOW + timedelta(days=day) for day in range(20, 26))
    full = card(8, "ti", more=3, gone=gone, number=2, earlier_at=NOW)
    for pdf in (
        card_pdf(card(1, "ti"), to_a_sheet=0),
        card_pdf(full, to_a_sheet=0),
        overdose_pdf(Overdose("ti", NOW), to_a_sheet=0),
        overdose_pdf(Overdose("ti", NOW), size="a6", to_a_sheet=0),
    ):
        assert holds(text_of(pdf), "Finnes ikke på «ti»: her på bokmål.")
    assert "Mine avtaler" in text_of(card_pdf(full, to_a_sheet=0))
    lines = sorted(
        (x, y1, y2) for page, _, x, y1, _, y2 in boxes_of_words(card_pdf(full, to_a_sheet=0))
        if page == 2 and x < 8
    )  # fmt: skip
    assert max(y2 for *_, y2 in lines) < 105, "the last line stands on the card"
