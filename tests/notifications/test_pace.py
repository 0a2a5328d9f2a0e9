"""The pace: no second sees more calls than the rate and a tenth, and no permission is lost."""

from __future__ import annotations

import itertools

import pytest

from notifications.pace import Pace


class Time:
    """A clock that only sleeping and `work` move on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def calls(pace: Pace, time: Time, *, seconds: float, most: int, work: float) -> list[float]:
    """When calls were made by somebody who needs `work` seconds after each group of them."""
    made: list[float] = []
    while time.now < seconds:
        made += [time.now] * pace.take(most)
        time.now += work
    return made


@pytest.mark.parametrize("work", [0.0, 0.003, 0.09])
def test_many_calls_keep_to_the_rate_however_slowly_they_are_asked_for(work: float) -> None:
    time = Time()
    pace = Pace(180.0, monotonic=time, sleep=time.sleep)

    made = calls(pace, time, seconds=20, most=32, work=work)

    assert 19.8 * 180 <= len(made) <= 20.2 * 180
    for first, at in enumerate(made):
        within = sum(1 for each in itertools.islice(made, first, first + 250) if each < at + 1.0)
        assert within <= 200


def test_many_go_by_the_handful_and_a_single_one_waits_for_nobody() -> None:
    time = Time()
    pace = Pace(180.0, monotonic=time, sleep=time.sleep)
    assert pace.take(32) == 18  # as many as a burst

    assert pace.take(32) == 4
    assert time.now == pytest.approx(4 / 180)
    assert pace.take(1) == 1
    assert time.now == pytest.approx(5 / 180)


def test_a_provider_that_asks_to_wait_gets_no_call_until_then() -> None:
    time = Time()
    pace = Pace(None, monotonic=time, sleep=time.sleep)
    assert pace.take(32) == 32
    pace.hold(2.0)
    pace.hold(1.0)

    assert pace.take(3) == 3
    assert time.now == 2.0
