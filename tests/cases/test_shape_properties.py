"""Loading gives what was written, and folding differences gives the case: for random cases."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
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
from cases.shape import PARTS, difference, fold, in_order, without_machinery
from cases.store import Verb
from cases.vault import Identity
from core.chain import canonical
from core.crypto import new_ref
from tests.cases.desk import UNITS, Desk
from tests.cases.strategies import INSTANTS, as_planned, cases

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
MAYBE = st.none() | INSTANTS
CODES = st.text("abcdefghijklmnopqrstuvwxyzæøå_-", min_size=1, max_size=20)


def member(kind: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(list(kind))


@st.composite
def appointments(draw: st.DrawFn) -> tuple[Appointment, ...]:
    return tuple(
        Appointment(
            id=new_ref(),
            kind=draw(member(AppointmentKind)),
            status=draw(member(AppointmentStatus)),
            starts_at=draw(INSTANTS),
            booked_at=draw(INSTANTS),
            by=draw(CODES),
            confirmed_at=draw(MAYBE),
            outcome_at=draw(MAYBE),
            details=draw(st.text(st.characters(codec="ascii", min_codepoint=43), max_size=40)),
        )
        for _ in range(draw(st.integers(0, 3)))
    )


@st.composite
def transfers(draw: st.DrawFn) -> tuple[Transfer, ...]:
    made = []
    for number in range(draw(st.integers(0, 3))):
        state = TransferState.PROPOSED if number == 0 else draw(member(list(TransferState)[1:]))
        made.append(
            Transfer(
                id=new_ref(),
                from_unit="a",
                to_unit=draw(st.sampled_from(UNITS[1:])),
                state=state,
                source=draw(member(Source)),
                proposed_at=draw(INSTANTS),
                proposed_by=draw(CODES),
                answered_at=draw(MAYBE),
                answered_by=draw(st.none() | CODES),
            )
        )
    return tuple(made)


@st.composite
def consents(draw: st.DrawFn) -> tuple[Consent, ...]:
    rows = []
    for seq in range(1, draw(st.integers(1, 4))):
        purpose = draw(member(ConsentPurpose))
        receiver = draw(member(Receiver)) if purpose is ConsentPurpose.SHARING else None
        rows.append(
            Consent(
                seq, purpose, receiver, draw(st.booleans()), draw(INSTANTS), draw(INSTANTS), "n"
            )
        )
    return tuple(rows)


@st.composite
def any_case(draw: st.DrawFn) -> Case:
    """A case with rows of every kind and any facts: more than the verbs would ever make of it."""
    case = replace(as_planned(draw(cases())), ref=new_ref(), unit="a", admitted_unit="a")
    tasks = tuple(
        replace(
            task,
            told_at=draw(MAYBE),
            wake_at=draw(MAYBE) if task.state is TaskState.OPEN else None,
            missed_at=draw(MAYBE),
            answer=draw(st.none() | CODES),
            form=draw(st.none() | st.sampled_from(["group", "individual"])),
        )
        for task in case.tasks
    )
    released_at = draw(MAYBE)
    closed_at = draw(MAYBE)
    return replace(
        case,
        tasks=tasks,
        phase=Phase.CLOSED if closed_at else draw(st.sampled_from(["in_prison", "follow_up"])),
        closed_at=closed_at,
        close_reason=draw(member(CloseReason)) if closed_at else None,
        released_at=released_at,
        release_recorded_at=draw(INSTANTS) if released_at else None,
        release_source=draw(st.none() | member(Source)),
        released_unit=draw(st.none() | st.sampled_from(UNITS)),
        destination=draw(member(Destination)) if released_at else None,
        unplanned=draw(st.none() | member(UnplannedReason)),
        release_notice=draw(st.none() | member(ReleaseNotice)),
        accepted_at_release=draw(st.none() | st.booleans()),
        release_kind=draw(st.none() | member(ReleaseKind)),
        wake_at=draw(MAYBE),
        told_at=draw(MAYBE),
        appointments=draw(appointments()),
        transfers=draw(transfers()),
        consents=draw(consents()),
        stays=tuple(
            Stay(seq, draw(st.sampled_from(UNITS)), draw(INSTANTS), draw(MAYBE))
            for seq in range(1, draw(st.integers(2, 4)))
        ),
        due_changes=tuple(
            DueChange(seq, draw(st.sampled_from(["talk_held", "x"])), draw(MAYBE), draw(INSTANTS))
            for seq in range(1, draw(st.integers(1, 4)))
        ),
    )


@st.composite
def later(draw: st.DrawFn, case: Case) -> Case:
    """The same case later: any fact may have changed, rows added, none taken away."""
    other = draw(any_case())
    changed: dict[str, Any] = {}
    for part in PARTS:
        had, more = getattr(case, part.attribute), getattr(other, part.attribute)
        keys = {getattr(row, part.key) for row in more}
        kept = tuple(row for row in had if getattr(row, part.key) not in keys)
        changed[part.attribute] = kept + more
    for f in dataclasses.fields(Case):
        if f.name not in changed and f.name not in ("ref", "id", "version") and draw(st.booleans()):
            changed[f.name] = getattr(other, f.name)
    return replace(case, **changed)


@given(any_case())
def test_the_first_event_tells_the_whole_case(case: Case) -> None:
    told = json.loads(canonical(difference(None, case)))

    assert fold(None, told, seq=1) == without_machinery(in_order(replace(case, version=1)))


@given(st.data())
def test_folding_the_difference_of_two_values_gives_the_later_one(data: st.DataObject) -> None:
    before = data.draw(any_case())
    after = data.draw(later(before))

    folded = fold(
        without_machinery(in_order(before)),
        json.loads(canonical(difference(before, after))),
        seq=7,
    )

    assert folded == without_machinery(in_order(replace(after, version=7)))


@given(st.data())
def test_a_story_folded_event_by_event_ends_in_its_last_value(data: st.DataObject) -> None:
    case = data.draw(any_case())
    folded = fold(None, json.loads(canonical(difference(None, case))), seq=1)
    for seq in range(2, data.draw(st.integers(2, 5))):
        changed = data.draw(later(case))
        folded = fold(folded, json.loads(canonical(difference(case, changed))), seq=seq)
        case = replace(changed, version=seq)

    assert without_machinery(folded) == without_machinery(
        in_order(replace(case, version=folded.version))
    )


@given(any_case())
def test_there_is_no_difference_between_a_case_and_itself(case: Case) -> None:
    assert difference(case, replace(case)) == {}
    assert in_order(in_order(case)) == in_order(case)


@given(any_case(), st.sampled_from([part.attribute for part in PARTS]))
def test_a_row_that_disappears_is_refused_because_no_event_could_say_so(
    case: Case, part: str
) -> None:
    rows = getattr(case, part)
    if rows:
        with pytest.raises(ValueError, match="disappeared"):
            difference(case, replace(case, **{part: rows[1:]}))


@settings(max_examples=60)
@given(st.data())
def test_what_is_loaded_is_what_was_written_and_written_over(
    desk: Desk, data: st.DataObject
) -> None:
    first = data.draw(any_case())
    second = data.draw(later(first))
    for loaded, written in _written_and_loaded(desk, first, second):
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
        case = _consistent_head(case)
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

    told = difference(None, case)["case"]

    assert told["release_on"] == "2026-12-28"
    assert told["released_at"] == "2026-12-28T12:00:00.000001Z"


def _plain() -> Case:
    return Case("r", "p", "a", "national-1", NOW, NOW, "a", "p")
