"""What every database test relies on: a database of its own, on both engines."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import create_engine, inspect, make_url, text

NewDatabase = Callable[..., str]


def _tables(url: str) -> list[str]:
    engine = create_engine(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def test_a_table_made_in_one_database_is_not_in_another(new_database_url: NewDatabase) -> None:
    one, other = new_database_url(), new_database_url()

    _execute(one, "CREATE TABLE visit (id INTEGER PRIMARY KEY)")

    assert _tables(one) == ["visit"]
    assert _tables(other) == []


def test_a_migrated_database_has_tables_without_a_second_upgrade(
    new_database_url: NewDatabase,
) -> None:
    one, other = new_database_url(migrated=True), new_database_url(migrated=True)

    assert "alembic_version" in _tables(one)
    assert _tables(one) == _tables(other)
    assert make_url(one).database != make_url(other).database


def test_what_is_left_in_a_database_does_not_reach_the_next_copy(
    new_database_url: NewDatabase,
) -> None:
    _execute(new_database_url(migrated=True), "CREATE TABLE left_behind (id INTEGER)")

    assert "left_behind" not in _tables(new_database_url(migrated=True))
