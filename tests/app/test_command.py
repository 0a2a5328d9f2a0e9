"""The shell script `overlev`, with a stand-in for Python: nothing is installed here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-uv.lock")
ASSETS = "package-lock.json"
MARKUP = "tests/web/markup/package-lock.json"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a finished environment whose Python only says where it is and what it got."""
    checkout = tmp_path / "check out"
    programs = checkout / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("overlev", *LOCKS):
        shutil.copy(ROOT / name, checkout / name)
    python = programs / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$PWD" "$@"\nexit 7\n')
    python.chmod(0o755)
    shutil.copy(ROOT / LOCKS[0], checkout / ".venv" / "overlev-installed.lock")
    shutil.copy(ROOT / LOCKS[1], checkout / ".venv" / "overlev-installed-test.lock")
    shutil.copy(ROOT / ASSETS, checkout / ASSETS)
    shutil.copy(ROOT / ASSETS, checkout / ".venv" / "overlev-installed-assets.lock")
    (checkout / MARKUP).parent.mkdir(parents=True)
    shutil.copy(ROOT / MARKUP, checkout / MARKUP)
    shutil.copy(ROOT / MARKUP, checkout / ".venv" / "overlev-installed-markup.lock")
    (checkout / ".venv" / "overlev-made").write_text(f"{checkout.resolve()}\n")
    return checkout


def _run(
    command: Path, *arguments: str, cwd: Path, tools: Path
) -> subprocess.CompletedProcess[str]:
    """Run the script where no Python can be found, so that nothing it tries can install."""
    tools.mkdir(exist_ok=True)
    for tool in ("cat", "cmp", "cp", "dirname", "mv", "readlink", "rm"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).unlink(missing_ok=True)
        (tools / tool).symlink_to(found)
    shell = shutil.which("sh")
    assert shell is not None
    return subprocess.run(
        [shell, str(command), *arguments],
        cwd=cwd,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_the_command_keeps_the_callers_folder_arguments_and_exit_code(
    checkout: Path, tmp_path: Path
) -> None:
    done = _run(checkout / "overlev", "import", "a b.csv", "", cwd=tmp_path, tools=tmp_path / "t")

    assert done.stdout.splitlines() == [
        str(tmp_path), "-P", "-m", "app.cli", "import", "a b.csv", "",
    ]  # fmt: skip
    assert done.returncode == 7


def test_the_command_finds_its_checkout_through_a_symlink_to_a_symlink(
    checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "first").symlink_to("../check out/overlev")
    (tmp_path / "second").symlink_to(tmp_path / "bin" / "first")

    done = _run(Path("second"), "cases", cwd=tmp_path, tools=tmp_path / "t")

    assert done.stdout.splitlines()[-1] == "cases", done.stderr
    assert checkout.exists()


def test_what_stands_after_the_dashes_goes_to_pytest(checkout: Path, tmp_path: Path) -> None:
    done = _run(
        checkout / "overlev", "test", "--", "-k", "a or b", cwd=tmp_path, tools=tmp_path / "t"
    )

    assert done.stdout.splitlines() == [str(checkout), "-P", "-m", "pytest", "-k", "a or b"]
    assert done.returncode == 7


def test_an_argument_of_test_without_the_dashes_is_refused_with_the_right_form(
    checkout: Path, tmp_path: Path
) -> None:
    done = _run(checkout / "overlev", "test", "tests/core", cwd=tmp_path, tools=tmp_path / "t")

    assert done.returncode == 2
    assert "./overlev test -- tests/core" in done.stderr


@pytest.mark.parametrize(
    "unfinished",
    [
        ".venv/overlev-installed.lock",
        ".venv/overlev-installed-assets.lock",
        ".venv/overlev-made",
        ".venv/bin/python",
    ],
)
def test_a_half_made_environment_is_not_used(
    checkout: Path, tmp_path: Path, unfinished: str
) -> None:
    (checkout / unfinished).unlink()

    done = _run(checkout / "overlev", "cases", cwd=tmp_path, tools=tmp_path / "t")

    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.startswith("overlev: needs Python 3.11 or newer")
    assert len(done.stderr.splitlines()) == 1


def test_an_environment_that_was_copied_with_its_checkout_is_not_used(
    checkout: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "copy"
    shutil.copytree(checkout, copied)

    assert _run(copied / "overlev", cwd=tmp_path, tools=tmp_path / "t").returncode == 70


def test_a_changed_lock_is_installed_before_anything_runs(checkout: Path, tmp_path: Path) -> None:
    (checkout / "requirements.lock").write_text("# another\n")

    assert _run(checkout / "overlev", cwd=tmp_path, tools=tmp_path / "t").returncode == 70


def test_a_changed_lock_of_the_tests_concerns_only_the_tests(
    checkout: Path, tmp_path: Path
) -> None:
    (checkout / "requirements-test.lock").write_text("# another\n")

    assert _run(checkout / "overlev", cwd=tmp_path, tools=tmp_path / "t").returncode == 7
    assert _run(checkout / "overlev", "test", cwd=tmp_path, tools=tmp_path / "t").returncode == 70


VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(("seconds", "taken"), [("0.0000001", True), ("9", False)])
def test_of_the_pythons_at_hand_the_one_that_is_clearly_quicker_makes_the_environment(
    tmp_path: Path, seconds: str, taken: bool
) -> None:
    another = tmp_path / VERSION
    another.write_text(f"#!/bin/sh\nprintf '%s %s\\n' {seconds} '{another}'\n")
    another.chmod(0o755)
    said = _quickest(tmp_path, f"{tmp_path}:/usr/bin:/bin")

    assert (said == str(another)) is taken
    assert Path(said).exists()


@pytest.mark.parametrize(("pip", "taken"), [("24.1b1", True), ("22.0.2", False)])
def test_a_quicker_python_whose_pip_fills_no_other_environment_is_passed_over(
    tmp_path: Path, pip: str, taken: bool
) -> None:
    another = tmp_path / VERSION
    (tmp_path / "as_if.py").write_text(
        "import sys, time, types\n"
        "from importlib.machinery import ModuleSpec\n"
        "time.perf_counter = lambda: 0.0\n"
        f"sys.executable, pip = {str(another)!r}, types.ModuleType('pip')\n"
        f"pip.__version__, pip.__spec__ = {pip!r}, ModuleSpec('pip', None)\n"
        "sys.modules['pip'] = pip\n"
        "exec(sys.argv[1])\n"
    )
    another.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path}/as_if.py "$3"\n')
    another.chmod(0o755)

    assert (_quickest(tmp_path, f"{tmp_path}:/usr/bin:/bin") == str(another)) is taken


def test_what_lies_where_somebody_stands_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "subprocess.py").write_text("open('ran', 'w')\n")
    here = tmp_path / VERSION
    here.write_text(f"#!/bin/sh\ntouch ran\nprintf '0.0000001 {here}'\n")
    here.chmod(0o755)

    assert _quickest(tmp_path, ":/usr/bin:/bin:") != str(here)
    assert not (tmp_path / "ran").exists()

    (tmp_path / "subprocess.py").unlink()
    assert _quickest(tmp_path, ":/usr/bin:/bin:") != str(here)
    assert not (tmp_path / "ran").exists()


def _quickest(stands_in: Path, path: str) -> str:
    """What `quickest` takes in place of the Python of these tests."""
    script = (ROOT / "overlev").read_text()
    function = re.search(r"^quickest\(\) \{.*?^\}$", script, re.DOTALL | re.MULTILINE)
    assert function is not None
    asks = f'{function[0]}\npython=$1; quickest; printf "%s" "$python"'
    said = subprocess.run(
        ["sh", "-c", asks, "sh", sys.executable],
        env={"PATH": path},
        cwd=stands_in,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return said.stdout
