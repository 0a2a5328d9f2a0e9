"""`user`, `token`, `unit` and `package`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cases.journal import AccessRow, append
from cases.organisation import COLUMNS, KINDS, REGIONS
from core.clock import system_now
from tests.app.databases import scalar
from tests.app.shell import Answer, Shell

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "tests" / "data" / "units.csv"


KEPT = "SELECT {} FROM account WHERE username = 'kari'"


def count(shell: Shell, table: str, where: str) -> object:
    return scalar(shell, f"SELECT count(*) FROM {table} WHERE {where}")


def logged(shell: Shell, verb: str) -> object:
    return count(shell, "access_log", f"verb = '{verb}' AND actor = 'operator'")


@pytest.mark.parametrize("command", ["add", "reset"])
def test_a_password_is_printed_once_and_only_its_hash_is_kept(
    any_shell: Shell, command: str
) -> None:
    answer = any_shell("user", "add", "kari.n", "--role", "officer", "--unit", "Bergen fengsel")
    if command == "reset":
        answer = any_shell("user", "reset", "kari.n")

    password = answer.out.split("password: ")[1].strip()
    hashed = scalar(any_shell, "SELECT password_hash FROM account WHERE username = 'kari.n'")
    assert str(hashed).startswith("$argon2id$")
    assert password not in str(hashed)
    assert "shown this once" in answer.err
    assert logged(any_shell, f"user_{command if command == 'reset' else 'added'}") == 1


def test_an_invitation_of_a_frozen_demo_goes_by_the_real_clock_like_its_use(shell: Shell) -> None:
    shell("user", "add", "kari", "--role", "admin")

    link = shell("user", "invite", "kari", now="2020-01-01T08:00").out.strip()

    assert "/invitation/" in link
    until = str(scalar(shell, "SELECT expires_at FROM invitation"))
    assert until > system_now().isoformat()[:10], "good for seven days from today"


def test_an_invitation_names_the_address_that_is_known_and_else_what_goes_before_it(
    shell: Shell,
) -> None:
    shell("user", "add", "kari", "--role", "admin")
    known = replace(shell, env={**shell.env, "OVERLEV_PUBLIC_URL": "https://overlev.example.no"})

    unknown = shell("user", "invite", "kari")

    assert unknown.out.startswith("/invitation/")
    assert "OVERLEV_PUBLIC_URL" in unknown.err
    link = known("user", "invite", "kari")
    assert link.out.startswith("https://overlev.example.no/invitation/")
    assert "OVERLEV_PUBLIC_URL" not in link.err


def test_a_disabled_account_stays_for_the_log(shell: Shell) -> None:
    shell("user", "add", "kari", "--role", "admin")

    shell("user", "disable", "kari")

    assert count(shell, "account", "username = 'kari' AND disabled_at IS NOT NULL") == 1
    assert "no active account" in shell("user", "disable", "kari", code=1).err


def test_accounts_are_listed_with_role_and_units_and_never_with_a_secret(any_shell: Shell) -> None:
    made = any_shell("user", "add", "kari", "--role", "officer", "--unit", "bergen").out
    any_shell("user", "add", "ola", "--role", "admin", "--name", "Ola")
    any_shell("user", "contact", "kari", "--phone", "999 00 042")
    any_shell("user", "disable", "ola")

    whole, told = any_shell("user", "list", "--json"), any_shell("user", "list").out

    listed = {each["username"]: each for each in whole.json}
    assert listed["kari"] == {
        "username": "kari", "name": "kari", "role": "officer", "units": ["bergen"],
        "disabled_at": None,
    }  # fmt: skip
    assert listed["ola"]["disabled_at"] is not None
    assert whole.json[-1] == listed["ola"], "who is shut comes last"
    assert {"username", "role", "units", "disabled"} <= set(told.split())
    password = made.split("password: ")[1].split()[0]
    for secret in (password, "argon2", "99900042", "999 00 042"):
        assert secret not in whole.out + told


def test_where_digests_go_is_sealed_and_who_stands_in_is_noted(shell: Shell) -> None:
    for name in ("kari", "ola"):
        shell("user", "add", name, "--role", "officer", "--unit", "bergen")

    shell("user", "contact", "kari", "--phone", "999 00 042", "--email", "kari@example.org")
    shell("user", "away", "kari", "2026-12-20", "--from", "2026-12-10", "--deputy", "ola")

    assert count(shell, "account", "username = 'kari' AND email = 'kari@example.org'") == 1
    kept = KEPT.format("phone_enc")
    assert scalar(shell, kept) is not None
    assert "99900042" not in str(scalar(shell, kept))
    away = "2026-12-19T23:00:00"
    assert str(scalar(shell, KEPT.format("away_until"))).replace(" ", "T").startswith(away)
    assert scalar(shell, KEPT.format("deputy_id")) == scalar(
        shell, "SELECT id FROM account WHERE username = 'ola'"
    )
    assert (logged(shell, "user_contact"), logged(shell, "user_away")) == (1, 1)

    shell("user", "contact", "kari", "--phone", "")
    shell("user", "away", "kari", "none")
    assert scalar(shell, kept) is None
    assert scalar(shell, KEPT.format("deputy_id")) is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("contact", "kari", "--phone", "02800"), 2, "cannot take an SMS"),
        (("contact", "kari", "--email", "kari"), 2, "no mail address"),
        (("contact", "nobody", "--phone", "99900042"), 1, "no active account"),
        (("away", "kari", "2026-12-20", "--deputy", "kari"), 2, "Nobody stands in for themselves"),
        (("away", "kari", "2026-12-20", "--from", "2026-12-21"), 2, "The end must lie after"),
    ],
)
def test_a_contact_or_deputy_that_cannot_be_is_refused(
    shell: Shell, words: tuple[str, ...], code: int, says: str
) -> None:
    shell("user", "add", "kari", "--role", "admin")

    assert says in shell("user", *words, code=code).err
    assert logged(shell, "user_contact") == logged(shell, "user_away") == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("kari", "--role", "officer"), 2),
        (("kari", "--role", "admin", "--unit", "bergen"), 2),
        (("kari", "--role", "operator"), 2),
        (("kari", "--role", "officer", "--unit", "atlantis"), 2),
        (("k a r i", "--role", "admin"), 2),
        (("admin", "--role", "admin"), 1),
    ],
)
def test_an_account_that_cannot_be_is_refused_and_nothing_is_logged(
    shell: Shell, words: tuple[str, ...], code: int
) -> None:
    shell("user", "add", *words, code=code)

    assert logged(shell, "user_added") == 0


def test_a_token_is_printed_once_and_only_its_hash_is_kept(any_shell: Shell) -> None:
    token = any_shell(
        "token", "add", "--role", "coordinator", "--unit", "bergen", "--unit", "trondheim"
    ).out.strip()

    assert count(any_shell, "api_token", f"digest = '{token}'") == 0
    assert count(any_shell, "token_unit", "unit IN ('bergen', 'trondheim')") == 2
    assert logged(any_shell, "token_added") == 1


def test_tokens_are_listed_with_whose_they_are_and_whether_they_were_used(
    any_shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cases import tokens
    from cases.installation import open_installation
    from core.settings import Settings

    any_shell("user", "add", "kari", "--role", "officer", "--unit", "bergen")
    made = ("token", "add", "--label")
    used = any_shell(*made, "roster-system", "--role", "coordinator", "--unit", "bergen").out
    any_shell(*made, "of-kari", "--role", "officer", "--unit", "bergen", "--user", "kari")
    any_shell(*made, "old", "--role", "admin", "--expires", "2099-01-01T00:00")
    any_shell("token", "revoke", "old")
    for name, value in any_shell.env.items():
        monkeypatch.setenv(name, value or "")
    settings = Settings(data=any_shell.folder)
    with open_installation(settings) as house:
        now = house.now()
        with house.db.read() as tx:
            viewer = tokens.viewer_of_token(tx, used.split()[0], now=now)
        row = AccessRow("bergen", now, viewer.account, viewer.role.value, "cases_listed")
        house.db.transact(lambda tx: append(tx, [row], now=now))

    listed = {each["label"]: each for each in any_shell("token", "list", "--json").json}

    assert set(listed) == {"roster-system", "of-kari"}
    assert listed["roster-system"]["last_used_at"] is not None
    assert listed["roster-system"]["units"] == ["bergen"]
    assert listed["of-kari"]["user"] == "kari"
    assert listed["of-kari"]["last_used_at"] is None
    every = any_shell("token", "list", "--all").out
    assert "revoked" in every
    assert "2099-01-01 00:00" in every, "times are Norwegian"
    assert used.split()[0] not in every


def test_units_are_imported_by_code_and_the_same_again_changes_nothing(
    any_shell: Shell, tmp_path: Path
) -> None:
    assert any_shell("unit", "import", UNITS, "--json").json == {
        "rows": 34, "created": 0, "updated": 0, "unchanged": 34,
    }  # fmt: skip
    more = tmp_path / "more.csv"
    more.write_text(
        UNITS.read_text("utf-8-sig").splitlines()[0]
        + "\nbergen;Bergen fengsel;prison;;Vest;Bergen;2016;;Ny Bergen"
        + "\ntestby;Testby fengsel;prison;;Nord;Testby;2026;;\n",
        "utf-8",
    )

    answer = any_shell("unit", "import", more)

    assert answer.out == "2 rows, 1 created, 1 updated, 0 unchanged\n"
    assert any_shell("cases", "--unit", "Ny Bergen").out == "No case fits what was asked.\n"
    assert logged(any_shell, "units_imported") == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"code;name\nx;y\n", b"code;name;kind;region\nx;y;castle;Nord\n"],
)
def test_a_list_of_units_that_cannot_be_read_is_one_line(
    shell: Shell, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "units.csv"
    file.write_bytes(content)

    answer = shell("unit", "import", file, code=2)

    assert (answer.out, answer.err.count("\n")) == ("", 1)


def test_one_unit_is_added_once(shell: Shell) -> None:
    words = (
        "unit",
        "add",
        "testby",
        "--name",
        "Testby fengsel",
        "--region",
        "Nord",
        "--alias",
        "Byen",
    )
    shell(*words)

    assert "already" in shell(*words, code=1).err
    found = next(unit for unit in shell("unit", "list", "--json").json if unit["code"] == "testby")
    assert found["aliases"] == ["Byen"]
    assert "Testby fengsel" in shell("unit", "list").out


def test_a_package_file_is_checked_with_the_line_of_its_fault(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "none", {})
    good = ROOT / "cases" / "packages" / "national-1.toml"
    wrong = tmp_path / "wrong-1.toml"
    wrong.write_text(good.read_text("utf-8").replace('owner = "officer"', 'owner = "warden"'))

    assert "10 tasks" in shell("package", "check", good).out
    answer = shell("package", "check", wrong, code=2)
    line = wrong.read_text().splitlines().index('owner = "warden"') + 1
    assert f"line {line}" in answer.err or f":{line}" in answer.err


def test_a_unit_that_cannot_be_added_names_the_option_and_what_it_may_be(shell: Shell) -> None:
    def add(*more: str, code: int = 0) -> Answer:
        return shell("unit", "add", "nyvik", "--name", "Nyvik fengsel", *more, code=code)

    region = add("--region", "nordover", code=2).err
    kind = add("--region", "Nord", "--kind", "jail", code=2).err
    parent = add("--region", "Nord", "--parent", "atlantis", code=2).err

    assert "--region: it must be one of Nord, Vest" in region
    assert "--kind: it must be one of prison" in kind
    assert "--parent: there is no unit 'atlantis'" in parent
    assert "line" not in region + kind + parent
    add("--region", "nord")
    (made,) = (each for each in shell("unit", "list", "--json").json if each["code"] == "nyvik")
    assert made["region"] == "Nord"


def test_the_columns_of_a_list_of_units_stand_in_its_help(shell: Shell) -> None:
    told = shell("unit", "import", "--help").out

    assert [column for column in (*COLUMNS, *KINDS, *REGIONS) if column not in told] == []
