"""How each unit of a demo works: well or badly, in groups or not, with naloxone or without. PURE.

The measures were carried out very differently from unit to unit, and some lacked the structure to
carry them out at all (DOMAIN source 4); a demo in which everything is done would hide what the
boards are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from cases.model import Unit

SIZES: Final = {
    "oslo": 9.0, "bergen": 7.0, "ullersmo": 7.0, "halden": 6.0, "trondheim": 5.0, "ila": 4.0,
    "ringerike": 4.0, "bredtveit": 3.5, "stavanger": 3.5, "skien": 3.0, "kongsvinger": 3.0,
    "arendal": 3.0, "eidsberg": 2.5, "trogstad": 2.0, "bastoy": 2.0, "tromso": 2.0, "bodo": 2.0,
    "kristiansand": 2.0, "verdal": 1.5, "bjorgvin": 1.5,
}  # fmt: skip
"""How many people the larger units admit, in proportion; the others by their kind."""

SHOWN: Final = 5
"""Units in which stories are told."""

FRONT: Final = "bergen"
"""The unit whose accounts are named to whoever tries a demo: there must be a day's work in it."""

_FRONT_DILIGENCE: Final = 0.7

_SIZE_OF_KIND: Final = {"prison": 1.2, "department": 0.8, "halfway_house": 0.3}
_SMALLEST: Final = 0.1
_ENOUGH: Final = 1000
"""Cases of a whole demo from which on chance alone fills its units."""

_DILIGENCE: Final = (
    *(0.42, 0.5, 0.58, 0.66, 0.72, 0.76, 0.8, 0.83, 0.85, 0.87),
    *(0.88 + 0.004 * step for step in range(24)),
)
"""The share of tasks done in time, from the worst unit to the best."""


@dataclass(frozen=True, slots=True)
class Habits:
    """One unit. `diligence` and the other shares lie between 0 and 1.

    `groups`: talks and information are also held in groups. `naloxone`: kits are kept and handed
    out; `certified`: by somebody with a certificate. `kits` is how much of what is needed is
    delivered (below 1 the shelf runs out), `stale`: a lot is used beyond its day.
    """

    unit: str
    size: float
    diligence: float
    typed_late: float
    groups: bool
    naloxone: bool
    certified: bool
    kits: float
    stale: bool


def habits_of(units: Sequence[Unit], seed: int) -> dict[str, Habits]:
    """The habits of every unit, the same for the same seed.

    `FRONT` works neither well nor badly, in groups and with naloxone, so that all is to be seen.
    """
    chance = Random(f"{seed}/habits")
    codes = sorted(unit.code for unit in units)
    kinds = {unit.code: unit.kind for unit in units}
    ranks = list(range(len(codes)))
    chance.shuffle(ranks)
    found: dict[str, Habits] = {}
    for code, rank in zip(codes, ranks, strict=True):
        place = rank / max(len(codes) - 1, 1)
        diligence = _DILIGENCE[round(place * (len(_DILIGENCE) - 1))]
        # A few things go wrong in fixed places of the ranking, so that every demo has them.
        found[code] = Habits(
            unit=code,
            size=SIZES.get(code, _SIZE_OF_KIND.get(kinds[code], _SMALLEST)),
            diligence=diligence,
            typed_late=0.02 + 0.15 * (1 - place),
            groups=chance.random() < 0.6,
            naloxone=place > 0.1 and chance.random() < 0.85,
            certified=rank % 7 != 3,
            kits=0.4 if rank % 9 == 4 else 1.6,
            stale=rank % 11 == 5,
        )
    if FRONT in found:
        found[FRONT] = replace(
            found[FRONT],
            diligence=_FRONT_DILIGENCE,
            groups=True,
            naloxone=True,
            certified=True,
            kits=1.6,
            stale=False,
        )
    return found


def sizes_in(habits: Mapping[str, Habits], cases: int) -> dict[str, float]:
    """How many people each unit admits, in proportion; `FRONT` more, the smaller a demo is.

    Three hundred people in 34 units leave nobody with a day's work.
    """
    sizes = {code: each.size for code, each in habits.items()}
    if FRONT in sizes:
        sizes[FRONT] *= 1 + _ENOUGH / max(cases, 1)
    return sizes


def shown_in(habits: Mapping[str, Habits]) -> list[str]:
    """The units in which stories are told: few, so that a small demo has company in each.

    `FRONT`, then the largest of those that keep naloxone and do it well; those that work in groups
    first.
    """
    fit = sorted(
        (each for each in habits.values() if each.naloxone and each.certified and each.kits > 1),
        key=lambda each: (each.unit != FRONT, not each.groups, each.stale, -each.size, each.unit),
    )
    return [each.unit for each in fit[:SHOWN]]
