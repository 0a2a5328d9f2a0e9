"""`overlev key rotate`: new keys of the installation, and everybody's key wrapped under the new.

The old ones stay in the ring for what they made: backups and log rows. Who knows only those opens
no copy of the data that is made from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.commands.staff import audited
from app.restore_checks import refuse_connected
from app.up import only_one
from cases.installation import Installation, open_installation, secret_key_of
from cases.signing_in import seal_second_factors_anew
from core.alone import alone
from core.crypto import KeyRing
from core.errors import UnsafeSettings
from core.folder import refuse_root_elsewhere
from core.settings import Settings

ROTATED: Final = "keys_rotated"


@dataclass(frozen=True, slots=True)
class Rotated:
    """The id of the master key that wraps everybody's key now, and of how many it does anew."""

    master: str
    persons: int


def rotate(settings: Settings) -> Rotated:
    """Rotate. Raises `UnsafeSettings` where something runs, or where there is no new secret yet."""
    if secret_key_of(settings) is not None:
        return _rewrap_under_the_newest_secret(settings)
    refuse_root_elsewhere(settings.data)  # the locks alone would shut its owner out
    with only_one(settings.data), alone(settings.data):
        # Whoever runs holds the old keys in memory, and could open nobody any more.
        refuse_connected(settings)
        with open_installation(settings) as house:
            ring = house.ring.with_new_master().with_new_mac()
            _note(house)
            # Before anything is wrapped under them; cut short, it is simply done again.
            house.folder.keep_ring(ring)
            return _all_anew(house, ring)


def _rewrap_under_the_newest_secret(settings: Settings) -> Rotated:
    """Here the secrets are given from outside: who runs by now knows the new one and the old."""
    with open_installation(settings) as house:
        if len(house.ring.masters) == 1:
            raise UnsafeSettings(
                "the keys come from OVERLEV_SECRET_KEY: put a new secret before the present one,"
                " divided by a comma, on every machine, start all parts anew, and then do this"
            )
        _note(house)
        return _all_anew(house, house.ring)


def _all_anew(house: Installation, ring: KeyRing) -> Rotated:
    house.keys.use_ring(ring)
    persons = house.keys.rewrap_all()
    house.db.transact(lambda tx: seal_second_factors_anew(tx, ring))
    return Rotated(ring.master.id, persons)


def _note(house: Installation) -> None:
    house.db.transact(lambda tx: audited(tx, house, ROTATED, now=house.now()))
