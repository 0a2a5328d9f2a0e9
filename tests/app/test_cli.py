"""The edge of the command line: options, usage, exit codes, and what an error looks like."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from app.checkout import commit_of
from app.cli import app
from cases import service, views
from core.errors import Busy, NotAllowed, OverlevError
from tests.app.shell import Shell

ROOT = Path(__file__).parents[2]
ROSTER = ROOT / "tests" / "data" / "roster-2026-09-01.csv"
NOW = "2026-09-01T08:00+02:00"

COMMANDS = (
    "appointment",
    "appointment-move",
    "audit",
    "case",
    "cases",
    "close",
    "complete",
    "consent",
    "deliver",
    "doctor",
    "duplicates",
    "import",
    "init",
    "key",
    "migrate",
    "naloxone",
    "outcome",
    "package",
    "participation",
    "release",
    "release-date",
    "sweep",
    "tertial",
    "test",
    "token",
    "transfer",
    "transfer-answer",
    "undo",
    "unit",
    "up",
    "user",
    "waive",
)


def overlev(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def process(*words: object) -> subprocess.CompletedProcess[str]:
    """The command as people run it: `./overlev`, a process of its own."""
    return subprocess.run(
        [str(ROOT / "overlev"), *(str(word) for word in words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_help_names_every_command_with_a_line_of_its_own() -> None:
    code, out, _ = overlev("--help")

    assert code == 0
    named = {line.strip(" │").split("  ")[0] for line in out.splitlines() if line.startswith("│")}
    assert set(COMMANDS) <= named


def test_a_command_that_does_not_exist_is_told_with_the_way_to_those_that_do() -> None:
    code, _, err = overlev("no-such")
    assert (code, err) == (2, "overlev: No such command 'no-such'. See: overlev --help\n")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("audit", "key")])
def test_the_help_of_a_command_shows_an_example(name: str) -> None:
    code, out, _ = overlev(name, "--help")

    assert code == 0
    assert f"overlev {name}" in " ".join(out.split()).replace("overlev --data D", "overlev")


def test_without_a_command_the_help_is_shown() -> None:
    assert overlev() == overlev("--help")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("frobnicate",), "No such command"),
        (("complete", "101000"), "Missing argument 'TASK'"),
        (("undo", "101000", "talk_held"), "Missing option '--reason'"),
        (("cases", "--nosuch"), "No such option"),
        (
            ("cases", "--now", "2026-09-01"),
            "--now stands before the command: overlev --now … cases",
        ),
        (("--now", "yesterday", "cases"), "the time cannot be read"),
        (("user",), "Missing command"),
        (("complete", "101000", "talk_held", "--ref", "abc"), "not both"),
        (("complete", "101000", "talk_held", "--at", "noon"), "the time cannot be read"),
        (("release-date", "101000", "1.12.2026", "--kind", "confirmed"), "cannot be read"),
        (("consent", "101000", "sms", "perhaps"), "given or withdrawn"),
        (("init", "--cases", "3"), "belong to --demo"),
        (("tertial", "2026-T4", "--view", "unit"), "the period cannot be read"),
        (("import", "no-such-roster.csv"), "There is no file"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(
    shell: Shell, words: tuple[str, ...], says: str
) -> None:
    answer = shell(*words, code=2)

    assert answer.out == ""
    assert answer.err.startswith("overlev: ")
    assert answer.err.count("\n") == 1
    assert says in answer.err


def test_a_refusal_of_the_domain_is_exit_1(shell: Shell) -> None:
    answer = shell("complete", "999999", "talk_held", code=1)

    assert answer.err == "overlev: There is no such case here. Check the number.\n"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (NotAllowed("The role officer may not close a case."), 4, "may not close"),
        (Busy("Others are writing. Try again in a moment."), 1, "Try again"),
        (OverlevError("the chain\nis broken"), 70, "the chain is broken"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_every_kind_of_error_has_its_exit_code(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, says: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(views, "list_cases", fail)

    answer = shell("cases", code=code)

    assert answer.err.count("\n") == 1
    assert says in answer.err


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_of_ours_names_a_place_in_the_code_and_nothing_about_a_person(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise IntegrityError("INSERT 'Kari Nordmann'", {"name": "Kari"}, ValueError("Nordmann"))

    monkeypatch.setattr(service, "complete_task", fail)
    if debug:
        monkeypatch.setenv("OVERLEV_DEBUG", "1")
    shell("import", ROSTER, now=NOW)

    answer = shell("complete", "101000", "talk_held", now=NOW, code=70)

    assert "Nordmann" not in answer.err
    assert "Kari" not in answer.err
    assert "IntegrityError" in answer.err
    assert (answer.err.count("\n") > 1) is debug
    assert ("OVERLEV_DEBUG=1" in answer.err) is not debug


def test_the_clock_is_moved_in_demo_folders_only(tmp_path: Path) -> None:
    real = Shell(tmp_path / "real", {})
    real("init")

    answer = real("cases", now=NOW, code=2)

    assert "--now moves the clock of demo folders only" in answer.err
    assert real("cases").out == "No case fits what was asked.\n"


def test_the_demo_clock_goes_back_as_well_as_forward(shell: Shell) -> None:
    shell("import", ROSTER, now="2026-09-08T08:00+02:00")

    back = shell("complete", "101000", "talk_booked", now=NOW)
    forward = shell("complete", "101000", "talk_held", now="2026-10-01T08:00+02:00")

    assert "2026-09-01T08:00:00+02:00" in back.out
    assert "2026-10-01T08:00:00+02:00" in forward.out
    assert shell("audit", "verify").out.endswith("OK\n")


def test_the_folder_comes_from_the_option_else_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OVERLEV_DATA", str(shell.folder))
    assert overlev("cases")[:2] == (0, "No case fits what was asked.\n")

    code, _, err = overlev("--data", str(tmp_path / "other"), "cases")

    assert code == 2
    assert f"`overlev --data {tmp_path / 'other'} init`" in err


def test_the_command_as_a_process_of_its_own(shell: Shell, tmp_path: Path) -> None:
    done = process("--data", shell.folder, "--now", NOW, "import", ROSTER, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"created": 120' in done.stdout

    refused = process("--data", tmp_path / "none", "cases")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("overlev: ")
    assert refused.stderr.count("\n") == 1


def test_a_reader_who_had_enough_gets_no_complaint(shell: Shell) -> None:
    shell("import", ROSTER, now=NOW)
    command = [sys.executable, "-P", "-m", "app.cli", "--data", str(shell.folder), "cases"]

    with subprocess.Popen(
        [*command, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        reading.stdout.close()
        told = reading.stderr.read()

    assert (reading.wait(), told) == (0, b"")


def test_the_command_starts_without_what_it_does_not_need(shell: Shell) -> None:
    shell("import", ROSTER, now=NOW)
    script = (
        "import sys\n"
        "from app.cli import main\n"
        f"sys.argv = ['overlev', '--data', {str(shell.folder)!r}, 'case', '101000', '--json']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    print(*(name for name in sys.argv[0:0] or sys.modules if '.' not in name),\n"
        "          file=sys.stderr)\n"
    )

    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    loaded = set(done.stderr.split())
    assert "sqlalchemy" in loaded
    slow = {"alembic", "openpyxl", "rich", "phonenumbers", "pwdlib", "babel", "fastapi", "jinja2"}
    assert not slow & loaded


@pytest.mark.parametrize("packed", [False, True])
def test_a_checkout_says_at_which_commit_it_is(tmp_path: Path, packed: bool) -> None:
    commit = "0123456789abcdef" * 2 + "01234567"
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    if packed:
        (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{commit} refs/heads/main\n")
    else:
        (git / "refs" / "heads" / "main").write_text(f"{commit}\n")

    assert commit_of(tmp_path) == "0123456789ab"
    (git / "HEAD").write_text(f"{commit}\n")
    assert commit_of(tmp_path) == "0123456789ab", "on no branch"
    (git / "HEAD").write_text("ref: refs/heads/gone\n")
    assert commit_of(tmp_path) is None
    assert commit_of(tmp_path / "no git here") is None
