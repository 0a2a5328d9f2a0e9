"""The weekdays in short: one source for pages, papers and messages."""

from __future__ import annotations

from datetime import datetime

import pytest

from core.weekdays import WEEKDAYS, weekdays_of
from forms import texts as papers
from notifications import texts as messages


@pytest.mark.parametrize("language", sorted(WEEKDAYS))
def test_papers_and_messages_write_them_as_pages_do(language: str) -> None:
    assert papers.words("staff", "nb").dates.weekdays == WEEKDAYS["nb"]
    assert papers.words("card", language).dates.weekdays == WEEKDAYS[language]
    assert messages.languages()[language].weekdays == WEEKDAYS[language]


def test_a_language_has_them_from_one_place_and_all_seven() -> None:
    assert weekdays_of("se", {"weekdays": list("abcdefg")}) == tuple("abcdefg")
    for language, given in (("nb", list("abcdefg")), ("se", list("abc"))):
        with pytest.raises(ValueError, match="weekdays"):
            weekdays_of(language, {"weekdays": given})


def test_a_paper_gives_the_year_where_it_is_another_one() -> None:
    dates = papers.words("staff", "nb").dates
    read_at = datetime.fromisoformat("2026-12-31T12:00+01:00")
    for at, said in (
        ("2027-01-08T15:00+01:00", "fre. 8.1.2027 kl. 15.00"),
        ("2026-12-31T23:30+00:00", "fre. 1.1.2027 kl. 00.30"),
        ("2026-09-08T15:00+02:00", "tirs. 8.9. kl. 15.00"),
    ):
        assert dates.at_of(datetime.fromisoformat(at), read_at=read_at) == said
    assert dates.at_of(datetime.fromisoformat("2027-01-08T15:00+01:00")) == "fre. 8.1. kl. 15.00"
