"""What npm brought lies where the web and the forms read it, and none of it in the repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from app.assets import LAID_OUT, ROOT, lay_out

FILES = [(folder, file) for folder, files in LAID_OUT.items() for file in files]


@pytest.mark.parametrize(("folder", "file"), FILES, ids=[file for _, file in FILES])
def test_every_file_lies_in_its_folder_as_npm_brought_it(folder: str, file: str) -> None:
    assert (ROOT / folder / Path(file).name).read_bytes() == (
        ROOT / "node_modules" / file
    ).read_bytes()


def test_laying_out_again_takes_away_what_is_no_longer_named(tmp_path: Path) -> None:
    for file in (name for _, name in FILES):
        (tmp_path / "node_modules" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "node_modules" / file).write_text(file)
    lay_out(tmp_path)
    for folder in LAID_OUT:
        (tmp_path / folder / "left-over.css").write_text("old")

    there = lay_out(tmp_path)

    assert {path.name for path in there} == {Path(file).name for _, file in FILES}
    assert len(there) == len(FILES)


@pytest.mark.parametrize("folder", [".", "tests/web/markup"])
def test_the_lock_names_digests_and_no_address(folder: str) -> None:
    lock = (ROOT / folder / "package-lock.json").read_text()
    packages = json.loads(lock)["packages"]

    assert all("integrity" in package for path, package in packages.items() if path)
    assert '"resolved"' not in lock


def test_nothing_that_npm_brings_is_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", *LAID_OUT, "node_modules"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert listed.stdout == ""
