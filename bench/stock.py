"""Databases with people in them, played by the verbs once a run and copied for every benchmark."""

from __future__ import annotations

import random
from typing import Final

from bench.places import Place, Places
from bench.population import open_stays, past_stays, play

OPEN: Final = 300
PAST: Final = 500
"""Imprisonments that are played; `multiply` makes many of them."""


class Stock:
    """Hands out copies; `few` plays a third as many imprisonments."""

    def __init__(self, places: Places, *, few: bool) -> None:
        self._places = places
        self._share = 3 if few else 1
        self._played: dict[str, Place] = {}

    def open(self, engine: str) -> Place:
        """Imprisonments that are going on now, one in ten of them in its follow-up."""
        return self._copy(f"open {engine}", engine, 1, None)

    def past(self, engine: str, *, years: int) -> Place:
        """Imprisonments that began in the last years, most of them over."""
        return self._copy(f"past {years} {engine}", engine, 4, years)

    def _copy(self, name: str, engine: str, seed: int, years: int | None) -> Place:
        if name not in self._played:
            place, chance = self._places.new(engine), random.Random(seed)
            stays = (
                open_stays(OPEN // self._share, chance)
                if years is None
                else past_stays(PAST // self._share, chance, years=years)
            )
            play(place, stays, chance)
            place.close()
            self._played[name] = place
        return self._places.copy(self._places.reopened(self._played[name]))
