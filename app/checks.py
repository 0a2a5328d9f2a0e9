"""One line of `overlev doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is sound, and what was seen or is to be done.

    `records`: it is about what is kept, not about whether something runs now.
    """

    what: str
    ok: bool
    says: str
    records: bool = True
