"""One line of `overlev doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is sound, and what was seen or is to be done."""

    what: str
    ok: bool
    says: str
