"""Loading gives what was written, and folding differences gives the case: for random cases."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import people, queries, store
from cases.access import OPERATOR
from cases.model import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    CloseReason,
    Consent,
    ConsentPurpose,
    Destination,
    DueChange,
    Phase,
    Receiver,
    ReleaseKind,
    ReleaseNotice,
    Source,
    Stay,
    TaskState,
    Transfer,
    TransferState,
    UnplannedReason,
)
from cases.shape import PARTS, compare, difference, fold, in_order, without_machinery
from cases.store import Verb
from cases.vault import Identity
from core.chain import canonical
from core.crypto import new_ref
from tests.cases.desk import UNITS, Desk
from tests.cases.strategies import as_planned, cases

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)


class Chance:
    """Any facts at all, from one drawn number: drawing them one by one takes a second a case."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def yes(self) -> bool:
        return self._random.random() < 0.5

    def up_to(self, most: int) -> int:
        return self._random.randint(0, most)

    def one(self, among: Iterable[Any]) -> Any:
        return self._random.choice(list(among))

    def maybe(self, value: Any) -> Any:
        return value if self.yes() else None

    def at(self) -> datetime:
        instant = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(
            seconds=self._random.randrange(9 * 366 * 86_400)
        )
        return instant + timedelta(microseconds=self.one([0, 0, 1, 500_000]))

    def word(self) -> str:
        return "".join(self.one("abcdefghæøå_-") for _ in range(1 + self.up_to(9)))


def appointments(chance: Chance) -> tuple[Appointment, ...]:
    return tuple(
        Appointment(
            id=new_ref(),
            kind=chance.one(AppointmentKind),
            status=chance.one(AppointmentStatus),
            starts_at=chance.at(),
            booked_at=chance.at(),
            by=chance.word(),
            confirmed_at=chance.maybe(chance.at()),
            outcome_at=chance.maybe(chance.at()),
            details=chance.one(["", "c2VhbGVk+/=="]),
        )
        for _ in range(chance.up_to(3))
    )


def transfers(chance: Chance) -> tuple[Transfer, ...]:
    settled = [state for state in TransferState if state is not TransferState.PROPOSED]
    return tuple(
        Transfer(
            id=new_ref(),
            from_unit="a",
            to_unit=chance.one(UNITS[1:]),
            state=TransferState.PROPOSED if number == 0 else chance.one(settled),
            source=chance.one(Source),
            proposed_at=chance.at(),
            proposed_by=chance.word(),
            answered_at=chance.maybe(chance.at()),
            answered_by=chance.maybe(chance.word()),
        )
        for number in range(chance.up_to(3))
    )


def consents(chance: Chance) -> tuple[Consent, ...]:
    rows = []
    for seq in range(1, 1 + chance.up_to(3)):
        purpose = chance.one(ConsentPurpose)
        receiver = chance.one(Receiver) if purpose is ConsentPurpose.SHARING else None
        rows.append(Consent(seq, purpose, receiver, chance.yes(), chance.at(), chance.at(), "n"))
    return tuple(rows)


def furnished(planned: Case, chance: Chance) -> Case:
    """The case with rows of every kind and any facts: more than the verbs would make of it."""
    tasks = tuple(
        replace(
            task,
            told_at=chance.maybe(chance.at()),
            wake_at=chance.maybe(chance.at()) if task.state is TaskState.OPEN else None,
            missed_at=chance.maybe(chance.at()),
            answer=chance.maybe(chance.word()),
            form=chance.one([None, "group", "individual"]),
        )
        for task in planned.tasks
    )
    released_at, closed_at = chance.maybe(chance.at()), chance.maybe(chance.at())
    return replace(
        planned,
        ref=new_ref(),
        unit="a",
        admitted_unit="a",
        tasks=tasks,
        phase=Phase.CLOSED if closed_at else chance.one([Phase.IN_PRISON, Phase.FOLLOW_UP]),
        closed_at=closed_at,
        close_reason=chance.one(CloseReason) if closed_at else None,
        released_at=released_at,
        release_recorded_at=chance.at() if released_at else None,
        release_source=chance.maybe(chance.one(Source)),
        released_unit=chance.maybe(chance.one(UNITS)),
        destination=chance.one(Destination) if released_at else None,
        unplanned=chance.maybe(chance.one(UnplannedReason)),
        release_notice=chance.maybe(chance.one(ReleaseNotice)),
        accepted_at_release=chance.one([None, False, True]),
        release_kind=chance.maybe(chance.one(ReleaseKind)),
        wake_at=chance.maybe(chance.at()),
        told_at=chance.maybe(chance.at()),
        appointments=appointments(chance),
        transfers=transfers(chance),
        consents=consents(chance),
        stays=tuple(
            Stay(seq, chance.one(UNITS), chance.at(), chance.maybe(chance.at()))
            for seq in range(1, 2 + chance.up_to(2))
        ),
        due_changes=tuple(
            DueChange(seq, chance.one(["talk_held", "x"]), chance.maybe(chance.at()), chance.at())
            for seq in range(1, 1 + chance.up_to(3))
        ),
    )


def later(case: Case, other: Case, chance: Chance) -> Case:
    """The same case later: any fact may have changed, rows added, none taken away."""
    changed: dict[str, Any] = {}
    for part in PARTS:
        had, more = getattr(case, part.attribute), getattr(other, part.attribute)
        keys = {getattr(row, part.key) for row in more}
        kept = tuple(row for row in had if getattr(row, part.key) not in keys)
        changed[part.attribute] = kept + more
    for f in dataclasses.fields(Case):
        if f.name not in changed and f.name not in ("ref", "id", "version") and chance.yes():
            changed[f.name] = getattr(other, f.name)
    return replace(case, **changed)


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    return furnished(as_planned(draw(cases())), Chance(draw(st.integers(0, 2**32))))


@st.composite
def stories(draw: st.DrawFn, values: int = 2) -> list[Case]:
    """Values of one case, one after the other."""
    chance = Chance(draw(st.integers(0, 2**32)))
    plans = [as_planned(draw(cases())) for _ in range(2)]
    story = [furnished(plans[0], chance)]
    while len(story) < values:
        other = furnished(plans[len(story) % 2], chance)
        story.append(later(story[-1], other, chance))
    return story


def told(before: Case | None, after: Case) -> Any:
    """What an event says, as it comes back from its stored text."""
    return json.loads(canonical(difference(compare(before, after))))


@given(any_case())
def test_the_first_event_tells_the_whole_case(case: Case) -> None:
    assert fold(None, told(None, case), seq=1) == without_machinery(
        in_order(replace(case, version=1))
    )


@given(stories())
def test_folding_the_difference_of_two_values_gives_the_later_one(story: list[Case]) -> None:
    before, after = story

    assert fold(
        without_machinery(in_order(before)), told(before, after), seq=7
    ) == without_machinery(in_order(replace(after, version=7)))


@given(stories(values=5))
def test_a_story_folded_event_by_event_ends_in_its_last_value(story: list[Case]) -> None:
    folded, before = None, None
    for seq, case in enumerate(story, start=1):
        folded = fold(folded, told(before, case), seq=seq)
        before = case

    assert folded == without_machinery(in_order(replace(story[-1], version=len(story))))


@given(any_case())
def test_there_is_no_difference_between_a_case_and_itself(case: Case) -> None:
    assert told(case, replace(case)) == {}
    assert in_order(in_order(case)) == in_order(case)


@given(any_case(), st.sampled_from([part.attribute for part in PARTS]))
def test_a_row_that_disappears_is_refused_because_no_event_could_say_so(
    case: Case, part: str
) -> None:
    rows = getattr(case, part)
    if rows:
        with pytest.raises(ValueError, match="disappeared"):
            compare(case, replace(case, **{part: rows[1:]}))


@settings(max_examples=60)
@given(stories())
def test_what_is_loaded_is_what_was_written_and_written_over(desk: Desk, story: list[Case]) -> None:
    for loaded, written in _written_and_loaded(desk, *story):
        assert loaded == written


def _written_and_loaded(desk: Desk, first: Case, second: Case) -> Iterator[tuple[Case, Case]]:
    def register(tx: Any) -> people.Registered:
        return people.register(tx, people.NewPerson(Identity(new_ref())), now=NOW)

    ref, who = new_ref(), desk.do(register)
    stored: Case | None = None
    for number, value in enumerate((first, second), start=1):
        # What the rules would see to, so that the database takes it as it is.
        case = replace(
            value,
            ref=ref,
            person=who.ref,
            counted_as=who.counted_as,
            unit="a",
            tasks=tuple(_consistent(task) for task in value.tasks),
            id=stored.id if stored else None,
            version=number - 1,
        )
        case = _consistent_head(case) if stored is None else _grown(stored, _consistent_head(case))
        after = desk.do(store.write_changes, stored, case, Verb.ADVANCED, OPERATOR, now=NOW)
        loaded = desk.look(queries.case_by_ref, OPERATOR, ref)
        yield loaded, in_order(replace(case, id=loaded.id, version=number))
        assert after == loaded
        stored = loaded


def _consistent(task: Any) -> Any:
    finished = task.state in (TaskState.DONE, TaskState.WAIVED)
    return replace(
        task,
        wake_at=task.wake_at if task.state is TaskState.OPEN else None,
        done_at=(task.done_at or NOW) if finished else None,
        reason="absent" if task.state is TaskState.WAIVED else None,
    )


def _grown(before: Case, after: Case) -> Case:
    """The later value, in which the ledgers only grow."""
    ledgers = {}
    for part in ("consents", "release_dates", "due_changes"):
        had = getattr(before, part)
        keys = {row.seq for row in had}
        ledgers[part] = had + tuple(r for r in getattr(after, part) if r.seq not in keys)
    return replace(after, **ledgers)


def _consistent_head(case: Case) -> Case:
    closed = case.phase == Phase.CLOSED
    open_one = next((t for t in case.transfers if t.state is TransferState.PROPOSED), None)
    return replace(
        case,
        phase=Phase(case.phase),
        closed_at=(case.closed_at or NOW) if closed else None,
        close_reason=(case.close_reason or CloseReason.DIED) if closed else None,
        destination=(case.destination or Destination.LIBERTY) if case.released_at else None,
        language="nb",
        reachable=False,
        transfers=tuple(
            replace(t, state=TransferState.REVOKED)
            if t.state is TransferState.PROPOSED and t is not open_one
            else t
            for t in case.transfers
        ),
    )


def test_a_date_and_an_instant_are_told_in_one_written_form() -> None:
    case = replace(
        _plain(),
        release_on=date(2026, 12, 28),
        released_at=datetime(2026, 12, 28, 12, tzinfo=UTC) + timedelta(microseconds=1),
    )

    facts = told(None, case)["case"]

    assert facts["release_on"] == "2026-12-28"
    assert facts["released_at"] == "2026-12-28T12:00:00.000001Z"


def _plain() -> Case:
    return Case("r", "p", "a", "national-1", NOW, NOW, "a", "p")
