"""Who is missing from a roster: in prison in a unit that the file names, but not in the file.

Listed for a person to look into, never closed by itself.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from sqlalchemy import Connection, select

from cases import people
from cases.access import Viewer
from cases.inmate_no import normal_inmate_no
from cases.model import Phase
from cases.queries import visible_binds, visible_cases
from cases.tables import case_, person


def missing_from_roster(
    tx: Connection,
    viewer: Viewer,
    *,
    units: AbstractSet[str],
    cases_seen: AbstractSet[int],
    numbers_seen: AbstractSet[str],
) -> list[str]:
    """Inmate numbers, in order, of in-prison cases of `units` that the file did not name.

    `cases_seen` are the internal ids of the cases that the rows led to, `numbers_seen` the numbers
    of rows that were rejected: somebody who stands there wrongly is not missing.
    """
    if not units:
        return []
    query = (
        select(case_.c.id, person.c.ref, person.c.identity_enc)
        .join(person, person.c.id == case_.c.person_id)
        .where(
            visible_cases(viewer),
            case_.c.phase == Phase.IN_PRISON.value,
            case_.c.unit.in_(sorted(units)),
        )
    )
    absent = [
        (row.ref, row.identity_enc)
        for row in tx.execute(query, visible_binds(viewer))
        if row.id not in cases_seen
    ]
    identities = people.opened(tx, dict(absent))
    numbers = (identity.inmate_no for identity in identities.values())
    return sorted(n for n in numbers if normal_inmate_no(n) not in numbers_seen)
