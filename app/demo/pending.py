"""A mark in a demo's folder: its cases are still to be made."""

from __future__ import annotations

from pathlib import Path
from typing import Final

MARK: Final = "demo-cases-to-come"


def to_come(folder: Path) -> bool:
    """Whether the cases of this demo are still to be made."""
    return (folder / MARK).is_file()


def put_mark(folder: Path) -> None:
    """Say so."""
    (folder / MARK).touch(mode=0o600)


def take_mark(folder: Path) -> None:
    """They are made."""
    (folder / MARK).unlink(missing_ok=True)
