from __future__ import annotations

import pickle

import pytest

from core.errors import BadInput, Busy, Conflict, NotAllowed, NotFound, OverlevError, Refused
from core.errors import UnsafeSettings as Unsafe


@pytest.mark.parametrize(
    ("error", "status", "exit_code"),
    [
        (Refused("no"), 409, 1),
        (NotFound("no"), 404, 1),
        (Conflict("no"), 409, 1),
        (BadInput("bad_date", "no"), 422, 2),
        (NotAllowed("no"), 403, 4),
        (Busy(), 503, 1),
        (Unsafe("no"), 500, 2),
        (OverlevError("no"), 500, 70),
    ],
)
def test_every_refusal_has_its_status_and_exit_code(
    error: OverlevError, status: int, exit_code: int
) -> None:
    assert (error.status, error.exit_code) == (status, exit_code)


def test_every_refusal_has_a_message_of_its_own() -> None:
    kinds: list[type[OverlevError]] = [
        OverlevError,
        Refused,
        NotFound,
        Conflict,
        BadInput,
        NotAllowed,
    ]
    kinds += [Busy, Unsafe]

    assert len({kind.message_key for kind in kinds}) == len(kinds)


def test_a_refusal_is_one_line_whatever_it_quotes() -> None:
    assert str(Refused("first\nsecond\r\n third")) == "first second third"


def test_a_conflict_carries_what_stands_now() -> None:
    current = {"version": 7}
    conflict = Conflict("somebody else was first", current)
    current["version"] = 8

    assert conflict.current == {"version": 7}


@pytest.mark.parametrize(
    "error",
    [
        BadInput("bad_date", "cannot be read", "release_on"),
        Conflict("late", {"version": 2}),
        Busy(retry_after=5),
    ],
)
def test_a_refusal_comes_whole_out_of_a_child_process(error: OverlevError) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

    assert type(arrived) is type(error)
    assert vars(arrived) == vars(error)
    assert str(arrived) == str(error)
