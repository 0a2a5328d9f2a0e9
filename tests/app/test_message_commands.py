"""Messages on the command line: what waits for a person, what is decided, what stops the start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.app.databases import behind
from tests.app.shell import Shell

NOW = "2026-09-25T08:00+02:00"
ABOUT = "abcdefghij/a1/day_before/2026-09-26T10:00+02:00"
TWILIO: dict[str, str | None] = {
    "OVERLEV_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "OVERLEV_TWILIO_AUTH_TOKEN": "token-of-a-test",
    "OVERLEV_TWILIO_SENDER": "+4759440000",
}


def left(shell: Shell, state: str, reason: str) -> str:
    """A message of 101000's case that stands so; what it is about."""
    ref = shell.case("101000", now=NOW)["ref"]
    about = ABOUT.replace("abcdefghij", ref)
    behind(
        shell,
        "INSERT INTO outbox (about, subject, person, rung, template, language, send_at, expires_at,"
        " starts_at, state, reason, wanted_at) VALUES"
        f" ('{about}', '{ref}', 'p', 'day_before', 'appointment_reminder', 'nb',"
        " '2026-09-25T12:00:00.000000Z', '2026-09-25T15:00:00.000000Z',"
        f" '2026-09-26T08:00:00.000000Z', '{state}', '{reason}', '2026-09-20T08:00:00.000000Z')",
    )
    return about


def test_an_unclear_message_is_listed_told_by_the_doctor_and_decided_once(house: Shell) -> None:
    about = left(house, "needs_person", "traces_differ")

    (waiting,) = house("message", "waiting", "--json", now=NOW).json
    assert (waiting["about"], waiting["why"]) == (about, "traces_differ")
    assert "traces_differ 1" in house("doctor", now=NOW).out

    assert "sent, drop" in house("message", "decide", about, "maybe", now=NOW, code=2).err
    house("message", "decide", about, "sent", now=NOW)

    assert house("message", "waiting", now=NOW).out == "No message waits for a decision.\n"
    assert "does not wait" in house("message", "decide", about, "drop", now=NOW, code=1).err
    (told,) = house.case("101000", now=NOW)["messages"]
    assert (told["state"], told["why"]) == ("accepted", "a_person_says_it_went")


def test_a_message_of_no_case_is_not_found(house: Shell) -> None:
    assert house("message", "decide", ABOUT, "sent", now=NOW, code=1).err.count("\n") == 1


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"OVERLEV_TWILIO_SENDER": None}, "set all three or none"),
        ({"OVERLEV_PUBLIC_URL": "http://overlev.example"}, "https"),
        ({"OVERLEV_SMS_LEASE": "12"}, "must be longer than"),
    ],
)
def test_settings_that_would_lose_messages_stop_the_start(
    house: Shell, setting: dict[str, str | None], says: str
) -> None:
    with_settings = replace(house, env={**house.env, **TWILIO, **setting})

    refused = with_settings("deliver", now=NOW, code=2)
    assert says in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:8000"])
def test_outside_a_demo_callbacks_need_an_https_address(shell: Shell, address: str | None) -> None:
    real = Shell(shell.folder.parent / "real", {**shell.env, **TWILIO})
    real("init")
    real = replace(real, env={**real.env, "OVERLEV_PUBLIC_URL": address})

    for command in ("deliver", "doctor"):
        told = real(command, code=2 if command == "deliver" else 1)
        assert "must be an https address" in told.err + told.out


def test_doctor_says_what_is_known_of_a_provider_and_whose_number_messages_name(
    shell: Shell,
) -> None:
    real = Shell(shell.folder.parent / "real", {**shell.env, "OVERLEV_CONTACT_PHONE": None})
    real("init")
    shown = real("doctor").out
    https = {"OVERLEV_PUBLIC_URL": "https://overlev.example.no"}
    sent = replace(real, env={**real.env, **TWILIO, **https})

    told = sent("doctor", code=1).out
    own = replace(sent, env={**sent.env, "OVERLEV_CONTACT_PHONE": "22 12 34 56"})("doctor").out

    assert "the provider answers" not in told
    assert "has not answered a message yet" in told
    assert "OVERLEV_CONTACT_PHONE" in told
    assert "OVERLEV_CONTACT_PHONE" in shown, "cards name it too"
    assert "contact number" not in own
