"""The texts: one segment, discreet in every language, with local dates and a version each."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from babel.dates import get_day_names
from hypothesis import given
from hypothesis import strategies as st

from core.clock import OSLO
from core.errors import BadInput
from core.weekdays import WEEKDAYS
from notifications import lint, texts
from notifications.preview import Preview, preview
from notifications.segments import Encoding, segments
from notifications.texts import TextFault, render

LANGUAGES = sorted(texts.languages())
PHONE = "22 00 00 00"
COMPLETE = {"nb", "nn", "en"}
REMINDER = "appointment_reminder"
START = datetime(2026, 11, 25, 10, tzinfo=OSLO)
YEAR = [datetime(2027, 1, 1, 9, 30, tzinfo=OSLO) + timedelta(days=n) for n in range(365)]


DRAFTS = {"se", "pl", "lt", "ro", "ar", "so", "ru"}
ONE_WAY = REMINDER + texts.ONE_WAY


def body(language: str, starts_at: datetime = START, phone: str = PHONE) -> str:
    """As it is shown: drafts too."""
    return shown(REMINDER, language, starts_at, phone).body


def shown(template: str, language: str, starts_at: datetime = START, phone: str = PHONE) -> Preview:
    return preview(template, language, starts_at=starts_at, contact_phone=phone)


def test_translations_are_drafts_that_are_shown_and_not_sent() -> None:
    assert set(LANGUAGES) == COMPLETE | DRAFTS
    for code in DRAFTS:
        assert shown(REMINDER, code).is_draft
        assert shown(REMINDER, code).language == code
        sent = render(REMINDER, code, starts_at=START, contact_phone=PHONE)
        assert sent.template.language == "nb"


def test_an_approved_translation_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "pl.toml"
    there = (Path(texts.__file__).parent / "texts/pl.toml").read_text("utf-8")
    file.write_text(there.replace('status = "draft"', 'status = "approved"'), "utf-8")

    assert texts.read_language(file).templates[REMINDER].may_be_sent


@pytest.mark.parametrize("language", sorted(COMPLETE | DRAFTS))
def test_names_of_days_are_those_people_know(language: str) -> None:
    known = [get_day_names("abbreviated", locale=language)[day] for day in range(7)]
    ours = list(texts.languages()[language].weekdays)

    if language in ("nb", "nn"):  # as on pages and cards: those of Språkrådet, not CLDR's
        assert ours == list(WEEKDAYS[language])
    else:
        assert ours == known


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", [REMINDER, ONE_WAY])
@pytest.mark.parametrize(
    "planted",
    ["LAR", "NAV Grünerløkka", "Kari Nordmann", "Ila fengsel", "Storgata 12"],
)
def test_a_planted_word_is_caught_in_every_text_of_every_language(
    language: str, template: str, planted: str
) -> None:
    text = texts.languages()[language].templates[template].text.replace(".", f" {planted}.", 1)

    assert lint.faults(text, ("Kari Nordmann", "Ila fengsel og forvaringsanstalt"))


@pytest.mark.parametrize("planted", ["LAR", "NAV Grünerløkka", "Ila fengsel", "Storgata 12"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_with_a_planted_word_is_not_even_read(
    tmp_path: Path, language: str, planted: str
) -> None:
    there = (Path(texts.__file__).parent / f"texts/{language}.toml").read_text("utf-8")
    file = tmp_path / f"{language}.toml"
    before, after = there.rsplit("{phone}", 1)
    file.write_text(f"{before}{planted} {{phone}}{after}", "utf-8")

    with pytest.raises(TextFault, match="tells too much"):
        texts.read_language(file)


def test_what_a_text_costs_is_shown() -> None:
    size = shown(REMINDER, "pl").size

    assert (size.encoding, size.count) == (Encoding.UCS_2, 3)
    assert "ń" in size.forcing or "ć" in size.forcing


def test_the_one_way_text_promises_no_answer_and_every_nb_text_is_one_segment() -> None:
    for code in LANGUAGES:
        assert "STOP" not in shown(ONE_WAY, code).body
    assert {shown(name, "nb").size.count for name in texts.PLACES} == {1}
    assert texts.for_sender(REMINDER, takes_replies=False) == ONE_WAY
    assert texts.for_sender(REMINDER, takes_replies=True) == REMINDER


def test_the_reminder_reads_as_agreed() -> None:
    assert body("nb") == (
        "Påminning: Du har en avtale ons. 25.11. kl. 10.00. Se kortet ditt for sted. "
        "Spørsmål? Ring 22 00 00 00. Svar STOPP for å slippe meldinger."
    )
    assert body("nn") == (
        "Påminning: Du har ein avtale ons. 25.11. kl. 10.00. Sjå kortet ditt for stad. "
        "Spørsmål? Ring 22 00 00 00. Svar STOPP for å sleppe meldingar."
    )
    assert body("en") == (
        "Reminder: You have an appointment Wed 25 Nov at 10:00. See your card for the place. "
        "Questions? Call 22 00 00 00. Reply STOP to end messages."
    )


def test_three_languages_are_complete() -> None:
    assert not COMPLETE - set(LANGUAGES)
    for code in COMPLETE:
        assert texts.languages()[code].templates.keys() == texts.PLACES.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_discreet_as_written(language: str) -> None:
    for template in texts.languages()[language].templates.values():
        assert lint.faults(template.text) == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rendered_day_of_a_year_is_discreet(language: str) -> None:
    days = YEAR if language in COMPLETE else YEAR[::6]
    told = {fault for day in days for fault in lint.faults(body(language, day))}

    assert told == set()


@pytest.mark.parametrize("language", sorted(COMPLETE))
@pytest.mark.parametrize("phone", [PHONE, "+47 22 00 00 00", "+999 000 000 000 00"])
def test_every_complete_text_is_one_segment_on_every_day_with_every_phone(
    language: str, phone: str
) -> None:
    sizes = {segments(body(language, day, phone)) for day in YEAR}

    assert {(size.encoding, size.count) for size in sizes} == {(Encoding.GSM_7, 1)}


@pytest.mark.parametrize(
    ("starts_at", "nb", "nn", "en"),
    [
        # Instants with UTC offset: the text names the Norwegian day and time.
        ("2026-11-25T23:30+00:00", "tors. 26.11. kl. 00.30", "tors. 26.11.", "Thu 26 Nov at 00:30"),
        ("2026-12-31T23:00+00:00", "fre. 1.1. kl. 00.00", "fre. 1.1.", "Fri 1 Jan at 00:00"),
        ("2027-01-02T08:05+01:00", "lør. 2.1. kl. 08.05", "laur. 2.1.", "Sat 2 Jan at 08:05"),
        ("2027-02-02T14:00+01:00", "tirs. 2.2. kl. 14.00", "tys. 2.2.", "Tue 2 Feb at 14:00"),
        ("2027-03-01T14:00+01:00", "man. 1.3. kl. 14.00", "mån. 1.3.", "Mon 1 Mar at 14:00"),
        # The hour that is left out and the hour that comes twice (both dates are Sundays).
        ("2027-03-28T01:30+00:00", "søn. 28.3. kl. 03.30", "søn. 28.3.", "Sun 28 Mar at 03:30"),
        ("2027-10-31T00:30+00:00", "søn. 31.10. kl. 02.30", "søn. 31.10.", "Sun 31 Oct at 02:30"),
        ("2027-10-31T01:30+00:00", "søn. 31.10. kl. 02.30", "søn. 31.10.", "Sun 31 Oct at 02:30"),
    ],
)
def test_days_and_times_are_the_norwegian_ones_in_the_forms_of_each_language(
    starts_at: str, nb: str, nn: str, en: str
) -> None:
    instant = datetime.fromisoformat(starts_at)

    assert f"avtale {nb}." in body("nb", instant)
    assert f"avtale {nn} kl. " in body("nn", instant)
    assert f"appointment {en}." in body("en", instant)


def test_a_language_without_a_file_is_written_to_in_bokmal() -> None:
    assert body("zz") == body("nb")
    assert texts.template_for(REMINDER, "zz").language == "nb"


def test_every_text_has_a_source_a_date_a_version_and_an_approval() -> None:
    for language in texts.languages().values():
        for template in language.templates.values():
            assert template.version >= 1
            assert template.source
            assert template.dated_on >= date(2026, 1, 1)
            assert template.status in texts.Approval


def test_the_body_does_not_stand_in_a_repr() -> None:
    rendered = render(REMINDER, "nb", starts_at=START, contact_phone=PHONE)

    assert "avtale ons." not in repr(rendered)


@pytest.mark.parametrize(
    "phone",
    ["", "22 00 00 00 ", "Ila fengsel", "22 00 00 00\nLAR", "２２００００００", "22  00", "12"],
)
def test_a_contact_phone_is_one_number_and_nothing_else(phone: str) -> None:
    with pytest.raises(BadInput) as refused:
        body("nb", phone=phone)

    assert refused.value.reason == "bad_contact_phone"


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        render("birthday", "nb", starts_at=START, contact_phone=PHONE)

    assert refused.value.reason == "unknown_template"


def test_a_result_that_tells_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "faults", lambda _: (lint.Fault(lint.Rule.OFFICE, "NAV", 0),))

    with pytest.raises(BadInput) as refused:
        render(REMINDER, "nb", starts_at=START, contact_phone=PHONE)

    assert refused.value.reason == "indiscreet"
    assert "NAV" not in refused.value.detail


@given(st.integers(0, 9 * 365 * 24 * 60))
def test_every_minute_can_be_written_in_every_language(minute: int) -> None:
    instant = datetime(2024, 1, 1, tzinfo=OSLO) + timedelta(minutes=minute)

    for language in LANGUAGES:
        assert texts.languages()[language].time_of(instant) in body(language, instant)


# Language files


def planted(folder: Path, language: str, old: str, new: str) -> Path:
    """The language file with one change."""
    original = Path(texts.__file__).with_name("texts") / f"{language}.toml"
    written = original.read_text("utf-8")
    assert old in written
    file = folder / original.name
    file.write_text(written.replace(old, new), "utf-8")
    return file


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "told", ["LAR", "NAV Grünerløkka", "Storgata 12", "Oslo fengsel", "rus", "overdose"]
)
def test_a_planted_word_stops_the_language_file(tmp_path: Path, language: str, told: str) -> None:
    file = planted(tmp_path, language, "{phone}.", f"{{phone}} {told}.")

    with pytest.raises(TextFault, match=f"{language}.toml: appointment_reminder tells too much"):
        texts.read_language(file)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("told", ["Bredtveit", "Nordmann"])
def test_a_planted_name_is_found_where_the_names_are_known(
    tmp_path: Path, language: str, told: str
) -> None:
    file = planted(tmp_path, language, "{phone}.", f"{{phone}} {told}.")
    text = texts.read_language(file).templates[REMINDER].text

    assert lint.faults(text, ["Bredtveit fengsel", "Kari Nordmann"])[0].found == told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('language = "nb"', 'language = "se"', "not the name of the file"),
        ("{phone}", "22 00 00 00", "must name exactly day, phone, time"),
        ("{phone}", "{phone} {name}", "must name exactly"),
        ("{time}.", "{time!r} {}.", "must name exactly"),
        ("{phone}", "{phone", "expected '}' before end of string"),
        ("{weekday} ", "{year} ", "dates.day may name only"),
        (', "des."]', "]", "months must be twelve"),
        ("version = 1", "version = 0", "whole number from 1"),
        ("version = 1", 'version = "1"', "whole number from 1"),
        ("dated = 2026-11-22", 'dated = "today"', "must be a date"),
        ("dated = 2026-11-22", "", "dated is missing"),
        ('status = "draft"', 'status = "good"', "good"),
        ("[appointment_reminder]", "[birthday]", "birthday is no template"),
        ("[dates]", "[dates", "toml"),
    ],
)
def test_a_broken_language_file_says_what_is_wrong(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = planted(tmp_path, "nb", old, new)

    with pytest.raises(TextFault) as refused:
        texts.read_language(file)

    assert str(refused.value).startswith("nb.toml: ")
    assert said in str(refused.value)
