"""A demo's year: everything that can happen has happened, nobody is real, and it all adds up."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import phonenumbers
import pytest
from sqlalchemy import create_engine, text

from app.commands import house as house_commands
from app.commands import service as service_commands
from app.demo import year
from app.demo.dates import Category
from app.demo.habits import habits_of
from app.demo.imprisonments import Imprisonments
from app.demo.persons import foreign_number, norwegian_number, somebody
from app.demo.progress import year_passing
from app.demo.stays import Stay, days_inside
from app.demo.stories import STORIES, Story
from app.demo.year import beginning
from cases.identity_number import IdentityKind, classify
from cases.model import Unit
from cases.sweep import sweep
from core.clock import local_date, parse_instant
from core.folder import DataFolder
from core.settings import Settings
from notifications.phone import Phone, sms_number
from reports.report import whole_report
from reports.tertial import Period
from tests.app.databases import url_of
from tests.app.shell import Shell
from tests.databases import Databases, PostgresDatabases

NOW = "2026-11-22T09:10+01:00"
AT = parse_instant(NOW)
TERTIALS = ("2025-T3", "2026-T1", "2026-T2", "2026-T3")
SEED = 7

Lived = Callable[[Databases], Shell]


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A demo that tests only read: 60 cases on SQLite, 30 on Postgres."""
    made: dict[type[Databases], Shell] = {}

    def shell(databases: Databases) -> Shell:
        kind = type(databases)
        if kind not in made:
            postgres = isinstance(databases, PostgresDatabases)
            names = ("OVERLEV_DATABASE_URL", "OVERLEV_KEYS_URL") if postgres else ()
            env: dict[str, str | None] = {name: databases.create(migrated=False) for name in names}
            made[kind] = Shell(tmp_path_factory.mktemp("lived") / "data", env)
            cases = 30 if postgres else 60
            made[kind]("init", "--demo", "--cases", cases, "--seed", SEED, now=NOW)
        return made[kind]

    return shell


@pytest.fixture
def demo(databases: Databases, lived: Lived) -> Shell:
    """The demo of each engine."""
    return lived(databases)


@pytest.fixture
def sixty(sqlite_files: Databases, lived: Lived) -> Shell:
    """The demo of sixty cases, in which every story is told."""
    return lived(sqlite_files)


def rows(shell: Shell, query: str) -> list[Any]:
    engine = create_engine(url_of(shell))
    try:
        with engine.connect() as connection:
            return list(connection.execute(text(query)).all())
    finally:
        engine.dispose()


def counted(shell: Shell, query: str) -> dict[Any, int]:
    """A query of (key, number) as a dictionary."""
    return {row[0]: row[1] for row in rows(shell, query)}


def by(column: str, table: str) -> str:
    return f"SELECT {column}, count(*) FROM {table} GROUP BY 1"


# --- what there is to see ------------------------------------------------------------------------


def test_a_demo_has_as_many_cases_as_asked_for_in_units_that_exist(demo: Shell) -> None:
    cases = demo("cases", "--json", now=NOW).json
    units = {unit["code"] for unit in demo("unit", "list", "--json").json}

    assert len(cases) == (30 if demo.env else 60)
    assert len(units) == 34
    assert {case["unit"] for case in cases} <= units


def test_every_phase_and_every_answer_to_the_offer_is_there(demo: Shell) -> None:
    assert set(counted(demo, by("phase", "case_"))) == {"in_prison", "follow_up", "closed"}
    assert set(counted(demo, by("participation", "case_"))) == {
        "not_asked", "accepted", "declined", "not_now", "withdrawn",
    }  # fmt: skip
    later = rows(
        demo,
        "SELECT 1 FROM answer a JOIN answer b ON b.case_id = a.case_id AND b.seq > a.seq"
        " WHERE a.status = 'not_now' AND b.status = 'accepted'",
    )
    assert later


def test_cases_end_in_every_way(sixty: Shell) -> None:
    assert set(counted(sixty, by("close_reason", "case_"))) == {
        None, "completed", "withdrawn", "declined", "not_participating", "transferred_out",
        "deported", "died", "reimprisoned", "registered_in_error",
    }  # fmt: skip
    assert {None, "liberty", "home_detention", "deported"} == set(
        counted(sixty, by("destination", "case_"))
    )
    assert {None, "court"} <= set(counted(sixty, by("unplanned", "case_")))


def test_follow_up_windows_are_open_now_in_every_colour(demo: Shell) -> None:
    today = local_date(AT)
    released = rows(demo, "SELECT released_on FROM case_ WHERE phase = 'follow_up'")
    days = [(today - date.fromisoformat(str(row[0]))).days for row in released]

    assert any(day <= 7 for day in days)
    assert any(8 <= day <= 14 for day in days)
    assert any(15 <= day <= 28 for day in days)
    assert all(0 <= day <= 42 for day in days)


def test_tasks_stand_in_every_state_and_some_are_overdue(demo: Shell) -> None:
    assert set(counted(demo, by("state", "task"))) == {
        "open", "done", "waived", "missed", "cancelled", "prepared",
    }  # fmt: skip
    overdue = demo("cases", "--overdue", "--json", now=NOW).json
    assert overdue
    assert all(case["overdue"] > 0 for case in overdue)


def test_some_tasks_were_undone_typed_in_late_or_put_right_after_the_release(sixty: Shell) -> None:
    verbs = counted(sixty, by("verb", "case_event"))
    assert {"task_undone", "task_waived", "short_form", "informed_again"} <= set(verbs)
    late = rows(sixty, "SELECT 1 FROM task WHERE julianday(recorded_at) - julianday(done_at) > 3")
    corrected = rows(sixty, "SELECT 1 FROM task WHERE state = 'done' AND missed_at IS NOT NULL")
    assert late
    assert corrected
    assert rows(
        sixty, "SELECT 1 FROM case_ WHERE julianday(opened_at) > julianday(admitted_at) + 2"
    )


def test_transfers_wait_were_accepted_and_were_rejected(demo: Shell) -> None:
    states = set(counted(demo, by("state", "transfer")))

    assert {"proposed", "rejected"} <= states
    assert "accepted" in states or demo.env


def test_somebody_was_moved_there_and_back_within_a_day(sixty: Shell) -> None:
    assert rows(
        sixty,
        "SELECT 1 FROM stay a JOIN stay b ON b.case_id = a.case_id AND b.seq = a.seq + 2"
        " WHERE b.unit = a.unit AND julianday(b.from_at) - julianday(a.to_at) < 1",
    )


def test_groups_were_held_with_people_present_and_absent(sixty: Shell) -> None:
    assert "held" in counted(sixty, by("state", "group_session"))
    assert {"present", "absent"} <= set(counted(sixty, by("state", "group_attendance")))


def test_appointments_stand_in_every_status_and_their_reminders_went_to_nobody(
    sixty: Shell,
) -> None:
    statuses = set(counted(sixty, by("status", "appointment")))
    assert {"requested", "confirmed", "attended", "no_show", "unknown"} <= statuses
    assert counted(sixty, by("state", "outbox"))["accepted"] > 0
    # Too late comes only what a release that was typed in late could not ask for in time.
    assert counted(sixty, by("state", "outbox")).get("expired", 0) <= 2


def test_every_kind_of_consent_and_of_absence_is_there(sixty: Shell) -> None:
    assert {"sms", "research", "sharing"} == set(counted(sixty, by("purpose", "consent")))
    assert {"leave", "treatment_12", "halfway_house"} == set(counted(sixty, by("kind", "absence")))


def test_naloxone_was_delivered_given_and_refilled_and_some_does_not_add_up(demo: Shell) -> None:
    kinds = set(counted(demo, by("kind", "naloxone_event")))
    assert {"received", "to_property", "handed_over", "refill"} <= kinds

    found: Counter[str] = Counter()
    for unit in sorted(counted(demo, by("unit", "naloxone_event"))):
        answer = demo("naloxone", "--unit", unit, "stock", "--json", now=NOW).json
        found.update(each["discrepancy"] for each in answer["discrepancies"])
    assert {"unaccounted", "lot_unknown"} <= set(found)


def test_protection_is_there_and_the_units_staff_are_named_for_kode_6(demo: Shell) -> None:
    assert {"UGRADERT", "FORTROLIG", "STRENGT_FORTROLIG"} == set(
        counted(demo, by("protection", "person"))
    )
    hidden = counted(demo, by("protection", "person"))["STRENGT_FORTROLIG"]
    assert rows(demo, "SELECT count(*) FROM named_access")[0][0] >= 5 * hidden


def test_somebody_came_back_within_42_days_and_the_earlier_case_was_closed(sixty: Shell) -> None:
    gaps = rows(
        sixty,
        "SELECT julianday(again.admitted_at) - julianday(before.released_at), before.close_reason"
        " FROM case_ again JOIN case_ before ON before.ref = again.earlier",
    )
    assert any(gap < 1 for gap, _ in gaps)
    assert any(1 < gap <= 42 for gap, _ in gaps)
    assert {reason for gap, reason in gaps if gap <= 42} == {"reimprisoned"}


def test_notices_were_told_within_minutes_of_their_time(demo: Shell) -> None:
    rungs = counted(demo, by("rung", "notice"))
    assert {"before", "due", "late", "lead", "missed", "offer_again", "outcome_asked",
            "release_not_recorded", "transfer_waiting"} <= set(rungs)  # fmt: skip
    waited = rows(demo, "SELECT at, told_at FROM notice")
    longest = max(_instant(told_at) - _instant(at) for at, told_at in waited)
    assert timedelta(0) < longest <= timedelta(minutes=30)


def _instant(stored: Any) -> Any:
    return parse_instant(stored) if isinstance(stored, str) else stored


def test_the_year_was_recorded_when_it_happened(demo: Shell) -> None:
    recorded = [
        _instant(row[0]) for row in rows(demo, "SELECT recorded_at FROM case_event ORDER BY id")
    ]

    assert recorded == sorted(recorded)
    assert beginning(AT) < recorded[0]
    assert recorded[-1] <= AT
    # Thirty cases are hardly more than the stories, most of which are of the last months.
    assert len({(each.year, each.month) for each in recorded}) >= (6 if demo.env else 10)


# --- nobody is real ------------------------------------------------------------------------------


def test_every_identity_number_is_synthetic_and_no_number_can_be_dialled(sixty: Shell) -> None:
    from app.installation import open_installation
    from cases import people
    from core.settings import Settings

    numbers, phones = [], []
    with open_installation(Settings(data=sixty.folder), now=AT) as house, house.db.read() as tx:
        refs = [row[0] for row in rows(sixty, "SELECT ref FROM person")]
        for ref, identity in people.identities_of(tx, refs).items():
            numbers.append(identity.national_id or "")
            phones.append(people.number_for(tx, ref) or "")

    given = [classify(number) for number in numbers if number]
    assert len(given) > 40
    assert all(number.valid and number.synthetic for number in given)
    assert {each.kind for each in given} == {IdentityKind.NATIONAL, IdentityKind.D_NUMBER}
    assert all(int(number[2:4]) > 80 for number in numbers if number)
    assert "" in phones
    assert any(phone.startswith(("+46", "+49")) for phone in phones)
    assert sum(phone.startswith("+4749") for phone in phones) > 30
    shared = Counter(phone for phone in phones if phone)
    assert max(shared.values()) == 2


def test_norwegian_numbers_look_usable_and_are_handed_out_to_nobody() -> None:
    chance = Random(1)
    for _ in range(200):
        read = sms_number(norwegian_number(chance))
        assert isinstance(read, Phone)
        assert not phonenumbers.is_valid_number(phonenumbers.parse(read.e164))


def test_foreign_numbers_lie_in_the_ranges_kept_free_for_films() -> None:
    chance = Random(1)
    for _ in range(200):
        read = sms_number(foreign_number(chance))
        assert isinstance(read, Phone)
        swedish = read.e164.startswith("+467017406") and int(read.e164[-2:]) >= 5
        assert swedish or read.e164.startswith("+49176040690")


def test_a_person_is_as_old_as_the_identity_number_says() -> None:
    chance = Random(2)
    for number in range(300):
        person = somebody(number, chance, admitted_on=date(2026, 9, 1), young=number % 3 == 0)
        if person.national_id:
            assert classify(person.national_id).born_on == person.born_on
        assert (person.born_on > date(2008, 9, 1)) == (number % 3 == 0)


# --- it adds up ----------------------------------------------------------------------------------


@pytest.mark.parametrize("period", TERTIALS)
def test_every_tertial_equals_its_recount(demo: Shell, period: str) -> None:
    answer = demo(
        "tertial", period, "--view", "unit", "--unit", "oslo", "--recount", "--format", "json",
        now=NOW,
    )  # fmt: skip

    assert "every figure of every level is the same" in answer.err


def test_the_house_is_sound_and_its_logs_verify(demo: Shell) -> None:
    out = demo("doctor", "--rebuild", now=NOW).out
    cases = 30 if demo.env else 60

    assert "WRONG" not in out
    assert f"{cases} cases equal their events, 0 differ" in out
    assert demo("audit", "verify").out.endswith("OK\n")


def test_a_sweep_right_after_has_nothing_to_do(sixty: Shell, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(sixty.folder, tmp_path / "copy")

    done = Shell(tmp_path / "copy", {})("sweep", "--json", now=NOW).json

    assert done == {"notices": 0, "missed": 0, "phase_changes": 0, "closed": 0}


# --- the same again ------------------------------------------------------------------------------


def _figures(shell: Shell) -> dict[str, Any]:
    """All that a seed decides: people, dates, outcomes, notices, messages, counts."""
    from app.installation import open_installation
    from core.settings import Settings

    with open_installation(Settings(data=shell.folder), now=AT) as house, house.db.read() as tx:
        reports = [whole_report(tx, Period.parse(each), now=AT) for each in TERTIALS]
    return {
        "reports": reports,
        "cases": sorted(
            map(repr, rows(shell, "SELECT unit, admitted_at, opened_at, phase, participation,"
                                  " close_reason, released_at, release_on, destination, unplanned"
                                  " FROM case_"))
        ),
        "tasks": sorted(
            map(repr, rows(shell, "SELECT code, state, due_at, done_at, recorded_at, form, reason,"
                                  " answer FROM task"))
        ),
        "notices": sorted(
            map(repr, rows(shell, "SELECT task, rung, at, told_at, unit FROM notice"))
        ),
        "appointments": sorted(
            map(repr, rows(shell, "SELECT kind, status, starts_at, booked_at FROM appointment"))
        ),
        "messages": sorted(
            map(repr, rows(shell, "SELECT state, reason, send_at, settled_at FROM outbox"))
        ),
        "kits": rows(shell, "SELECT unit, kind, quantity, lot, happened_at FROM naloxone_event"
                            " ORDER BY id"),
        "events": rows(shell, "SELECT verb, unit, happened_at, recorded_at FROM case_event"
                              " ORDER BY id"),
    }  # fmt: skip


def test_the_same_seed_gives_the_same_year_and_another_seed_another(tmp_path: Path) -> None:
    made: list[Shell] = []
    for place, seed in (("one", 3), ("two", 3), ("three", 4)):
        made.append(Shell(tmp_path / place, {}))
        made[-1]("init", "--demo", "--cases", 20, "--seed", seed, now=NOW)

    one, two, three = (_figures(shell) for shell in made)

    for part, figures in one.items():
        assert figures == two[part], part
    assert one["cases"] != three["cases"]
    assert rows(made[0], "SELECT ref FROM case_") != rows(made[1], "SELECT ref FROM case_")


def _year_of(cases: int, seed: int) -> list[Stay]:
    codes = [f"u{number}" for number in range(20)]
    habits = habits_of([Unit(code, code, "prison", "Øst") for code in codes], seed)
    sizes = {code: each.size for code, each in habits.items()}
    making = Imprisonments(seed, sizes, codes[:4], begin=beginning(AT), now=AT)
    return [making.make(number) for number in range(cases)]


def test_imprisonments_depend_on_the_seed_alone_and_come_before_now() -> None:
    one, two = _year_of(800, 5), _year_of(800, 5)

    assert one == two
    assert one != _year_of(800, 6)
    assert one[:300] == _year_of(300, 5)
    assert [stay.story for stay in one if stay.story] == list(STORIES)
    for stay in one:
        assert stay.admitted_at <= stay.opens_at < min(stay.leaves_at, AT)
        assert all(known.on >= local_date(stay.admitted_at) for known in stay.dates), stay


def test_more_than_half_are_over_within_90_days() -> None:
    chance = Random(1)
    kinds = chance.choices(tuple(Category), weights=(50, 37, 13), k=20_000)
    share = sum(days_inside(kind, chance) <= 90 for kind in kinds) / len(kinds)

    assert 0.52 < share < 0.58


def test_nobody_comes_back_before_leaving() -> None:
    by_person: dict[str, list[Stay]] = {}
    for stay in _year_of(2_000, 9):
        by_person.setdefault(stay.person.inmate_no, []).append(stay)

    again = [stays for stays in by_person.values() if len(stays) > 1]
    assert len(again) > 40
    for stays in again:
        ordered = sorted(stays, key=lambda stay: stay.admitted_at)
        for earlier, later in pairwise(ordered):
            assert earlier.leaves_at < later.admitted_at


def test_what_is_left_alone_is_overdue(sixty: Shell) -> None:
    number = STORIES.index(Story.LEFT_ALONE)
    case = sixty.case(str(500_000 + number), now=NOW)

    states = {task["task"]: task for step in case["steps"] for task in step["tasks"]}
    assert states["intake_talk"]["overdue"]
    assert states["brief_info"]["overdue"]
    assert case["participation"] == "not_asked"


def test_verbs_refuse_nothing_in_a_year_that_is_thought_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives: list[year.Lived] = []
    real = year.live

    def live(*args: Any, **more: Any) -> year.Lived:
        lives.append(real(*args, **more))
        return lives[-1]

    monkeypatch.setattr(year, "live", live)
    for seed in (11, 12):
        Shell(tmp_path / str(seed), {})("init", "--demo", "--cases", 40, "--seed", seed, now=NOW)

    assert [dict(each.refused) for each in lives] == [{}, {}]
    assert [each.cases for each in lives] == [40, 40]
    assert min(each.acts for each in lives) > 650


# --- whole or not at all -------------------------------------------------------------------------


def test_an_interrupted_year_leaves_nothing_and_is_simply_done_again(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres = isinstance(databases, PostgresDatabases)
    names = ("OVERLEV_DATABASE_URL", "OVERLEV_KEYS_URL") if postgres else ()
    shell = Shell(tmp_path / "data", {name: databases.create(migrated=False) for name in names})
    swept: list[int] = []

    def stop(*args: Any, **more: Any) -> Any:
        swept.append(1)
        if len(swept) == 60:
            raise KeyboardInterrupt
        return sweep(*args, **more)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(year, "sweep", stop)
        shell("init", "--demo", "--cases", 8, now=NOW, code=130)
    assert not DataFolder.exists(shell.folder)
    gc.collect()

    shell("init", "--demo", "--cases", 8, now=NOW)

    assert len(shell("cases", "--json", now=NOW).json) == 8
    assert shell("audit", "verify").out.endswith("OK\n")
    for url in shell.env.values():
        databases.drop(url or "")


def test_a_second_folder_joins_a_lived_database_and_only_the_password_is_new(
    sixty: Shell, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(sixty.folder, tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / "folder.json").unlink()
    accounts = rows(sixty, "SELECT ref, username FROM account ORDER BY username")
    two = Shell(tmp_path / "two", {})

    out = two("init", "--demo", "--cases", 20, now=NOW).out

    assert "password" in out
    assert "60 cases are there already" in out
    assert rows(two, "SELECT ref, username FROM account ORDER BY username") == accounts
    hashes = "SELECT DISTINCT password_hash FROM account"
    assert rows(two, hashes) != rows(sixty, hashes)
    assert len(two("cases", "--json", now=NOW).json) == 60


def test_a_year_is_told_in_a_few_lines_where_nobody_looks_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with year_passing(50) as told:
        for day in range(1, 366):
            told(day, 365)

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[-1].endswith("365 of 365 days")


def test_a_demo_has_5000_cases_unless_another_number_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Mapping[str, Any]] = []

    class _Closed:
        def close(self) -> None: ...

    def make(settings: object, **more: Any) -> _Closed:
        asked.append(more)
        return _Closed()

    monkeypatch.setattr(house_commands, "make", make)
    shell = Shell(tmp_path / "data", {})
    shell("init", "--demo")
    shell("init", "--demo", "--cases", 0)
    shell("init", "--demo", "--cases", 12, "--seed", 9)

    assert [(each["cases"], each["seed"]) for each in asked] == [(5000, 1), (0, 1), (12, 9)]


@pytest.fixture(autouse=True, scope="module")
def _no_open_files() -> Iterator[None]:
    """Engines that tests looked in with are gone before those of another file warn about them."""
    yield
    gc.collect()


def test_the_password_of_a_demo_is_told_at_every_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who starts it again next week has not kept what the first start printed."""
    house = Shell(tmp_path / "data", {})
    made = house("init", "--demo", "--cases", 0)
    settings = Settings(data=house.folder)
    capsys.readouterr()
    service_commands._prepare(settings, demo=True)
    again = capsys.readouterr().out
    assert again.splitlines()[1:] == made.out.splitlines()[2:]
    assert again.splitlines()[0].split()[-1] == made.out.splitlines()[1].split()[-1]
    kept = house.folder / "demo-password"
    assert kept.stat().st_mode & 0o077 == 0, "for its owner alone"
    kept.unlink()
    service_commands._prepare(settings, demo=True)
    assert capsys.readouterr().out == "", "of a demo from before nothing is guessed"
