"""Stored packages: which holds where and when, and that what is used never changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select, update
from sqlalchemy.exc import OperationalError

from cases import service
from cases.access import OPERATOR, Viewer
from cases.appointments import Booking, book
from cases.model import Role
from cases.package import PackageError, national
from cases.package_saving import (
    PackageUsed,
    given,
    put_in_force,
    save_national,
    save_overlay,
    versions,
)
from cases.registry import (
    PackageMissing,
    package_for_new_cases,
    package_in_force,
    package_named,
    register_national,
    stored_package,
)
from cases.service import TaskDone
from cases.tables import access_log, package_version
from cases.views import read_case
from core.clock import iso_local
from core.db import Database
from core.errors import BadInput, Busy, NotAllowed, Refused
from tests.cases.undone import ENGINES, furnished, undone
from tests.installation import installation
from tests.people import COORDINATOR, NURSE, at, make_case, make_units

DATA = Path(__file__).parent.parent / "data"
OVERLAY = (DATA / "overlay-a-1.toml").read_text("utf-8")
SECOND = (DATA / "overlay-a-2.toml").read_text("utf-8")
NATIONAL_2 = (
    (resources.files("cases") / "packages" / "national-1.toml")
    .read_text("utf-8")
    .replace('key = "national-1"\nnumber = 1', 'key = "national-2"\nnumber = 2')
    .replace('due = ["R - 7 d"]', 'due = ["R - 8 d"]')
)
ADMIN = Viewer("admin", Role.ADMIN)
NOW = at("2026-09-01 08:00")
TODAY = date(2026, 9, 1)


@pytest.fixture
def db(database_url: str, tmp_path: Path) -> Iterator[Database]:
    with installation(database_url, tmp_path) as db:
        with db.write() as tx:
            make_units(tx)
        yield db


@pytest.fixture(scope="module", params=ENGINES)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    yield from furnished(request, tmp_path_factory)


@pytest.fixture
def tx(shared: Database) -> Iterator[Connection]:
    with undone(shared) as tx:
        yield tx


def used_at(tx: Connection, key: str) -> object:
    return tx.execute(
        select(package_version.c.used_at).where(package_version.c.key == key)
    ).scalar_one()


# --- where and when ------------------------------------------------------------------------------


def test_without_an_overlay_a_unit_works_by_the_national_package(tx: Connection) -> None:
    assert package_for_new_cases(tx, "A", on=NOW) is national()
    assert make_case(tx).package == "national-1"


def test_an_overlay_holds_for_its_unit_from_its_day_on(tx: Connection) -> None:
    saved = save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW, valid_from=date(2026, 9, 15))

    assert saved.key == "national-1+a-1"
    assert package_in_force(tx, "A", on=date(2026, 9, 14)) is national()
    assert package_in_force(tx, "A", on=date(2026, 9, 15)) == saved
    assert package_in_force(tx, "B", on=date(2026, 9, 15)) is national()


def test_new_cases_follow_the_overlay_and_earlier_ones_keep_their_version(tx: Connection) -> None:
    before = make_case(tx, admitted="2026-08-31 06:00", release_on=date(2026, 12, 28))
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)

    after = make_case(tx, release_on=date(2026, 12, 28), answer="accepted")

    assert (before.package, after.package) == ("national-1", "national-1+a-1")
    held, cleared = after.task("talk_held"), after.task("room_cleared")
    assert held is not None
    assert held.due_at == at("2026-12-18 15:00")
    assert cleared is not None
    assert not cleared.required
    assert before.task("room_cleared") is None
    view = read_case(tx, OPERATOR, after.ref, now=at("2026-09-02 08:00"))
    labels = {task["task"]: task["label"] for step in view["steps"] for task in step["tasks"]}
    assert labels["talk_held"] == "Utslusingssamtale"
    assert {step["step"]: step["label"] for step in view["steps"]}["TIME_IN_HAND"] == (
        "Avtale i hånden"
    )


def test_a_newer_overlay_replaces_the_older_from_its_day_on(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    save_overlay(tx, ADMIN, "A", SECOND, now=NOW, valid_from=date(2026, 10, 1))

    assert package_in_force(tx, "A", on=date(2026, 9, 30)).key == "national-1+a-1"
    assert package_in_force(tx, "A", on=date(2026, 10, 1)).key == "national-1+a-2"
    assert [(row.unit, row.package, row.valid_from) for row in given(tx)] == [
        ("A", "national-1+a-1", TODAY),
        ("A", "national-1+a-2", date(2026, 10, 1)),
    ]


def test_of_two_versions_for_one_day_the_one_saved_last_holds(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    save_overlay(tx, ADMIN, "A", SECOND, now=NOW)

    assert package_in_force(tx, "A", on=TODAY).key == "national-1+a-2"


def test_a_unit_can_go_back_to_an_earlier_version(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    put_in_force(tx, ADMIN, "A", "national-1", now=NOW, valid_from=date(2026, 10, 1))

    assert package_in_force(tx, "A", on=date(2026, 10, 1)) is national()


def test_national_2_holds_for_every_unit_without_an_overlay(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    put_in_force(tx, ADMIN, "B", "national-1", now=NOW)
    save_national(tx, ADMIN, NATIONAL_2, now=NOW)
    assert package_in_force(tx, "C", on=date(2026, 10, 1)) is national(), "stored, not in force"

    put_in_force(tx, ADMIN, None, "national-2", now=NOW, valid_from=date(2026, 10, 1))

    assert package_in_force(tx, "C", on=date(2026, 9, 30)) is national()
    keys = {unit: package_in_force(tx, unit, on=date(2026, 10, 1)).key for unit in "ABC"}
    assert keys == {"A": "national-1+a-1", "B": "national-2", "C": "national-2"}


def test_an_overlay_can_stand_on_national_2_and_on_another_overlay(tx: Connection) -> None:
    save_national(tx, ADMIN, NATIONAL_2, now=NOW)
    on_two = OVERLAY.replace('parent = "national-1"', 'parent = "national-2"')
    save_overlay(tx, ADMIN, "A", on_two, now=NOW)
    text = 'key = "b-1"\nnumber = 1\nparent = "national-2+a-1"\n'

    saved = save_overlay(tx, ADMIN, "B", text, now=NOW)

    assert saved.key == "national-2+a-1+b-1"
    assert saved.rule("talk_held").labels.in_language("nb") == "Utslusingssamtale"
    assert package_for_new_cases(tx, "B", on=NOW) == saved
    assert {v.key: v.parent for v in versions(tx)} == {
        "national-1": None,
        "national-2": None,
        "national-2+a-1": "national-2",
        "national-2+a-1+b-1": "national-2+a-1",
    }


# --- what is used never changes ------------------------------------------------------------------


def test_a_version_is_used_from_the_first_case_on_and_with_it_all_it_stands_on(
    tx: Connection,
) -> None:
    save_national(tx, ADMIN, NATIONAL_2, now=NOW)
    on_two = OVERLAY.replace('parent = "national-1"', 'parent = "national-2"')
    save_overlay(tx, ADMIN, "A", on_two, now=NOW)
    assert used_at(tx, "national-2+a-1") is None

    make_case(tx, admitted="2026-09-01 06:00")
    make_case(tx, admitted="2026-09-02 06:00")

    assert used_at(tx, "national-2+a-1") == at("2026-09-01 08:00")
    assert used_at(tx, "national-2") == at("2026-09-01 08:00")


def test_an_unused_version_may_be_mended_under_its_name(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    mended = save_overlay(tx, ADMIN, "A", OVERLAY.replace("Rom ryddet", "Cella rydda"), now=NOW)

    assert mended.key == "national-1+a-1"
    rule = package_for_new_cases(tx, "A", on=NOW).rule("room_cleared")
    assert rule.labels.in_language("nb") == "Cella rydda"


def test_a_used_version_never_changes(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    make_case(tx)

    with pytest.raises(PackageUsed, match=r"used by cases since 2026-09-01 .* next number \(2\)"):
        save_overlay(tx, ADMIN, "A", OVERLAY.replace("Rom ryddet", "Cella rydda"), now=NOW)

    assert save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW) is not None, "the same text is no change"
    rule = package_named(tx, "national-1+a-1").rule("room_cleared")
    assert rule.labels.in_language("nb") == "Rom ryddet"


def test_what_others_stand_on_never_changes(tx: Connection) -> None:
    save_national(tx, ADMIN, NATIONAL_2, now=NOW)
    on_two = OVERLAY.replace('parent = "national-1"', 'parent = "national-2"')
    save_overlay(tx, ADMIN, "A", on_two, now=NOW)

    with pytest.raises(PackageUsed, match="Overlays stand on national-2"):
        save_national(tx, ADMIN, NATIONAL_2.replace("R - 8 d", "R - 9 d"), now=NOW)


def test_the_bundled_package_cannot_be_saved_over(tx: Connection) -> None:
    text = NATIONAL_2.replace('"national-2"\nnumber = 2', '"national-1"\nnumber = 1')

    with pytest.raises(PackageUsed):
        save_national(tx, ADMIN, text, now=NOW)


def test_a_version_that_somebody_changed_past_us_is_not_used(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    # A text that nothing in this process has read yet: what was read under its digest is kept.
    tx.execute(
        update(package_version)
        .where(package_version.c.key == "national-1+a-1")
        .values(body=OVERLAY.replace("Rom ryddet", "Alt ryddet"), sha256="0" * 64)
    )

    with pytest.raises(PackageMissing, match="is not what was saved"):
        package_named(tx, "national-1+a-1")


def test_the_bundled_package_is_registered_once_and_never_replaced(tx: Connection) -> None:
    register_national(tx, now=NOW)
    tx.execute(update(package_version).values(sha256="0" * 64))

    with pytest.raises(PackageMissing, match="a changed package needs a new number"):
        register_national(tx, now=NOW)


# --- who, and what is refused --------------------------------------------------------------------


@pytest.mark.parametrize("viewer", [NURSE, COORDINATOR, Viewer("lead", Role.UNIT_LEAD)])
def test_only_an_administrator_saves_packages(tx: Connection, viewer: Viewer) -> None:
    with pytest.raises(NotAllowed):
        save_overlay(tx, viewer, "A", OVERLAY, now=NOW)
    with pytest.raises(NotAllowed):
        save_national(tx, viewer, NATIONAL_2, now=NOW)
    with pytest.raises(NotAllowed):
        put_in_force(tx, viewer, "A", "national-1", now=NOW)


def test_what_was_saved_stands_in_the_access_log(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    put_in_force(tx, OPERATOR, None, "national-1", now=NOW)

    rows = tx.execute(
        select(access_log.c.scope, access_log.c.actor, access_log.c.verb).order_by(access_log.c.id)
    )
    assert [tuple(row) for row in rows][-2:] == [
        ("A", "admin", "package_saved"),
        ("system", "operator", "package_in_force"),
    ]


def test_a_mistake_in_an_overlay_stores_nothing(tx: Connection) -> None:
    broken = (DATA / "overlay-deletes-core.toml").read_text("utf-8")

    with pytest.raises(PackageError, match=r"a-9\.toml:8: "):
        save_overlay(tx, ADMIN, "A", broken, now=NOW, name="a-9.toml")

    assert [v.key for v in versions(tx)] == ["national-1"]
    assert given(tx) == []


def test_an_overlay_that_stands_on_itself_is_refused(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    save_overlay(tx, ADMIN, "A", SECOND, now=NOW)

    with pytest.raises(PackageError) as refused:
        save_overlay(tx, ADMIN, "A", (DATA / "overlay-cycle.toml").read_text("utf-8"), now=NOW)

    assert refused.value.reason == "parent_cycle"


def test_an_unknown_parent_unit_package_or_a_day_that_has_passed_is_refused(
    tx: Connection,
) -> None:
    with pytest.raises(PackageError, match='there is no package "national-7"'):
        save_overlay(tx, ADMIN, "A", OVERLAY.replace("national-1", "national-7"), now=NOW)
    with pytest.raises(BadInput, match="no unit 'Z'"):
        save_overlay(tx, ADMIN, "Z", OVERLAY, now=NOW)
    with pytest.raises(BadInput, match="has passed"):
        save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW, valid_from=date(2026, 8, 31))
    with pytest.raises(BadInput, match="no package 'national-7'"):
        put_in_force(tx, ADMIN, "A", "national-7", now=NOW)
    assert stored_package(tx, "national-7") is None


def test_the_name_of_another_units_overlay_is_taken(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)

    with pytest.raises(Refused, match="belongs to A"):
        save_overlay(tx, ADMIN, "B", OVERLAY, now=NOW)


def test_the_way_of_one_unit_cannot_hold_for_all(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)

    with pytest.raises(Refused, match="only a whole package"):
        put_in_force(tx, ADMIN, None, "national-1+a-1", now=NOW)


def test_a_package_that_is_not_stored_is_a_fault_of_the_installation(tx: Connection) -> None:
    with pytest.raises(PackageMissing):
        package_named(tx, "national-1+z-1")


# --- the verbs follow the case's package ---------------------------------------------------------


def test_required_appointments_follow_the_package_of_the_case(tx: Connection) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    now = at("2026-12-01 10:00")
    case = make_case(tx, release_on=date(2026, 12, 28), answer="accepted")
    other = make_case(tx, unit="B", release_on=date(2026, 12, 28), answer="accepted")
    for each in (case, other):
        for kind in ("GP", "NAV"):
            book(
                tx,
                OPERATOR,
                each.ref,
                Booking(kind, at("2026-12-29 10:00"), "Dr. Moen", "Storgata 1", status="confirmed"),
                now=now,
            )

    done = TaskDone("appointments_confirmed")
    service.complete_task(tx, OPERATOR, other.ref, done, now=now)
    with pytest.raises(Refused, match="are missing: one of the kind DENTIST or PEER_OR_MENTOR"):
        service.complete_task(tx, OPERATOR, case.ref, done, now=now)
    book(
        tx,
        OPERATOR,
        case.ref,
        Booking("DENTIST", at("2026-12-30 10:00"), "Tann", "Storgata 2", status="confirmed"),
        now=now,
    )
    after = service.complete_task(tx, OPERATOR, case.ref, done, now=now)
    assert [t.state.value for t in after.tasks if t.code == "appointments_confirmed"] == ["done"]


def test_an_own_task_is_done_by_its_owner_and_hides_who_when_it_is_a_health_task(
    tx: Connection,
) -> None:
    save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
    case = make_case(tx, release_on=date(2026, 12, 28), answer="accepted")
    now = at("2026-09-10 10:00")
    assert iso_local(case.task("risk_reviewed").due_at)[:16] == "2026-09-22T15:00"  # type: ignore[union-attr, arg-type]

    with pytest.raises(NotAllowed):
        service.complete_task(tx, COORDINATOR, case.ref, TaskDone("risk_reviewed"), now=now)
    service.complete_task(
        tx, NURSE, case.ref, TaskDone("risk_reviewed", form="individual"), now=now
    )

    def shown(viewer: Viewer) -> dict[str, object]:
        view = read_case(tx, viewer, case.ref, now=now)
        tasks = [task for step in view["steps"] for task in step["tasks"]]
        return next(task for task in tasks if task["task"] == "risk_reviewed")

    assert (shown(COORDINATOR)["state"], shown(COORDINATOR)["done_by"]) == ("done", None)
    assert shown(NURSE)["done_by"] == "nurse"


def test_a_used_package_is_asked_for_once_in_a_process(db: Database) -> None:
    with db.write() as tx:
        save_overlay(tx, ADMIN, "A", OVERLAY, now=NOW)
        make_case(tx)
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))

    with db.read() as tx:
        first = package_named(tx, "national-1+a-1")
        begun = len(asked)
        assert package_named(tx, "national-1+a-1") is first

    assert len(asked) == begun


def test_a_version_that_was_never_really_used_may_change(shared: Database) -> None:
    """A trial run (of an import, say) opens cases and takes all of it back."""
    saved: list[str] = []
    for text in (OVERLAY, OVERLAY.replace("Rom ryddet", "Cella rydda")):
        with undone(shared) as tx:
            save_overlay(tx, ADMIN, "A", text, now=NOW)
            case = make_case(tx)
            saved.append(
                package_named(tx, case.package).rule("room_cleared").labels.in_language("nb")
            )

    assert saved == ["Rom ryddet", "Cella rydda"]


def test_a_version_whose_use_was_not_committed_may_change(shared: Database) -> None:
    """SQLAlchemy tells nobody of a rollback where the commit itself fails."""

    def fails(tx: Connection) -> None:
        del tx
        raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    saved: list[str] = []
    event.listen(shared.engine, "commit", fails)
    try:
        for text in (OVERLAY, OVERLAY.replace("Rom ryddet", "Cella rydda")):
            with suppress(OperationalError, Busy), shared.write() as tx:
                save_overlay(tx, ADMIN, "A", text, now=NOW)
                case = make_case(tx)
                saved.append(
                    package_named(tx, case.package).rule("room_cleared").labels.in_language("nb")
                )
    finally:
        event.remove(shared.engine, "commit", fails)

    assert saved == ["Rom ryddet", "Cella rydda"]
