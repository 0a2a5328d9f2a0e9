"""Every word of the pages in three languages, and every code of the domain with a word."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

import pytest

from cases import custody, model, session_rows, store
from notifications.message import MessageState
from notifications.reasons import Reason
from tests.people import at
from web.i18n import LANGUAGES, SOURCE, best_of, catalogue, translator
from web.i18n.extraction import left_over, messages, untranslated
from web.pages.dates import Dates
from web.pages.words import WORDS

OTHERS = [language for language in LANGUAGES if language != SOURCE]
CODES: list[tuple[str, type[StrEnum]]] = [
    ("role", model.Role),
    ("owner", model.Owner),
    ("phase", model.Phase),
    ("participation", model.Participation),
    ("participation_reason", model.AnswerReason),
    ("state", model.TaskState),
    ("state", model.StepState),
    ("form", model.Form),
    ("answer", model.IntakeAnswer),
    ("answer", model.HandedOver),
    ("waive", model.WaiveReason),
    ("undo", model.UndoReason),
    ("release_kind", model.ReleaseKind),
    ("destination", model.Destination),
    ("unplanned", model.UnplannedReason),
    ("close_reason", model.CloseReason),
    ("kind", model.AppointmentKind),
    ("status", model.AppointmentStatus),
    ("transfer", model.TransferState),
    ("absence", model.AbsenceKind),
    ("message", MessageState),
    ("message_reason", Reason),
    ("session", session_rows.SessionState),
    ("naloxone", custody.Kind),
    ("refill", custody.RefillReason),
    ("flaw", custody.Flaw),
    ("verb", store.Verb),
]


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_untranslated_and_nothing_left_over(language: str) -> None:
    assert untranslated(language) == []
    assert left_over(language) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_fills_in_what_its_source_fills_in(language: str) -> None:
    for text, there in catalogue(language).items():
        assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", there))


def test_every_code_has_a_word() -> None:
    for table, codes in CODES:
        assert {code.value for code in codes} <= set(WORDS[table]), table


def test_every_word_is_among_the_messages() -> None:
    known = messages()
    for table, words in WORDS.items():
        for word in words.values():
            assert word in known, table


def test_dates_are_written_as_norwegians_write_them() -> None:
    now = at("2026-11-25 09:00")
    nb, nn, en = (Dates(language, translator(language), now) for language in ("nb", "nn", "en"))

    assert nb.time(at("2026-11-25 15:00")) == "ons. 25.11. kl. 15.00"
    assert nb.day(date(2027, 1, 4)) == "man. 4.1.2027"
    assert nn.time(at("2026-11-28 08:05")) == "laur. 28.11. kl. 08.05"
    assert en.time(at("2026-11-25 15:00")) == "Wed 25 Nov, 15:00"
    assert nb.due(at("2026-11-25 15:00")) == "i dag kl. 15.00"
    assert nb.due(at("2026-11-22 15:00")) == "3 dager over"
    assert nn.due(at("2026-11-24 08:00")) == "1 dag over"
    assert nb.until(date(2026, 12, 1)) == "om 6 dager"
    assert nb.long_day(date(1990, 5, 17)) == "17. mai 1990"


def test_a_browser_gets_the_best_language_there_is() -> None:
    assert best_of("nn-NO,nn;q=0.9,en;q=0.8") == "nn"
    assert best_of("no,en;q=0.5") == "nb"
    assert best_of("pl,en;q=0.7,nb;q=0.3") == "en"
    assert best_of("") == best_of("xx;q=z") == "nb"
