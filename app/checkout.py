"""Which commit a checkout is at, read from git's own files: no program is started for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SHOWN: Final = 12
"""Digits of a commit that tell it from any other."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def commit_of(root: Path) -> str | None:
    """The first digits of the commit at `root`, None where git left nothing that tells it."""
    git = root / ".git"
    try:
        head = (git / "HEAD").read_text("ascii").strip()
        if head.startswith("ref: "):
            head = _of_ref(git, head.removeprefix("ref: "))
    except (OSError, UnicodeDecodeError):
        return None
    return head[:SHOWN] if _COMMIT.fullmatch(head) else None


def _of_ref(git: Path, ref: str) -> str:
    try:
        return (git / ref).read_text("ascii").strip()
    except FileNotFoundError:
        lines = (git / "packed-refs").read_text("ascii").splitlines()
        return next((line.split()[0] for line in lines if line.endswith(f" {ref}")), "")
