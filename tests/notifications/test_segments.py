"""Segments: GSM-7 with æøå, UCS-2 for other letters, and the edges between one and several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.segments import GSM_7_BASIC, GSM_7_EXTENSION, Encoding, segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", GSM, 0, 0),
        ("æøåÆØÅ", GSM, 6, 1),
        ("a" * 160, GSM, 160, 1),
        ("å" * 161, GSM, 161, 2),
        ("a" * 306, GSM, 306, 2),
        ("a" * 307, GSM, 307, 3),
        ("€" * 80, GSM, 160, 1),
        ("€" * 81, GSM, 162, 2),
        # 153 is odd: the 77th euro sign does not fit beside 76 others.
        ("€" * 152, GSM, 304, 2),
        ("€" * 153, GSM, 306, 3),
        ("č", UCS, 1, 1),
        ("a" * 69 + "ł", UCS, 70, 1),
        ("a" * 70 + "ł", UCS, 71, 2),
        ("č" * 134, UCS, 134, 2),
        ("č" * 135, UCS, 135, 3),
        ("😀" * 35, UCS, 70, 1),
        ("😀" * 36, UCS, 72, 2),
        # 67 is odd: a surrogate pair is never split.
        ("😀" * 66, UCS, 132, 2),
        ("😀" * 67, UCS, 134, 3),
        ("مرحبا", UCS, 5, 1),
    ],
)
def test_texts_are_counted_as_the_network_counts_them(
    text: str, encoding: Encoding, units: int, count: int
) -> None:
    counted = segments(text)

    assert (counted.encoding, counted.units, counted.count) == (encoding, units, count)


def test_the_letters_that_make_a_message_dear_are_named_once_each() -> None:
    assert segments("Čájet čállosa č").forcing == ("Č", "á", "č")
    assert segments("blåbær").forcing == ()


def test_the_alphabet_has_its_127_characters_and_none_twice() -> None:
    assert len(GSM_7_BASIC) == 127
    assert not GSM_7_BASIC & GSM_7_EXTENSION


@given(st.text(alphabet=st.sampled_from(sorted(GSM_7_BASIC | GSM_7_EXTENSION)), max_size=700))
def test_one_more_letter_never_makes_a_message_cheaper(text: str) -> None:
    shorter, longer = segments(text), segments(text + "a")

    assert shorter.count <= longer.count <= shorter.count + 1
    assert longer.count * longer.room >= longer.units
