"""What is printed from the command line: each paper is a file, each refusal one line."""

from __future__ import annotations

from pathlib import Path

import icalendar
import pytest

from tests.app.shell import Shell

NOW = "2026-09-02T09:00"
KARI = "101000"


def test_cards_and_forms_become_files_of_the_owner(house: Shell, tmp_path: Path) -> None:
    at = "2026-12-29T10:00"
    house("release-date", KARI, "2026-12-28", "--kind", "confirmed", now=NOW)
    house("appointment", KARI, "PROBATION", "--at", at, "--with", "Moen", "--place", "Storgata 1",
          "--status", "confirmed", now=NOW)  # fmt: skip

    for words, name in (
        (("card", KARI, "time-in-hand"), "card.pdf"),
        (("card", KARI, "overdose", "--language", "ti"), "info.pdf"),
        (("form", KARI, "checklist"), "list.pdf"),
        (("form", KARI, "consent", "--language", "ar"), "consent.html"),
        (("calendar", KARI), "dates.ics"),
        (("print-run", "--unit", house.case(KARI)["unit"], "--on", "2026-12-28"), "run.pdf"),
    ):
        told = house(*words, "-o", tmp_path / name, now=NOW)
        body = (tmp_path / name).read_bytes()
        assert body.startswith({"p": b"%PDF", "h": b"<!doc", "i": b"BEGIN"}[name.split(".")[1][0]])
        assert ("it is in Bokmål" in told.err) == ("ti" in words)
    [entry] = icalendar.Calendar.from_ical((tmp_path / "dates.ics").read_bytes()).walk("VEVENT")
    assert str(entry["summary"]) == "Avtale"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("form", KARI, "certificate"), 1, "complete naloxone_training first"),
        (("form", KARI, "diploma"), 2, "a form is"),
        (("card", KARI, "diploma"), 2, "time-in-hand"),
        (("card", KARI, "time-in-hand", "--size", "a3"), 2, "wallet"),
        (("attendance-list", "nosuchlist"), 1, ""),
        (("print-run", "--unit", "atlantis", "--on", "2026-12-28"), 2, "atlantis"),
    ],
)
def test_what_cannot_be_printed_is_one_line_and_no_file(
    house: Shell, tmp_path: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    refused = house(*words, "-o", tmp_path / "x.pdf", now=NOW, code=code)

    assert says in refused.err
    assert refused.err.count("\n") == 1
    assert list(tmp_path.glob("x*")) == []
