"""Making and opening an installation: whole or not at all, and nothing lost quietly."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from app import installation
from app.migrate import newest
from cases.organisation import COLUMNS, KINDS, REGIONS
from core.folder import DataFolder
from tests.app.serving import free_port
from tests.app.shell import Shell
from tests.databases import Databases

NewDatabase = Callable[..., str]
SECRET = "a long secret that somebody made at random"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def test_a_demo_has_the_units_and_staff_of_every_role_with_one_printed_password(
    any_shell: Shell,
) -> None:
    units = any_shell("unit", "list", "--json").json

    assert len(units) == 34
    assert {"code": "bergen", "region": "Vest"}.items() <= units[3].items()


def test_the_password_of_a_demo_is_printed_once_and_opens_every_account(tmp_path: Path) -> None:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    out = Shell(tmp_path / "data", {})("init", "--demo", "--cases", 0).out
    password = out.split("password ")[1].split()[0]

    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'overlev.db'}")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT username, password_hash FROM account")).all()
    engine.dispose()
    assert len(rows) == 5 * 34 + 2
    assert {hashed for _, hashed in rows} != {None}
    hasher = PasswordHash((Argon2Hasher(),))
    assert all(hasher.verify(password, hashed) for hashed in {hashed for _, hashed in rows})


def test_what_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    Shell(tmp_path / "data", {})("init")

    assert mode(tmp_path / "data") == 0o700
    for name in ("secrets.json", "keys.db", "overlev.db"):
        assert mode(tmp_path / "data" / name) == 0o600, name


def test_a_folder_is_made_once(shell: Shell) -> None:
    answer = shell("init", "--demo", "--cases", 0, code=2)

    assert "is a data folder already" in answer.err


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("years of work")

    answer = Shell(tmp_path, {})("init", code=2)

    assert "thesis.odt" in answer.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.odt"]


@pytest.mark.parametrize("at", ["migrate", "furnish", "marker"])
def test_an_interrupted_init_is_simply_done_again(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    new_database_url: NewDatabase,
    at: str,
) -> None:
    env: dict[str, str | None] = {}
    if "postgres" in request.node.callspec.id:
        env = {"OVERLEV_DATABASE_URL": new_database_url(), "OVERLEV_KEYS_URL": new_database_url()}
    shell = Shell(tmp_path / "data", env)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        if at == "migrate":
            interrupted.setattr("app.migrate.migrate", stop)
        elif at == "furnish":
            interrupted.setattr(installation, "append", stop)
        else:
            interrupted.setattr(DataFolder, "create", stop)
        shell("init", "--demo", "--cases", 0, code=130)
    assert not DataFolder.exists(tmp_path / "data")
    assert "init" in shell("cases", code=2).err

    shell("init", "--demo", "--cases", 0)

    assert len(shell("unit", "list", "--json").json) == 34
    assert shell("audit", "verify").out.endswith("OK\n")


@pytest.mark.parametrize("first_demo", [True, False])
def test_real_and_invented_people_never_share_a_database(tmp_path: Path, first_demo: bool) -> None:
    env: dict[str, str | None] = {
        "OVERLEV_DATABASE_URL": f"sqlite:///{tmp_path / 'shared.db'}",
        "OVERLEV_KEYS_URL": f"sqlite:///{tmp_path / 'shared-keys.db'}",
        "OVERLEV_SECRET_KEY": SECRET,
    }
    demo: tuple[object, ...] = ("init", "--demo", "--cases", 0)
    first, second = (demo, ("init",)) if first_demo else (("init",), demo)
    Shell(tmp_path / "one", env)(*first)

    answer = Shell(tmp_path / "two", env)(*second, code=2)

    assert "name another" in answer.err


def test_a_second_machine_joins_the_same_databases(tmp_path: Path) -> None:
    env: dict[str, str | None] = {
        "OVERLEV_DATABASE_URL": f"sqlite:///{tmp_path / 'shared.db'}",
        "OVERLEV_KEYS_URL": f"sqlite:///{tmp_path / 'shared-keys.db'}",
        "OVERLEV_SECRET_KEY": SECRET,
    }
    Shell(tmp_path / "one", env)("init")
    Shell(tmp_path / "one", env)("unit", "add", "bodo", "--name", "Bodø", "--region", "Nord")

    Shell(tmp_path / "two", env)("init")

    assert [unit["code"] for unit in Shell(tmp_path / "two", env)("unit", "list", "--json").json]


@pytest.mark.parametrize("forgotten", ["OVERLEV_KEYS_URL", "OVERLEV_SECRET_KEY"])
def test_who_joins_a_database_without_its_keys_is_refused(
    tmp_path: Path, new_database_url: NewDatabase, forgotten: str
) -> None:
    env: dict[str, str | None] = {
        "OVERLEV_DATABASE_URL": new_database_url(migrated=False),
        "OVERLEV_KEYS_URL": f"sqlite:///{tmp_path / 'shared-keys.db'}",
        "OVERLEV_SECRET_KEY": SECRET,
    }
    Shell(tmp_path / "one", env)("init")

    for _ in range(2):  # the first attempt makes no key store that the second would find
        told = Shell(tmp_path / "two", env | {forgotten: None})("init", code=2).err
        assert "OVERLEV_KEYS_URL to the key" in told or "made with other secrets" in told
    if forgotten == "OVERLEV_KEYS_URL":
        Shell(tmp_path / "two", env)("init")


def test_a_postgres_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, postgres_databases: Databases
) -> None:
    url = postgres_databases.create(migrated=False)
    nowhere = make_url(url).set(database="nowhere").render_as_string(hide_password=False)
    env: dict[str, str | None] = {"OVERLEV_DATABASE_URL": url, "OVERLEV_KEYS_URL": nowhere}
    there = Shell(tmp_path / "data", env)

    told = there("init", code=1).err
    assert "overlev: OVERLEV_KEYS_URL, nowhere at " in told
    assert "no such database" in told

    there = Shell(tmp_path / "data", env | {"OVERLEV_KEYS_URL": None})
    there("init")
    there.env["OVERLEV_DATABASE_URL"] = nowhere
    assert "WRONG  schema: OVERLEV_DATABASE_URL, nowhere at " in there("doctor", code=1).out
    postgres_databases.drop(url)


@pytest.mark.parametrize("name", ["overlev.db", "keys.db"])
def test_a_lost_database_is_told_and_never_made_anew(shell: Shell, name: str) -> None:
    (shell.folder / name).unlink()

    answer = shell("cases", code=2)

    assert f"{name} is gone" in answer.err
    assert not (shell.folder / name).exists()


@pytest.mark.parametrize("name", ["overlev.db", "keys.db"])
@pytest.mark.parametrize(
    ("holds", "says"), [(b"", "is empty"), (b"no database at all" * 99, "is damaged")]
)
def test_what_became_of_a_file_is_told_and_nothing_is_made_anew(
    shell: Shell, name: str, holds: bytes, says: str
) -> None:
    file = shell.folder / name
    file.write_bytes(holds)

    for words in (("up", "--port", free_port()), ("migrate",), ("cases",), ("web",), ("worker",)):
        told = shell(*words, code=2 if not holds else 1).err.splitlines()[-1]
        assert f"{file} {says}" in told, words
    told = shell("doctor", code=1).out
    assert f"{file} {says}" in told
    assert file.read_bytes() == holds


@pytest.mark.parametrize("command", ["up", "migrate", "cases"])
def test_another_database_that_is_empty_is_not_taken_for_ours(
    shell: Shell, new_database_url: NewDatabase, command: str
) -> None:
    shell.env["OVERLEV_DATABASE_URL"] = new_database_url(migrated=False)
    told = shell(command, *(("--port", free_port()) if command == "up" else ()), code=2).err
    assert "check OVERLEV_DATABASE_URL" in told or "is empty" in told or "is gone" in told


def test_keys_of_another_installation_are_refused(shell: Shell, tmp_path: Path) -> None:
    Shell(tmp_path / "other", {})("init")
    shutil.copy(tmp_path / "other" / "secrets.json", shell.folder / "secrets.json")

    assert "made with other secrets" in shell("cases", code=2).err


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE alembic_version SET version_num = '0001'", "migrate`"),
        ("DELETE FROM alembic_version", "holds nothing of Overlev"),
        ("DROP TABLE alembic_version", "holds nothing of Overlev"),
        ("UPDATE alembic_version SET version_num = '9999'", "install the newer version"),
    ],
)
def test_another_schema_is_refused_with_the_way_out(
    any_shell: Shell, statement: str, says: str
) -> None:
    url = any_shell.env.get("OVERLEV_DATABASE_URL") or (
        f"sqlite:///{any_shell.folder / 'overlev.db'}"
    )
    execute(url, statement)

    assert says in any_shell("cases", code=2).err


def test_migrating_twice_changes_nothing(shell: Shell) -> None:
    as_before = f"schema {newest()}, as before\n"

    assert shell("migrate").out == as_before
    assert shell("migrate").out == as_before


def test_the_newest_schema_is_known_without_loading_the_migrations() -> None:
    from app.migrate import newest

    assert installation.known_schemas()[-1] == newest()


def test_the_recovery_key_is_printed_after_a_yes_and_logged(shell: Shell) -> None:
    assert "--yes" in shell("key", "export", code=2).err

    answer = shell("key", "export", "--yes")

    assert answer.out == (shell.folder / "secrets.json").read_text() + "\n"
    engine = create_engine(f"sqlite:///{shell.folder / 'overlev.db'}")
    with engine.connect() as connection:
        verbs = connection.execute(text("SELECT verb FROM access_log")).scalars().all()
    engine.dispose()
    assert verbs == ["demo_made", "key_exported"]


def test_who_has_made_a_folder_reads_what_comes_next(tmp_path: Path) -> None:
    told = Shell(tmp_path / "data", {})("init").err

    for command in ("key export --yes", "user add NAME --role admin", "unit import", "overlev up"):
        assert command in told


def test_the_guide_to_a_first_unit_names_every_column_of_a_list_of_units() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    told = guide.split("## From nothing to the first unit\n")[1].split("\n## ")[0]

    assert [column for column in COLUMNS if f"| `{column}` |" not in told] == []
    assert [each for each in (*KINDS, *REGIONS) if f"`{each}`" not in told] == []
