"""The two controllers that meet in each unit, bound to it from a day to a day.

The host municipality's health service and the correctional service each answer for their own part
of the data. When a unit comes under another municipality, its health service is another one from
that day: answers kept by the former stay with the former.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from cases.tables import consent, controller, health_answer, stay, unit_controller
from core.errors import Refused
from core.statement import Prepared

HEALTH: Final = "health"
CORRECTIONAL: Final = "correctional"
CORRECTIONAL_SERVICE: Final = "Kriminalomsorgen"

_ON: Final = bindparam("on", type_=Date)
_HEALTH_OF: Final = Prepared(
    select(unit_controller.c.controller_id).where(
        unit_controller.c.kind == HEALTH,
        unit_controller.c.unit == bindparam("unit"),
        or_(unit_controller.c.valid_from.is_(None), unit_controller.c.valid_from <= _ON),
        or_(unit_controller.c.valid_to.is_(None), unit_controller.c.valid_to > _ON),
    )
)


def health_service_of(municipality: str | None, unit_name: str) -> str:
    """What the health service of a unit is called; of an unknown municipality, by the unit."""
    if municipality:
        return f"{municipality} kommune, helsetjenesten"
    return f"Helsetjenesten ved {unit_name}"


def controller_id(tx: Connection, kind: str, name: str) -> int:
    """The id of a controller, made if it is new."""
    found: int | None = tx.execute(
        select(controller.c.id).where(controller.c.kind == kind, controller.c.name == name)
    ).scalar_one_or_none()
    if found is None:
        made: int = tx.execute(
            insert(controller).values(kind=kind, name=name).returning(controller.c.id)
        ).scalar_one()
        return made
    return found


def health_controllers(tx: Connection, codes: Iterable[str], on: date) -> frozenset[int]:
    """The health controllers of units on a day: what a nurse of these units belongs to."""
    return frozenset(
        row[0] for code in codes for row in _HEALTH_OF.rows(tx, {"unit": code, "on": on})
    )


def names(tx: Connection, ids: Iterable[int]) -> dict[int, str]:
    """What controllers are called, by id."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = tx.execute(select(controller.c.id, controller.c.name).where(controller.c.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def correct(tx: Connection, unit: str, kind: str, name: str, *, on: date) -> bool:
    """Make this the controller of a unit as if it had always been; whether anything changed.

    Raises `Refused` where the present one holds answers or consents that nobody could read then.
    """
    wanted = controller_id(tx, kind, name)
    bound = _bound(tx, unit, kind, on)
    if bound is None:
        tx.execute(insert(unit_controller), _row(unit, kind, wanted))
        return True
    if bound.controller_id == wanted:
        return False
    _check_left(tx, unit, bound)
    tx.execute(
        update(unit_controller).where(unit_controller.c.id == bound.id).values(controller_id=wanted)
    )
    return True


def bind(tx: Connection, unit: str, kind: str, name: str, *, on: date) -> None:
    """Make this the controller of a unit from a day; the former one's time ends that day.

    Raises `Refused` where a change of that very day is corrected and the one named first holds
    answers or consents that nobody could read then.
    """
    wanted = controller_id(tx, kind, name)
    bound = _bound(tx, unit, kind, on)
    if bound is None:
        tx.execute(insert(unit_controller), _row(unit, kind, wanted) | {"valid_from": on})
    elif bound.controller_id != wanted:
        if bound.valid_from == on:
            _check_left(tx, unit, bound)
            tx.execute(
                update(unit_controller)
                .where(unit_controller.c.id == bound.id)
                .values(controller_id=wanted)
            )
            return
        end(tx, unit, kind, on=on)
        tx.execute(
            insert(unit_controller),
            _row(unit, kind, wanted) | {"valid_from": on, "valid_to": bound.valid_to},
        )


def end(tx: Connection, unit: str, kind: str, *, on: date) -> None:
    """End what binds a unit to its controller on a day."""
    tx.execute(
        update(unit_controller)
        .where(
            unit_controller.c.unit == unit,
            unit_controller.c.kind == kind,
            or_(unit_controller.c.valid_to.is_(None), unit_controller.c.valid_to > on),
        )
        .values(valid_to=on)
    )


def _check_left(tx: Connection, unit: str, bound: Any) -> None:
    """Nothing may be left with a service that never was the unit's: nobody would belong to it."""
    here = select(stay.c.case_id).where(stay.c.unit == unit)
    held = (
        select(kept.c.case_id)
        .where(kept.c.controller_id == bound.controller_id, kept.c.case_id.in_(here))
        .limit(1)
        for kept in (health_answer, consent)
    )
    also_bound = select(unit_controller.c.id).where(
        unit_controller.c.unit == unit,
        unit_controller.c.controller_id == bound.controller_id,
        unit_controller.c.id != bound.id,
    )
    if any(tx.execute(one).first() for one in held) and tx.execute(also_bound).first() is None:
        (name,) = names(tx, [bound.controller_id]).values()
        raise Refused(
            f"{name} already holds answers or consents of {unit}: "
            "move it under the other municipality from a day instead"
        )


def _bound(tx: Connection, unit: str, kind: str, on: date) -> Any:
    return tx.execute(
        select(
            unit_controller.c.id,
            unit_controller.c.controller_id,
            unit_controller.c.valid_from,
            unit_controller.c.valid_to,
        ).where(unit_controller.c.unit == unit, unit_controller.c.kind == kind, _in_force(on))
    ).one_or_none()


def _row(unit: str, kind: str, controller: int) -> dict[str, Any]:
    return {
        "unit": unit,
        "kind": kind,
        "controller_id": controller,
        "valid_from": None,
        "valid_to": None,
    }


def _in_force(on: date) -> ColumnElement[bool]:
    return and_(
        or_(unit_controller.c.valid_from.is_(None), unit_controller.c.valid_from <= on),
        or_(unit_controller.c.valid_to.is_(None), unit_controller.c.valid_to > on),
    )
