"""DOMAIN section 9: hand-made stories against a hand-made table of what must come of them.

The stories and everything expected stand in `tests/data/edge_cases`, to be read by somebody who
knows the work and not the program; `README.md` there says how. Nothing expected was taken from the
program: it was reckoned from DOMAIN.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from cases import people, standing, sweep
from cases.access import SYSTEM
from cases.model import Case, TaskState
from cases.model import Step as CaseStep
from cases.queries import case_by_ref
from cases.registry import package_named
from cases.tables import case_, notice
from cases.vault import Secrets
from cases.views import case_view
from cases.wanted import why_none
from cases.warnings import warnings
from core.clock import from_local, local, parse_date, parse_instant
from core.db import Database
from notifications import outbox
from reports.figures import Figure, Report, compare
from reports.recount import recount
from reports.report import whole_report
from reports.tertial import Period
from tests.cases.desk import Desk, check_case, findings
from tests.databases import Databases
from tests.edge_case_files import FOLDER, Row, Step, Story, Table, several, stories, table_under
from tests.edge_case_play import SPOKEN, House
from tests.installation import installation

STORIES: Final = {story.name: story for story in stories()}
ENDS_AT: Final = parse_instant("2027-05-10 12:00")
FIGURES: Final = FOLDER / "figures.md"
REPORTS: Final = {
    "2026-T3 as of 2027-01-12 12:00": ("2026-T3", "2027-01-12 12:00"),
    "2026-T3 as of 2027-05-10 12:00": ("2026-T3", "2027-05-10 12:00"),
    "2027-T1 as of 2027-05-10 12:00": ("2027-T1", "2027-05-10 12:00"),
}
REGIONS: Final = {"a": "Øst", "e": "Øst", "b": "Vest", "c": "Nord", "d": "Sør"}

_UNDATED: Final = (TaskState.PREPARED, TaskState.CANCELLED)


@dataclass(slots=True)
class Played:
    """The house after all stories.

    `given` are the reports as they were on the day they are as of, `differences` what was found on
    the way to differ from a table of how a case stands, by story.
    """

    house: House
    given: dict[str, Report] = field(default_factory=dict)
    differences: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    """All stories lived once on each database: they share it, and nothing after them changes it."""
    source: Databases = request.getfixturevalue(
        "sqlite_files" if request.param == "sqlite" else "postgres_databases"
    )
    url = source.create(migrated=True)
    folder = tmp_path_factory.mktemp("edge-cases")
    with installation(url, folder) as db:
        yield _live(db, folder)
    source.drop(url)


def _live(db: Database, folder: Path) -> Played:
    house = House(db, folder, blocks={name: story.blocks for name, story in STORIES.items()})
    house.furnish()
    found = Played(house)
    for instant, happening in _agenda():
        house.live_until(instant, through=False)
        if isinstance(happening, Step):
            house.play(happening)
        elif happening is None:
            sweep.sweep(db, now=instant)
        elif isinstance(happening, str):
            house.live_until(instant, through=True)
            with db.read() as tx:
                period = Period.parse(REPORTS[happening][0])
                found.given[happening] = whole_report(tx, period, now=instant)
        else:
            house.live_until(instant, through=True)
            story, table = happening
            found.differences[story.name] += _look(house, story, table, instant)
    return found


Happening = Step | tuple[Story, Table] | str | None


def _agenda() -> list[tuple[datetime, Happening]]:
    """Everything in the order of time; at one instant what happens comes before the looks."""
    ordered: list[tuple[datetime, int, int, Happening]] = []
    for story in STORIES.values():
        moments = [step.at for step in story.steps]
        assert moments == sorted(moments), f"{story.name}: the steps are not in the order of time"
        for step in story.steps:
            ordered.append((step.at, 0, len(ordered), step))
            if step.what == "units merged":
                # No case has a wake time for it: the sweep asks for mergers whose day has come.
                midnight = from_local(parse_date(step.details["on"]), time())
                ordered.append((midnight, 0, len(ordered), None))
        for table in story.of("How it stands"):
            at = parse_instant(table.name.removeprefix("How it stands "))
            ordered.append((at, 1, len(ordered), (story, table)))
    for heading, (_, as_of) in REPORTS.items():
        ordered.append((parse_instant(as_of), 2, len(ordered), heading))
    ordered.sort(key=lambda each: each[:3])
    return [(at, happening) for at, _, _, happening in ordered]


# --- how a case stands ---------------------------------------------------------------------------


def _look(house: House, story: Story, table: Table, now: datetime) -> list[str]:
    """The differences between a case now and what a table says of it."""
    ref = house.refs[story.name, table.case]
    with house.db.read() as tx:
        case = case_by_ref(tx, SYSTEM, ref)
        under_18 = case_view(tx, SYSTEM, case, now=now)["under_18"]
        package = package_named(tx, case.package)
        identity = people.identity_of(tx, case.person)
        number = people.number_for(tx, case.person)
    shown = {
        "phase": case.phase.value,
        "answer": case.participation.value,
        "unit": case.unit,
        "package": case.package,
        "release date": f"{case.release_kind or 'actual'} {case.release_on}"
        if case.release_on
        else "unknown",
        "closed": f"{case.close_reason} {spoken(case.closed_at)}" if case.closed_at else "no",
        "flags": ", ".join(
            name
            for name, holds in (
                ("late opened", case.late_opened),
                ("short notice", standing.short_notice(case)),
                ("under 18", under_18),
            )
            if holds
        ),
        "late entries": ", ".join(sorted(t.code for t in case.tasks if t.late_entry)),
        "warnings": ", ".join(warnings(case, now=now)),
        "message": why_none(case),
        "protection": case.protection.value,
        "earlier case": next(
            (n for (file, n), r in house.refs.items() if file == story.name and r == case.earlier),
            "none",
        ),
        "label of TIME_IN_HAND": package.step_labels(CaseStep.TIME_IN_HAND).in_language("nb"),
        "language": case.language,
        "name": f"{identity.first_name} {identity.last_name}" if identity else "",
        "last text": next((m.body for m in reversed(house.sender.sent) if m.to == number), ""),
    }
    shown |= {f"{task.code} done at": spoken(task.done_at) for task in case.tasks}
    wrong: list[str] = []
    said: Counter[str] = Counter()
    for name, *cells in table.rows:
        if name in shown:
            expected = cells[0].replace("–", "")
            if shown[name] != expected:
                wrong.append(
                    f"{table.name}, case {table.case}: {name} {shown[name]!r}, not {expected!r}"
                )
            continue
        state, due = cells
        for code in several(name):
            said[code] += 1
            said_wrong = _task_differs(case, code, (state, due), now)
            wrong += [f"{table.name}, case {table.case}: {each}" for each in said_wrong]
    expected_tasks = Counter(each.code for each in case.tasks)
    assert said in (expected_tasks, Counter()), f"{story.name} {table.name}: tasks left out"
    return wrong


def _task_differs(case: Case, code: str, reckoned: tuple[str, str], now: datetime) -> Iterator[str]:
    state, due = reckoned
    task = case.task(code)
    if task is None:
        yield f"no task {code}"
        return
    is_ = "overdue" if standing.is_overdue(task, now) else task.state.value
    if task.state is TaskState.WAIVED:
        is_ = f"waived {task.reason}"
    due_is = "–" if task.state in _UNDATED else spoken(task.due_at)
    if is_ != state or (due not in ("", due_is)):
        yield f"{code} is {is_}, due {due_is}; reckoned {state}, {due}"


def spoken(instant: datetime | None) -> str:
    """An instant on the Norwegian wall clock, as the tables write it."""
    if instant is None:
        return "–"
    there = local(instant)
    text = f"{there:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    return f"{text} (second)" if there.fold else text


@pytest.mark.parametrize("name", STORIES)
def test_cases_stand_at_every_look_as_their_story_says(played: Played, name: str) -> None:
    assert list(STORIES[name].of("How it stands")), "a story without a look shows nothing"
    assert played.differences[name] == []


# --- what was told, sent and missed --------------------------------------------------------------


def _cases_of(house: House, story: Story) -> dict[str, Case]:
    with house.db.read() as tx:
        return {
            name: case_by_ref(tx, SYSTEM, ref)
            for (file, name), ref in house.refs.items()
            if file == story.name
        }


def _rows_of(story: Story, name: str, case: str) -> list[Row]:
    return [row for table in story.of(name) if table.case == case for row in table.rows]


@pytest.mark.parametrize("name", STORIES)
def test_exactly_the_notices_of_the_story_are_told(played: Played, name: str) -> None:
    story = STORIES[name]
    for number, case in _cases_of(played.house, story).items():
        expected: Counter[tuple[str, str, str, str]] = Counter()
        when = ""
        for at, tasks, rung, to in _rows_of(story, "Notices", number):
            when = at or when
            for code in several(tasks) or [""]:
                expected[when, code, rung, to] += 1
        query = select(notice).where(notice.c.case_id == case.id)
        with played.house.db.read() as tx:
            told = Counter(
                (
                    spoken(row.at),
                    row.task,
                    row.rung,
                    f"{SPOKEN.get(row.to_role, row.to_role)} {row.unit}",
                )
                for row in tx.execute(query)
            )
        assert sorted((told - expected).elements()) == [], f"case {number}: told beyond the story"
        assert sorted((expected - told).elements()) == [], f"case {number}: not told"


@pytest.mark.parametrize("name", STORIES)
def test_every_message_ends_as_the_story_says(played: Played, name: str) -> None:
    story, house = STORIES[name], played.house
    for number, case in _cases_of(house, story).items():
        called = {
            id_: label
            for (file, of_case, label), id_ in house.booked.items()
            if (file, of_case) == (story.name, number)
        }
        with house.db.read() as tx:
            stored = outbox.of_subject(tx, case.ref)
        found = [
            (called[each.about.split("/")[1]], spoken(each.send_at), each.state.value, each.why)
            for each in stored
        ]
        assert sorted(found) == sorted(_rows_of(story, "Messages", number)), f"case {number}"


@pytest.mark.parametrize("name", STORIES)
def test_exactly_the_deviations_of_the_story_stand(played: Played, name: str) -> None:
    story = STORIES[name]
    for number, case in _cases_of(played.house, story).items():
        found = {each.task: "yes" if each.corrected else "no" for each in standing.deviations(case)}
        expected = {
            code: corrected
            for tasks, corrected in _rows_of(story, "Deviations", number)
            for code in several(tasks)
        }
        assert found == expected, f"case {number}"


# --- figures -------------------------------------------------------------------------------------

Sum = tuple[int, int | None, int | None]
"""Numerator, denominator and pending; a count has no denominator."""

Sums = dict[tuple[str, str, str], Sum]
"""By level, place and indicator."""

PARTS: Final = {"I5.": "I5", "I10.": "I10", "I16.": "I16", "I20.": "I20", "I11b": "I11"}
"""Parts have the denominator of the whole, so the stories name only their numerators."""

OWN_DENOMINATOR: Final = ("I20.withdrawn",)

WINDOWED: Final = ("I12", "I14", "I14.unknown", "I15")
"""Indicators of which some cases may be pending."""

UNITS: Final = "I18"
"""What is counted of units and not of cases: no story tells of it, `figures.md` says why."""


def _is_count(code: str) -> bool:
    return code.startswith(("I1", "I2", "I9", "tasks_done")) and code.partition(".")[0] in (
        "I1",
        "I2",
        "I9",
        "tasks_done",
    )


def _codes(cell: str) -> list[str]:
    """`tasks_done: a, b` is short for `tasks_done.a, tasks_done.b`."""
    if cell.startswith("tasks_done:"):
        return [f"tasks_done.{code}" for code in several(cell.removeprefix("tasks_done:"))]
    return several(cell)


def _added_up(heading: str) -> Sums:
    """What the stories' tables of counts give together for one report."""
    numbers: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    persons: dict[tuple[str, str, str], set[tuple[str, str]]] = defaultdict(set)
    period, as_of = REPORTS[heading]
    for story in STORIES.values():
        told = period
        for at, cell, unit, counts, of, pending in (
            row for table in story.of("Counts") for row in table.rows
        ):
            told = at or told
            if {period, f"{period} as of {as_of[:10]}"}.isdisjoint(several(told)):
                continue
            places = (("nation", ""), ("region", REGIONS[unit]), ("unit", unit))
            for code in _codes(cell):
                for level, place in places:
                    if code in ("I1", "I2"):
                        persons[level, place, code] |= {(story.name, n) for n in several(counts)}
                        continue
                    add = [int(counts or 0), int(of or 0), int(pending or 0)]
                    sums = numbers[level, place, code]
                    numbers[level, place, code] = [a + b for a, b in zip(sums, add, strict=True)]
    found: Sums = {where: (len(names), None, None) for where, names in persons.items()}
    for (level, place, code), (counts_, of_, pending_) in numbers.items():
        found[level, place, code] = (
            counts_,
            None if _is_count(code) else of_,
            pending_ if code in WINDOWED else None,
        )
    return found


def _table_of(heading: str) -> Sums:
    """The table of a report in `figures.md`; a blank cell is a zero of zero."""
    header, *rows = table_under(FIGURES, heading)
    columns = [
        ("nation", "") if name == "nation" else (name.split()[0], name.split()[1])
        for name in header[1:]
    ]
    found: Sums = {}
    for code, *cells in rows:
        for (level, place), cell in zip(columns, cells, strict=True):
            found[level, place, code] = _sum(code, cell)
    return found


def _sum(code: str, cell: str) -> Sum:
    """`3/4`, `3/4 +1` (one pending) or `7`."""
    share, _, pending = (cell or ("0" if _is_count(code) else "0/0")).partition(" +")
    counts, _, of = share.partition("/")
    waits = int(pending or 0) if code in WINDOWED else None
    return int(counts), int(of) if of else None, waits


@pytest.mark.parametrize("heading", REPORTS)
def test_the_stories_counts_add_up_to_the_table_of_the_report(heading: str) -> None:
    table = _table_of(heading)
    added = _added_up(heading)
    whole = {code for _, _, code in table}
    assert {code for _, _, code in added} <= whole
    differing = {
        where: (added.get(where, "nothing"), said)
        for where, said in table.items()
        if not where[2].startswith(UNITS) and _with_whole(added, where, said) != said
    }
    assert differing == {}


def _with_whole(added: Sums, where: tuple[str, str, str], said: Sum) -> Sum:
    level, place, code = where
    empty: Sum = (0, None, None) if said[1] is None else (0, 0, said[2] if said[2] is None else 0)
    counts, of, pending = added.get(where, empty)
    parent = next((whole for part, whole in PARTS.items() if code.startswith(part)), None)
    if parent is not None and code not in OWN_DENOMINATOR:
        of = added.get((level, place, parent), (0, 0, None))[1]
    if code == "I14.unknown":
        _, known, waiting = added.get((level, place, "I14"), (0, 0, 0))
        of, pending = (known or 0) + counts, waiting
    return counts, of, pending


def _as_reported(report: Report) -> dict[tuple[str, str, str], Figure]:
    found = {("nation", "", code): figure for code, figure in report.nation.items()}
    for level, places in (("region", report.regions), ("unit", report.units)):
        for place, figures in places.items():
            found |= {(level, place, code): figure for code, figure in figures.items()}
    return found


@pytest.mark.parametrize("heading", REPORTS)
def test_the_report_holds_the_figures_reckoned_by_hand(played: Played, heading: str) -> None:
    period, as_of = REPORTS[heading]
    with played.house.db.read() as tx:
        report = whole_report(tx, Period.parse(period), now=ENDS_AT, as_of=parse_instant(as_of))
    reported = _as_reported(report)
    expected = _table_of(heading)
    assert {code for _, _, code in expected} <= set(report.nation), "in no report"
    wrong = {
        where: (_reported(reported[where]), said)
        for where, said in expected.items()
        if _reported(reported[where]) != said
    }
    assert wrong == {}
    beyond = {
        where: _reported(figure)
        for where, figure in reported.items()
        if where not in expected and (figure.numerator or figure.denominator)
    }
    assert beyond == {}, "the report counts what the table does not know"


def _reported(figure: Figure) -> Sum:
    return figure.numerator or 0, figure.denominator, figure.pending


@pytest.mark.parametrize("heading", REPORTS)
def test_a_report_asked_for_later_as_of_a_day_is_the_one_given_that_day(
    played: Played, heading: str
) -> None:
    period, as_of = REPORTS[heading]
    with played.house.db.read() as tx:
        later = whole_report(tx, Period.parse(period), now=ENDS_AT, as_of=parse_instant(as_of))
    assert [str(each) for each in compare(played.given[heading], later)] == []


@pytest.mark.parametrize("heading", REPORTS)
def test_recounting_the_events_gives_the_same_figures(played: Played, heading: str) -> None:
    period, _ = REPORTS[heading]
    with played.house.db.read() as tx:
        counted = whole_report(tx, Period.parse(period), now=ENDS_AT)
        again = recount(tx, Period.parse(period), ENDS_AT)
    assert [str(each) for each in compare(counted, again)] == []


# --- the set -------------------------------------------------------------------------------------


def test_every_sentence_of_section_nine_has_a_story() -> None:
    told = " ".join(quote for story in STORIES.values() for quote in story.quotes)
    for sentence in table_under(FOLDER / "README.md", "The sentences")[1:]:
        assert sentence[0] in told, f"no story tells of {sentence[0]!r}"


def test_no_case_stands_in_the_house_that_no_story_knows(played: Played) -> None:
    with played.house.db.read() as tx:
        refs = set(tx.execute(select(case_.c.ref)).scalars())
    assert refs == set(played.house.refs.values())


def test_every_case_is_what_its_events_and_the_rules_make_of_it(played: Played) -> None:
    db = played.house.db
    assert isinstance(db.secrets, Secrets)
    desk = Desk(db, db.secrets.ring, db.secrets.keys)
    for ref in played.house.refs.values():
        check_case(desk, ref, now=ENDS_AT)
    assert findings(desk) == []
