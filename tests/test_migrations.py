"""The migrations add up to the schema of the code, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from app.doctor import OLDEST_SQLITE
from app.migrate import migrate, newest, upgrade_to
from cases.tables import access_listed, access_log
from core.append_only import append_only_ddl
from core.db import Database
from core.errors import UnsafeSettings
from migrations.schema import APPEND_ONLY, metadata
from notifications.tables import attempt, outbox, template_version
from tests.databases import SqliteFiles

KEPT_BY_ALEMBIC = "alembic_version"
CONSTRAINTS = """
SELECT conrelid::regclass::text AS place, conname AS name, pg_get_constraintdef(oid) AS sql
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""
INDEXES = """
SELECT tablename AS place, indexname AS name, indexdef AS sql
FROM pg_indexes WHERE schemaname = 'public'
"""
A_TASK = {
    "case_id": 1,
    "code": "talk_held",
    "step": "RELEASE_TALK",
    "owner": "officer",
    "visibility": "shared",
    "klass": "before_release",
    "required": True,
    "hurried": False,
    "state": "open",
    "due_at": datetime(2026, 12, 21, 14, tzinfo=UTC),
}
TRIGGERS = """
SELECT tgrelid::regclass::text AS place, tgname AS name, pg_get_triggerdef(oid) AS sql
FROM pg_trigger WHERE NOT tgisinternal
"""


def catalogue(tx: Connection) -> dict[str, Any]:
    """Tables, columns, keys, checks, indexes and triggers as the database itself tells them."""
    if tx.dialect.name == "sqlite":
        rows = tx.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master"))
        found: dict[str, Any] = {
            f"{row.type} {row.name}": _words(row.sql)
            for row in rows
            if KEPT_BY_ALEMBIC not in row.tbl_name
        }
        return found
    found = {}
    look = inspect(tx)
    for table in look.get_table_names():
        if table == KEPT_BY_ALEMBIC:
            continue
        found[f"table {table}"] = sorted(
            (c["name"], str(c["type"]), c["nullable"], str(c["default"]))
            for c in look.get_columns(table)
        )
    for what in (CONSTRAINTS, INDEXES, TRIGGERS):
        for row in tx.execute(text(what)):
            if KEPT_BY_ALEMBIC not in row.place:
                found[f"{row.place} {row.name}"] = _words(row.sql)
    return found


def _words(sql: str | None) -> list[str]:
    """The words of a statement in any order: columns and constraints may be listed differently."""
    spaced = (sql or "").replace("(", " ( ").replace(")", " ) ").replace(",", " ").replace('"', "")
    return sorted(spaced.split())


@pytest.fixture
def two(new_database_url: Callable[..., str]) -> tuple[Database, Database]:
    return Database(new_database_url(migrated=True)), Database(new_database_url())


def test_a_migrated_database_is_the_same_as_one_made_from_the_code(
    two: tuple[Database, Database],
) -> None:
    migrated, made = two
    with made.write() as tx:
        metadata.create_all(tx)
        for table in APPEND_ONLY:
            for statement in append_only_ddl(table, tx.dialect.name):
                tx.exec_driver_sql(statement)
    with migrated.read() as one, made.read() as other:
        first, second = catalogue(one), catalogue(other)
    migrated.close()
    made.close()

    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == set()
    assert len(first) > 2 * len(metadata.tables)


def test_migrating_again_changes_nothing(database_url: str) -> None:
    db = Database(database_url)
    with db.read() as tx:
        before = catalogue(tx)
    migrate(db)
    with db.read() as tx:
        assert catalogue(tx) == before
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == newest()
    db.close()


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    db = Database(database_url)
    with db.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(UnsafeSettings, match="newer"):
        migrate(db)
    db.close()


def test_every_constraint_has_a_name_and_nothing_cascades() -> None:
    for table in metadata.tables.values():
        for constraint in table.constraints:
            assert constraint.name, f"{table.name}: {constraint}"
        for key in table.foreign_key_constraints:
            assert key.ondelete is None, f"{table.name}: {key.name}"


def test_tasks_of_an_older_file_are_kept_when_their_checks_are_made_anew(
    sqlite_files: SqliteFiles,
) -> None:
    db = Database(sqlite_files.create(migrated=False))
    task = metadata.tables["task"]
    with db.write() as tx:
        upgrade_to(tx, "0013")
        tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # the case is not there
        tx.execute(insert(task), [A_TASK, A_TASK | {"code": "card_printed", "state": "missed"}])
        upgrade_to(tx, "0016")

        kept = tx.execute(select(task.c.code, task.c.state).order_by(task.c.code)).all()
        for wrong in ({"state": "lost"}, {"klass": ""}, {"reason": "because", "state": "waived"}):
            with pytest.raises(IntegrityError), tx.begin_nested():
                tx.execute(insert(task), A_TASK | {"code": "handed_over"} | wrong)
        tx.execute(delete(task))
    db.close()

    assert kept == [("card_printed", "missed"), ("talk_held", "open")]


@pytest.mark.parametrize("looks", [0, 3])
def test_every_look_of_an_older_house_has_its_entries(
    new_database_url: Callable[..., str], looks: int
) -> None:
    database = Database(new_database_url(migrated=False))
    with database.write() as tx:
        upgrade_to(tx, "0019")
        for number in range(1, looks + 1):
            tx.execute(
                insert(access_log).values(
                    id=number, scope="a", at=datetime(2026, 9, 1, tzinfo=UTC), actor="x", role="x",
                    verb="x", subjects="", chain_month="2026-09", chain_seq=number, key_id="x",
                    mac="x",
                )
            )  # fmt: skip

    migrate(database)

    with database.read() as tx:
        marks = list(tx.execute(select(access_listed.c.up_to)).scalars())
    # A house that is new has none, or a backup could not be put back into it.
    assert marks == ([looks] if looks else [])
    database.close()


def test_who_put_off_or_handed_on_before_is_named_where_it_is_known(
    sqlite_files: SqliteFiles,
) -> None:
    db = Database(sqlite_files.create(migrated=False))
    at = datetime(2026, 9, 1, tzinfo=UTC)
    desk = metadata.tables["task_desk"]
    given: dict[str, object] = {"assigned_to": "nurse"}
    put_off: dict[str, object] = {"snoozed_until": at}
    acts: list[dict[str, object]] = [given, put_off, given | put_off, {}]
    with db.write() as tx:
        upgrade_to(tx, "0021")
        tx.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # the cases are not there
        for number, said in enumerate(acts):
            row = {"case_id": number, "code": "talk_held", "changed_at": at, "by": "lead"}
            tx.execute(insert(desk).values(row | said))
        upgrade_to(tx, "0022")

        named = tx.execute(
            select(desk.c.assigned_by, desk.c.snoozed_by).order_by(desk.c.case_id)
        ).all()
        tx.execute(delete(desk))
    db.close()

    assert named == [("lead", None), (None, "lead"), (None, None), (None, None)]


def test_messages_that_were_only_shown_say_so_and_those_a_provider_took_do_not(
    new_database_url: Callable[..., str],
) -> None:
    database = Database(new_database_url(migrated=False))
    at = datetime(2026, 9, 1, 12, tzinfo=UTC)
    with database.write() as tx:
        upgrade_to(tx, "0022")
        tx.execute(
            insert(template_version).values(
                id=1, template="t", language="nb", version=1, body="x", sha256="x", source="x",
                dated_on=at.date(), status="approved", recorded_at=at,
            )
        )  # fmt: skip
        for number, taken_by in enumerate(("console-1", "demo-1", "SM1"), 1):
            tx.execute(
                insert(outbox).values(
                    id=number, about=f"x/{number}", subject="x", person="x", rung="x", template="t",
                    language="nb", send_at=at, expires_at=at + timedelta(hours=1),
                    starts_at=at + timedelta(hours=2), state="accepted", reason="taken",
                    wanted_at=at,
                )
            )  # fmt: skip
            tx.execute(
                insert(attempt).values(
                    ref=f"r{number}", outbox_id=number, epoch=1, owner="w", template_version_id=1,
                    segments=1, begun_at=at, outcome="accepted", provider_id=taken_by,
                )
            )  # fmt: skip

    migrate(database)

    with database.read() as tx:
        reasons = list(tx.execute(select(outbox.c.reason).order_by(outbox.c.id)).scalars())
    assert reasons == ["shown_only", "shown_only", "taken"]
    database.close()


def test_no_migration_asks_more_of_sqlite_than_the_doctor_does() -> None:
    # HAVING without GROUP BY is known from 3.39 on.
    for each in Path("migrations/versions").glob("m*.py"):
        written = each.read_text("utf-8")
        assert "HAVING" not in written or "GROUP BY" in written or OLDEST_SQLITE >= (3, 39), each
