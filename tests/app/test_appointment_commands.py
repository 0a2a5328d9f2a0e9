"""Appointments and consents on the command line: moved, warned about, and how they were given."""

from __future__ import annotations

from tests.app.shell import Shell

MONDAY = "2026-09-07T10:00+02:00"


def booked(shell: Shell, *words: object) -> tuple[str, str]:
    """The number of an appointment just booked, and what stood beside it on stderr."""
    answer = shell("appointment", "101000", *words, "--with", "X", "--place", "Y", now=MONDAY)
    return answer.out.split()[1], answer.err


def test_a_move_prints_the_number_of_the_new_appointment_and_keeps_the_old_as_moved(
    house: Shell,
) -> None:
    house("release-date", "101000", "2026-12-01", "--kind", "confirmed", now=MONDAY)
    old, _ = booked(house, "NAV", "--at", "2026-12-02T10:00", "--status", "confirmed")

    answer = house("appointment-move", old, "--to", "2026-12-03T12:00", "--place", "Z", now=MONDAY)

    new = answer.out.split()[1]
    assert f"moved from {old}" in answer.out
    shown = {each["id"]: each for each in house.case("101000", now=MONDAY)["appointments"]}
    assert (shown[old]["status"], shown[new]["status"]) == ("moved", "confirmed")
    assert (shown[new]["moved_from"], shown[new]["place"]) == (old, "Z")
    assert shown[new]["starts_at"] == "2026-12-03T12:00:00+01:00"
    house("appointment-move", old, "--to", "2026-12-04T12:00", now=MONDAY, code=1)


def test_what_there_is_to_look_at_is_said_beside_the_booking_and_stands_in_the_case(
    house: Shell,
) -> None:
    # Friday 4 December: nobody is there before Monday.
    friday = house("release-date", "101000", "2026-12-04", "--kind", "confirmed", now=MONDAY)
    assert "warning: the release is on a Friday" in friday.err

    _, err = booked(house, "GP", "--at", "2026-12-08T10:00")

    assert "warning: the first appointment is later than 3 days" in err
    assert house.case("101000", now=MONDAY)["warnings"] == [
        "first_appointment_late",
        "closed_days_after_release",
    ]
    assert "warning: the release is on a Friday" in house("case", "101000", now=MONDAY).out
    _, err = booked(house, "OTHER", "--at", "2026-12-04T15:00")
    assert "warning: the release is on a Friday" in err, "nobody has agreed to come yet"
    _, err = booked(house, "OTHER", "--at", "2026-12-04T14:00", "--status", "confirmed")
    assert err == ""
    assert house.case("101000", now=MONDAY)["warnings"] == []


def test_a_consent_says_how_it_was_given_and_to_which_text(house: Shell) -> None:
    house(
        "consent",
        "101000",
        "sharing",
        "given",
        *("--to", "nav", "--how", "written", "--language", "pl", "--text", "consent-7"),
        now=MONDAY,
    )
    house("consent", "101000", "sharing", "withdrawn", "--to", "nav", now=MONDAY)

    given, withdrawn = house.case("101000", now=MONDAY)["consents"]
    assert (given["how"], given["language"], given["text_version"]) == (
        "written",
        "pl",
        "consent-7",
    )
    assert (withdrawn["given"], withdrawn["how"]) == (False, None)
    house("consent", "101000", "sms", "given", "--how", "nodding", now=MONDAY, code=2)
