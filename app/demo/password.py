"""The one password of a demo's invented staff, told at every start: else one would need a new demo.

It lies in the demo's folder, which its owner alone may read. Whoever changed theirs knows it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from app.demo.habits import FRONT
from app.output import say

FILE: Final = "demo-password"


def keep(folder: Path, password: str) -> None:
    """Put the password in the demo's folder, in place of one that lay there."""
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{password}\n")


def kept(folder: Path) -> str | None:
    """The password of the demo in a folder; None of one that was made without keeping it."""
    try:
        return (folder / FILE).read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def say_who_may_sign_in(password: str, accounts: str = "All accounts have") -> None:
    """Who there is to be, and with which password."""
    say(f"{accounts} the password {password}")
    say("  health.UNIT, health-lead.UNIT, officer.UNIT, coordinator.UNIT, unit-lead.UNIT")
    say(f"  for each unit (`overlev unit list`), like health.{FRONT}; and directorate, admin")
