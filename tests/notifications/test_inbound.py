"""Answers: what they mean, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.inbound import STOP_WORDS, Word, meaning


@pytest.mark.parametrize("word", sorted(STOP_WORDS))
@pytest.mark.parametrize("written", ["{}", " {}\n", "{}.", "«{}»", "{}!"])
def test_every_stop_word_stops_in_any_dress(word: str, written: str) -> None:
    assert meaning(written.format(word)) is Word.STOP
    assert meaning(written.format(word.lower())) is Word.STOP


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Stopp meldingene", Word.STOP),
        ("STOP please", Word.STOP),
        ("start", Word.START),
        ("Start.", Word.START),
        ("når starter det?", Word.OTHER),
        ("feil nummer", Word.WRONG_NUMBER),
        ("Hei! Feil  nummer :)", Word.WRONG_NUMBER),
        ("feilnummer", Word.WRONG_NUMBER),
        ("Wrong number", Word.WRONG_NUMBER),
        ("gale nummer", Word.WRONG_NUMBER),
        ("at the end", Word.OTHER),
        ("kan ikke, avlys (cancel) timen", Word.OTHER),
        ("takk", Word.OTHER),
        ("", Word.OTHER),
        ("👍", Word.OTHER),
        ("ＳＴＯＰＰ", Word.STOP),
    ],
)
def test_what_an_answer_means(text: str, word: Word) -> None:
    assert meaning(text) is word


@given(st.text(max_size=2000))
def test_any_text_means_something(text: str) -> None:
    assert meaning(text) in set(Word)
