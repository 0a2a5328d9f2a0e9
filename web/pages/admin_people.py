"""People and roles: who works where, invited, reset, shut, and where they are signed in."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import accounts, organisation, signing_in, staff
from cases.accounts import EVERYWHERE, UNIT_ROLES
from cases.model import Role
from cases.staff import KEEPING
from core.clock import local_date
from core.errors import BadInput
from web.pages.admin_receipts import person_saved
from web.pages.forms import Errors, chosen, tried
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address
from web.pages.words import WORDS
from web.policy import allow

ROLES: Final = (*UNIT_ROLES, *EVERYWHERE)

router: Final = Pages()


@router.get("/admin/people")
@allow(KEEPING)
def people_page(visit: Visited) -> Response:
    """Every account."""
    role, unit, text = visit.asked("role"), visit.asked("unit"), visit.asked("text").lower()
    with visit.house.db.read() as tx:
        every = staff.members(tx, visit.viewer, now=visit.house.real_clock())
        units = _units(tx, visit)
    found = [
        each
        for each in every
        if role in ("", each.role)
        and (not unit or unit in each.units)
        and (not text or text in each.name.lower() or text in each.username)
    ]
    return page(
        visit,
        "pages/admin_people.html",
        found=found,
        count=len(every),
        units=units,
        roles=_roles(visit),
        values={"role": role, "unit": unit, "text": visit.asked("text")},
    )


@router.get("/admin/people/new")
@allow(KEEPING)
def new_page(visit: Visited) -> Response:
    """The form for a new account."""
    return _new(visit, {})


@router.post("/admin/people/new")
@allow(KEEPING)
def new(visit: Visited) -> Response:
    """Make the account; how to invite its owner stands on its page."""

    def verb(tx: Connection) -> str:
        made = staff.add(
            tx,
            visit.viewer,
            visit.typed("username"),
            visit.typed("name"),
            role=visit.typed("role"),
            units=_units_typed(visit),
            now=visit.house.real_clock(),
        )
        return f"/admin/people/{made.ref}?said=made"

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _new(visit, answer, status=422)


@router.get("/admin/people/{ref}")
@allow(KEEPING)
def one_page(visit: Visited, ref: str) -> Response:
    """One account."""
    return _one(visit, ref, {})


@router.post("/admin/people/{ref}")
@allow(KEEPING)
def change(visit: Visited, ref: str) -> Response:
    """Change its role and units, invite, reset, shut or open it, or end where it is signed in."""
    do, _, which = visit.typed("do").partition("/")
    viewer, now = visit.viewer, visit.house.real_clock()
    if do == "invite":
        secret = visit.house.db.transact(lambda tx: staff.invite(tx, viewer, ref, now=now))
        base = visit.house.settings.public_url or str(visit.request.base_url)
        return _one(visit, ref, {}, link=f"{base.rstrip('/')}/invitation/{secret}")
    if do == "reset":
        # Hashing takes long, so it is done before the transaction.
        password = accounts.new_password()
        hashed = signing_in.hash_of_password(password)
        visit.house.db.transact(lambda tx: staff.reset(tx, viewer, ref, hashed, now=now))
        return _one(visit, ref, {}, password=password)

    def verb(tx: Connection) -> str:
        if do == "give":
            role, units = visit.typed("role"), _units_typed(visit)
            staff.give(tx, viewer, ref, role, units, now=now)
        elif do == "disable":
            staff.disable(tx, viewer, ref, now=now)
        elif do == "enable":
            staff.enable(tx, viewer, ref, now=now)
        elif do == "end":
            staff.end_session(tx, viewer, ref, None if which == "all" else which, now=now)
        else:
            raise BadInput("unknown_code", "This button is not known here.", "do")
        told = f"{do}/all" if (do, which) == ("end", "all") else do
        return address(f"/admin/people/{ref}", {"said": told})

    answer = tried(visit, verb)
    return answer if isinstance(answer, Response) else _one(visit, ref, answer, status=422)


def _units_typed(visit: Visit) -> list[str]:
    """The units ticked; a role of the whole country has none, whatever is ticked."""
    role = visit.typed("role")
    return [] if role in {each.value for each in EVERYWHERE} else visit.typed_all("units")


def _new(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    with visit.house.db.read() as tx:
        units = _units(tx, visit)
    return page(
        visit,
        "pages/admin_person_new.html",
        status,
        units=units,
        picked=visit.typed_all("units"),
        roles=_roles(visit),
        values=chosen(visit.values(), username="", name="", role=Role.HEALTH.value),
        errors=errors,
    )


def _one(visit: Visit, ref: str, errors: Errors, *, status: int = 200, **shown: Any) -> Response:
    now = visit.house.real_clock()
    with visit.house.db.read() as tx:
        found = staff.member(tx, visit.viewer, ref, now=now)
        places = staff.places(tx, visit.viewer, ref, now=now)
        units = _units(tx, visit)
    typed = visit.typed("do") == "give"
    return page(
        visit,
        "pages/admin_person.html",
        status,
        member=found,
        places=places,
        own=found.ref == visit.viewer.account,
        units=units,
        picked=visit.typed_all("units") if typed else found.units,
        roles=_roles(visit),
        values={"role": visit.typed("role") if typed else found.role or ""},
        errors=errors,
        said=person_saved(visit, found, units),
        link=shown.get("link", ""),
        password=shown.get("password", ""),
    )


def _units(tx: Connection, visit: Visit) -> dict[str, str]:
    named = organisation.unit_names(tx, local_date(visit.now))
    return dict(sorted(named.items(), key=lambda each: each[1]))


def _roles(visit: Visit) -> list[tuple[str, str]]:
    return [(each.value, visit.translate(WORDS["role"][each.value])) for each in ROLES]
