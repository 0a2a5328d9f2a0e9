"""What becomes of units over time: renamed, moved, merged, closed.

Every verb changes a unit *from a day*: the version in force is ended there and a new one begins,
so that a count of an earlier day still finds the unit as it was (`unit import`, which corrects, is
another thing). A day in the past is allowed; frozen reports stay as they are.

**A merger.** From the day on the merged units exist as names for the one they became part of:
rosters and transfers that name them reach it, their departments belong to it, and their open cases
are its own from that midnight (`cases.unit_moves`). Staff, distributors and project life follow:
every account with a role in a merged unit gets the same role in the new one from that day, and
keeps the old one, by which the closed cases that stay behind can still be read; whoever joins a
merged unit later is added to the new one by hand. Tokens follow when the day has come; for one
announced ahead they are made anew. The controllers of a merged unit end: under another
municipality its health answers stay with the former health service. The stock of naloxone counts
along in the new unit. A new unit outside the project takes up the project life of those it is made
of: the earliest cohort, and naloxone if any had it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from cases import controllers, project, rules
from cases.access import Viewer
from cases.journal import AccessRow, append
from cases.model import Role
from cases.organisation import (
    KINDS,
    REGIONS,
    UnitClosed,
    UnitVersion,
    import_units,
    version_on,
    versions,
)
from cases.tables import (
    case_,
    distributor,
    membership,
    token_unit,
    transfer,
    unit_version,
)
from cases.unit_moves import follow_mergers
from core.clock import local_date
from core.errors import BadInput, Conflict, Refused

ADMINISTERING: Final = frozenset({Role.ADMIN})
LONGEST_NAME: Final = 200
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{1,39}", re.ASCII)
_ALL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merger did at once: cases that now belong to the new unit, or wait for the day."""

    into: str
    on: date
    moved: int


def open_unit(
    tx: Connection,
    viewer: Viewer,
    code: str,
    name: str,
    *,
    kind: str,
    region: str,
    municipality: str | None = None,
    parent: str | None = None,
    on: date,
    now: datetime,
) -> UnitVersion:
    """Take a new unit up, which stands from a day on. Its code is its own for ever."""
    _check(viewer, on)
    written = " ".join(name.split())
    if not _CODE.fullmatch(code):
        raise BadInput(
            "bad_code", "A code is 2 to 40 letters a-z, digits and '-', a letter first.", "code"
        )
    if not written or len(written) > LONGEST_NAME:
        raise BadInput("bad_name", f"A name has 1 to {LONGEST_NAME} characters.", "name")
    for field, value, known in (("kind", kind, KINDS), ("region", region, REGIONS)):
        if value not in known:
            raise BadInput("unknown_code", f"{field} must be one of {', '.join(known)}", field)
    if versions(tx, code):
        raise Conflict(f"There is a unit {code} already.")
    if parent is not None:
        _standing(tx, parent, on)
    row = {"code": code, "name": written, "kind": kind, "region": region}
    import_units(
        tx, [{**row, "host_municipality": municipality or "", "parent": parent or ""}], now=now
    )
    made = versions(tx, code)[-1]
    _set(tx, made.id, {"valid_from": on})
    _log(tx, viewer, code, "unit_opened", now)
    return _standing(tx, code, on)


def rename(
    tx: Connection, viewer: Viewer, code: str, name: str, *, on: date, now: datetime
) -> UnitVersion:
    """Call a unit something else from a day. The former name still finds it."""
    written = " ".join(name.split())
    if not written or len(written) > LONGEST_NAME:
        raise BadInput("bad_name", f"A name has 1 to {LONGEST_NAME} characters.", "name")
    _check(viewer, on)
    changed = _change(tx, code, {"name": written}, on)
    _log(tx, viewer, code, "unit_renamed", now)
    return changed


def move_region(
    tx: Connection, viewer: Viewer, code: str, region: str, *, on: date, now: datetime
) -> UnitVersion:
    """Put a unit in another region from a day; counts by region change on that day."""
    _check(viewer, on)
    if region not in REGIONS:
        raise BadInput("unknown_code", f"region must be one of {', '.join(REGIONS)}", "region")
    changed = _change(tx, code, {"region": region}, on)
    _log(tx, viewer, code, "unit_region_changed", now)
    return changed


def move_parent(
    tx: Connection, viewer: Viewer, code: str, parent: str | None, *, on: date, now: datetime
) -> UnitVersion:
    """Make a unit part of another one, or of none, from a day."""
    _check(viewer, on)
    above, met = parent, {code}
    while above is not None:
        if above in met:
            raise Refused(f"{code} cannot be part of {parent}, which is part of it.")
        met.add(above)
        above = _standing(tx, above, on).parent
    changed = _change(tx, code, {"parent": parent}, on)
    _log(tx, viewer, code, "unit_parent_changed", now)
    return changed


def move_municipality(
    tx: Connection,
    viewer: Viewer,
    code: str,
    municipality: str | None,
    *,
    on: date,
    now: datetime,
) -> UnitVersion:
    """Put a unit under another municipality from a day, and so under another health service.

    Health answers that were given before stay with the former health service.
    """
    _check(viewer, on)
    changed = _change(tx, code, {"municipality": municipality}, on)
    service = controllers.health_service_of(municipality, changed.name)
    controllers.bind(tx, code, controllers.HEALTH, service, on=on)
    _log(tx, viewer, code, "unit_municipality_changed", now)
    return changed


def close_unit(tx: Connection, viewer: Viewer, code: str, *, on: date, now: datetime) -> None:
    """Close a unit; `on` is the first day without it. Nobody can be transferred to it any more.

    A case is never without an owner, so a unit that closes today or has closed owns no open one.
    """
    _check(viewer, on)
    version = _last(tx, code, on)
    parts = [each for each in _children(tx, code, on) if each.unit != code]
    if parts:
        names = ", ".join(sorted(each.unit for each in parts))
        raise Refused(f"{code} still has the departments {names}: move or close them first.")
    if on <= local_date(now):
        _check_empty(tx, code)
    _end(tx, version, on, merged_into=None)
    _log(tx, viewer, code, "unit_closed", now)


def merge(
    tx: Connection,
    viewer: Viewer,
    codes: Iterable[str],
    into: str,
    *,
    on: date,
    now: datetime,
) -> Merged:
    """Make units part of another one from a day: `on` is the first day in the new unit.

    For a day that has come the open cases move in this transaction, at that day's midnight; for
    one ahead the sweep moves them. Raises `UnitClosed`, `Refused`, `BadInput`, `NotAllowed`.
    """
    _check(viewer, on)
    merging = sorted(set(codes))
    if not merging:
        raise BadInput("unit_missing", "Name the units that are merged.", "codes")
    if into in merging:
        raise Refused(f"{into} cannot be merged into itself.")
    target = _standing(tx, into, on)
    ending = [_last(tx, code, on) for code in merging]
    for version in ending:
        _end(tx, version, on, merged_into=into)
        for child in _children(tx, version.unit, on):
            if child.unit in merging:
                continue
            # A department that takes over its own prison has nothing above it but what that had.
            above = into if child.unit != into else _above(tx, version, merging, on)
            _change(tx, child.unit, {"parent": above}, on)
    _staff_follow(tx, merging, into, on)
    _distributors_follow(tx, merging, into, on, now)
    project.follow_merger(tx, viewer, merging, into, on=on, now=now)
    came = 0
    if on <= local_date(now):
        _tokens_follow(tx, merging, into)
        came = follow_mergers(tx, now=now, viewer=viewer, most=_ALL).cases
    for code in (*merging, target.unit):
        _log(tx, viewer, code, "unit_merged", now)
    return Merged(into, on, came)


# --- versions ------------------------------------------------------------------------------------


def _check(viewer: Viewer, on: date) -> None:
    rules.check_role(viewer, ADMINISTERING, "change units")
    rules.check_reachable(on, "on")


def _standing(tx: Connection, code: str, on: date) -> UnitVersion:
    found = version_on(tx, code, on)
    if found is None:
        if not versions(tx, code):
            raise BadInput("unknown_unit", f"There is no unit {code!r}.", "unit")
        raise UnitClosed(f"The unit {code} does not stand on {on}: see `overlev unit list`.")
    return found


def _last(tx: Connection, code: str, on: date) -> UnitVersion:
    """The version in force on a day on which the unit may end or be joined."""
    found = _standing(tx, code, on)
    later = [each for each in versions(tx, code) if each.valid_from and each.valid_from > on]
    if later or found.valid_to is not None:
        when = later[0].valid_from if later else found.valid_to
        raise Refused(f"{code} is to change on {when}, after {on}: that stands in the way.")
    return found


def _change(tx: Connection, code: str, changes: Mapping[str, Any], on: date) -> UnitVersion:
    """A new version from a day; what later versions say the same as before changes along."""
    before = _standing(tx, code, on)
    if all(getattr(before, name) == value for name, value in changes.items()):
        raise Refused(f"{code} is so already on {on}.")
    following = [each for each in versions(tx, code) if each.valid_from and each.valid_from > on]
    if before.valid_from == on:
        _set(tx, before.id, changes)
    else:
        tx.execute(
            update(unit_version)
            .where(unit_version.c.id == before.id)
            .values(valid_to=on, merged_into=None)
        )
        kept = {
            name: getattr(before, name)
            for name in UnitVersion.__dataclass_fields__
            if name not in ("id", "valid_from")
        }
        tx.execute(insert(unit_version), {**kept, "valid_from": on, **changes})
    for name, value in changes.items():
        for each in following:
            if getattr(each, name) != getattr(before, name):
                break
            _set(tx, each.id, {name: value})
    return _standing(tx, code, on)


def _set(tx: Connection, version_id: int, values: Mapping[str, Any]) -> None:
    tx.execute(update(unit_version).where(unit_version.c.id == version_id).values(**values))


def _end(tx: Connection, version: UnitVersion, on: date, *, merged_into: str | None) -> None:
    if version.valid_from == on:
        raise Refused(
            f"{version.unit} changes on {on} already: it can end on a later day, not on the same."
        )
    _set(tx, version.id, {"valid_to": on, "merged_into": merged_into})
    for kind in (controllers.HEALTH, controllers.CORRECTIONAL):
        controllers.end(tx, version.unit, kind, on=on)


def _children(tx: Connection, code: str, on: date) -> list[UnitVersion]:
    codes = tx.execute(
        select(unit_version.c.unit).where(unit_version.c.parent == code).distinct()
    ).scalars()
    found = [version_on(tx, child, on) for child in sorted(codes)]
    return [each for each in found if each is not None and each.parent == code]


def _above(tx: Connection, version: UnitVersion, merging: list[str], on: date) -> str | None:
    above, met = version.parent, set(merging)
    while above is not None and above in met:
        met.discard(above)
        found = versions(tx, above)
        above = found[-1].parent if found else None
    return above if above is None or version_on(tx, above, on) is not None else None


def _check_empty(tx: Connection, code: str) -> None:
    held = tx.execute(
        select(func.count())
        .select_from(case_)
        .where(case_.c.unit == code, case_.c.phase != "closed")
    ).scalar_one()
    coming = tx.execute(
        select(func.count())
        .select_from(transfer)
        .where(transfer.c.to_unit == code, transfer.c.state == "proposed")
    ).scalar_one()
    if held or coming:
        raise Refused(
            f"{code} has {held} open cases and {coming} transfers waiting for its answer: move "
            "them first, or merge the unit into another."
        )


# --- who and what follows a merger ---------------------------------------------------------------


def _staff_follow(tx: Connection, merging: list[str], into: str, on: date) -> None:
    there = {
        (row.account_id, row.role)
        for row in tx.execute(
            select(membership.c.account_id, membership.c.role).where(
                membership.c.unit == into, membership.c.valid_to.is_(None)
            )
        )
    }
    rows = tx.execute(
        select(membership)
        .where(
            membership.c.unit.in_(merging),
            or_(membership.c.valid_to.is_(None), membership.c.valid_to > on),
        )
        .order_by(membership.c.id)
    ).all()
    for row in rows:
        if (row.account_id, row.role) in there:
            continue
        there.add((row.account_id, row.role))
        tx.execute(
            insert(membership),
            {
                "account_id": row.account_id,
                "role": row.role,
                "unit": into,
                "valid_from": max(on, row.valid_from or on),
                "valid_to": row.valid_to,
            },
        )


def _distributors_follow(
    tx: Connection, merging: list[str], into: str, on: date, now: datetime
) -> None:
    in_force = and_(
        distributor.c.certified_from <= on,
        or_(distributor.c.certified_to.is_(None), distributor.c.certified_to > on),
    )
    there = set(
        tx.execute(
            select(distributor.c.account_id).where(distributor.c.unit == into, in_force)
        ).scalars()
    )
    rows = tx.execute(
        select(distributor.c.account_id, distributor.c.certified_to)
        .where(distributor.c.unit.in_(merging), in_force)
        .order_by(distributor.c.id)
    ).all()
    for row in rows:
        if row.account_id not in there:
            there.add(row.account_id)
            tx.execute(
                insert(distributor),
                {
                    "account_id": row.account_id,
                    "unit": into,
                    "certified_from": on,
                    "certified_to": row.certified_to,
                    "recorded_at": now,
                    "end_recorded_at": now if row.certified_to is not None else None,
                },
            )


def _tokens_follow(tx: Connection, merging: list[str], into: str) -> None:
    there = set(
        tx.execute(select(token_unit.c.token_id).where(token_unit.c.unit == into)).scalars()
    )
    theirs = set(
        tx.execute(select(token_unit.c.token_id).where(token_unit.c.unit.in_(merging))).scalars()
    )
    if new := sorted(theirs - there):
        tx.execute(insert(token_unit), [{"token_id": each, "unit": into} for each in new])


def _log(tx: Connection, viewer: Viewer, unit: str, verb: str, now: datetime) -> None:
    append(tx, [AccessRow(unit, now, viewer.account, viewer.role.value, verb)], now=now)
