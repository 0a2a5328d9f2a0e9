"""Units and their life: new, renamed, moved, merged, closed; their project, staff and number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import contacts, distributors, organisation, project, units
from cases.organisation import KINDS, REGIONS, UnitVersion
from cases.project import FOLLOWS, Stage
from cases.registry import package_in_force
from cases.units import ADMINISTERING
from core.clock import local_date
from core.errors import BadInput, NotFound
from web.pages.admin_receipts import said_of, unit_saved
from web.pages.forms import Errors, chosen, day_in, tried
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address, whole
from web.pages.words import WORDS
from web.policy import allow

router: Final = Pages()


@router.get("/admin/units")
@allow(ADMINISTERING)
def units_page(visit: Visited) -> Response:
    """Every unit as it is today."""
    on = local_date(visit.now)
    region, text = visit.asked("region"), visit.asked("text").lower()
    with visit.house.db.read() as tx:
        there = organisation.units(tx, on)
        states = project.project_state(tx, on)
        numbers = {each.unit: each for each in contacts.standing(tx, visit.viewer)}
    found = [
        each
        for each in sorted(there, key=lambda each: each.name)
        if region in ("", each.region)
        and (not text or text in each.name.lower() or text in each.code)
    ]
    return page(
        visit,
        "pages/admin_units.html",
        found=found,
        count=len(there),
        states=states,
        numbers=numbers,
        regions=REGIONS,
        values={"region": region, "text": visit.asked("text")},
    )


@router.get("/admin/units/new")
@allow(ADMINISTERING)
def new_page(visit: Visited) -> Response:
    """The form for a new unit."""
    return _new(visit, {})


@router.post("/admin/units/new")
@allow(ADMINISTERING)
def new(visit: Visited) -> Response:
    """Take a unit up."""

    def verb(tx: Connection) -> str:
        on = day_in(visit, "on") or local_date(visit.now)
        made = units.open_unit(
            tx,
            visit.viewer,
            visit.typed("code"),
            visit.typed("name"),
            kind=visit.typed("kind"),
            region=visit.typed("region"),
            municipality=visit.typed("municipality") or None,
            parent=visit.typed("parent") or None,
            on=on,
            now=visit.now,
        )
        told = said_of("new", on)
        return address(f"/admin/units/{made.unit}", {"said": told})

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _new(visit, answer, status=422)


@router.get("/admin/units/{code}")
@allow(ADMINISTERING)
def unit_page(visit: Visited, code: str) -> Response:
    """One unit: what it is, was and is to become."""
    return _one(visit, code, {})


@router.post("/admin/units/{code}")
@allow(ADMINISTERING)
def change(visit: Visited, code: str) -> Response:
    """Change it from a day on."""
    do, _, which = visit.typed("do").partition("/")
    verb = _VERBS.get(do)
    if verb is None:
        raise BadInput("unknown_code", "This button is not known here.", "do")

    def act(tx: Connection) -> str:
        on = day_in(visit, "on") or local_date(visit.now)
        verb(tx, visit, code, on, which)
        about = {"certify": visit.typed("username"), "naloxone": visit.typed("on")}
        told = said_of(do, on, about.get(do, which))
        return address(f"/admin/units/{code}", {"said": told})

    answer = tried(visit, act)
    return answer if isinstance(answer, Response) else _one(visit, code, answer, status=422)


def _rename(tx: Connection, visit: Visit, code: str, on: date, _which: str) -> None:
    units.rename(tx, visit.viewer, code, visit.typed("name"), on=on, now=visit.now)


def _move(tx: Connection, visit: Visit, code: str, on: date, _which: str) -> None:
    """Whatever differs from the day on: region, what it is part of, municipality."""
    there = organisation.version_on(tx, code, on)
    region, parent = visit.typed("region"), visit.typed("parent") or None
    municipality = visit.typed("municipality") or None
    now, viewer = visit.now, visit.viewer
    if there is None or region != there.region:
        units.move_region(tx, viewer, code, region, on=on, now=now)
    if there is not None and parent != there.parent:
        units.move_parent(tx, viewer, code, parent, on=on, now=now)
    if there is not None and municipality != there.municipality:
        units.move_municipality(tx, viewer, code, municipality, on=on, now=now)


def _close(tx: Connection, visit: Visit, code: str, on: date, _which: str) -> None:
    units.close_unit(tx, visit.viewer, code, on=on, now=visit.now)


def _merge(tx: Connection, visit: Visit, code: str, on: date, _which: str) -> None:
    into = visit.typed("into")
    if not into:
        raise BadInput("missing", "Name the unit that it becomes part of.", "into")
    units.merge(tx, visit.viewer, [code], into, on=on, now=visit.now)


def _stage(tx: Connection, visit: Visit, code: str, on: date, _which: str) -> None:
    year = visit.typed("cohort")
    active = visit.typed("stage") == Stage.ACTIVE.value
    project.record_stage(
        tx,
        visit.viewer,
        code,
        visit.typed("stage"),
        on=on,
        now=visit.now,
        cohort_year=whole(year) if active else None,
    )


def _naloxone(tx: Connection, visit: Visit, code: str, _on: date, _which: str) -> None:
    project.introduce_naloxone(tx, visit.viewer, code, on=day_in(visit, "on"), now=visit.now)


def _network(tx: Connection, visit: Visit, code: str, on: date, _which: str) -> None:
    project.attend_network(tx, visit.viewer, code, on=on, now=visit.now)


def _visit(tx: Connection, visit: Visit, code: str, on: date, _which: str) -> None:
    project.record_visit(tx, visit.viewer, code, on=on, now=visit.now)


def _certify(tx: Connection, visit: Visit, code: str, on: date, _which: str) -> None:
    until = day_in(visit, "until")
    distributors.certify(
        tx, visit.viewer, visit.typed("username"), code, on=on, now=visit.now, until=until
    )


def _uncertify(tx: Connection, visit: Visit, code: str, on: date, which: str) -> None:
    distributors.uncertify(tx, visit.viewer, which, code, on=on, now=visit.now)


def _contact(tx: Connection, visit: Visit, code: str, _on: date, _which: str) -> None:
    contacts.propose(tx, visit.viewer, code, visit.typed("number"), now=visit.now)


def _decide(tx: Connection, visit: Visit, code: str, _on: date, which: str) -> None:
    contacts.decide(tx, visit.viewer, code, which, now=visit.now)


_Verb = Callable[[Connection, Visit, str, date, str], None]
_VERBS: Final[dict[str, _Verb]] = {
    "rename": _rename,
    "move": _move,
    "close": _close,
    "merge": _merge,
    "stage": _stage,
    "naloxone": _naloxone,
    "network": _network,
    "visit": _visit,
    "certify": _certify,
    "uncertify": _uncertify,
    "contact": _contact,
    "number": _decide,
}


def _new(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    with visit.house.db.read() as tx:
        others = _named(tx, visit)
    return page(
        visit,
        "pages/admin_unit_new.html",
        status,
        others=others,
        kinds=_kinds(visit),
        regions=[(each, each) for each in REGIONS],
        values=chosen(
            visit.values(), kind=KINDS[0], region="Øst", on=local_date(visit.now).isoformat()
        ),
        errors=errors,
    )


def _one(visit: Visit, code: str, errors: Errors, *, status: int = 200) -> Response:
    on = local_date(visit.now)
    do = visit.typed("do").partition("/")[0]
    with visit.house.db.read() as tx:
        history = organisation.versions(tx, code)
        if not history:
            raise NotFound("There is no such unit.")
        now_in_force = next((each for each in history if each.holds_on(on)), None)
        version = now_in_force or history[-1]
        state = project.state_of(tx, code, on)
        context: dict[str, Any] = {
            "history": history[::-1],
            "stands": now_in_force is not None,
            "state": state,
            "distributors": distributors.of_unit(tx, code, on),
            "numbers": [each for each in contacts.standing(tx, visit.viewer) if each.unit == code],
            "package": package_in_force(tx, code, on=on).key,
            "said": unit_saved(tx, visit, code),
            "others": [(c, name) for c, name in _named(tx, visit) if c != code],
        }
    return page(
        visit,
        "pages/admin_unit.html",
        status,
        code=code,
        version=version,
        stages=[
            (each.value, visit.translate(WORDS["stage"][each.value]))
            for each in Stage
            if each in FOLLOWS[state.stage]
        ],
        kinds=_kinds(visit),
        regions=[(each, each) for each in REGIONS],
        national=visit.house.settings.contact_phone,
        values=_values(visit, version, on),
        errors=errors,
        do=do,
        **context,
    )


def _values(visit: Visit, version: UnitVersion, on: date) -> dict[str, str]:
    return chosen(
        visit.values(),
        on=on.isoformat(),
        name=version.name,
        region=version.region,
        parent=version.parent or "",
        municipality=version.municipality or "",
        stage="",
        cohort="",
        into="",
        username="",
        until="",
        number="",
    )


def _named(tx: Connection, visit: Visit) -> list[tuple[str, str]]:
    named = organisation.unit_names(tx, local_date(visit.now))
    return sorted(named.items(), key=lambda each: each[1])


def _kinds(visit: Visit) -> list[tuple[str, str]]:
    return [(each, visit.translate(WORDS["unit_kind"][each])) for each in KINDS]
