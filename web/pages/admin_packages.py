"""Packages: which unit works by which, and an overlay edited with what it makes of known cases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import organisation, package_saving
from cases.checklist import Package
from cases.overlay import parent_of
from cases.overlay_reading import load_any
from cases.package import PackageError, national
from cases.package_saving import SAVING
from cases.preview import ExamplePreview, preview
from cases.registry import package_in_force, stored_package, text_of
from core.clock import local_date
from core.errors import BadInput
from web.pages.forms import Errors, day_in, tried
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, address
from web.policy import allow

LARGEST: Final = 256 * 1024
NAME: Final = "pakke"
"""What a text is called in complaints that name its lines."""

AROUND: Final = 2
"""Lines shown before and after the one that a complaint is about."""

_BEGINNING: Final = """\
key = "{unit}-1"
number = 1
parent = "{parent}"

# [task.talk_held]
# due = ["R - 10 d"]
# usual_form = "group"

# [task.talk_booked]
# due = ["R - 21 d"]
# reason = "…"

# [step.TIME_IN_HAND]
# label = {{ nb = "Avtale i hånden" }}
"""
_PLACE: Final = re.compile(rf"{NAME}:([0-9]+): (.*)", re.DOTALL)

router: Final = Pages()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text: the rule, where, the lines there, and what the check says."""

    reason: str
    line: int
    says: str
    lines: tuple[tuple[int, str], ...]


@router.get("/admin/packages")
@allow(SAVING)
def packages_page(visit: Visited) -> Response:
    """The stored versions, and who works by which."""
    on = local_date(visit.now)
    with visit.house.db.read() as tx:
        named = organisation.unit_names(tx, on)
        in_force = {code: package_in_force(tx, code, on=on).key for code in named}
        versions = package_saving.versions(tx)
        coming = [
            each
            for each in package_saving.given(tx)
            if each.valid_from is not None and each.valid_from > on
        ]
    return page(
        visit,
        "pages/admin_packages.html",
        versions=versions[::-1],
        in_force=sorted(in_force.items(), key=lambda each: named[each[0]]),
        coming=coming,
        names=named,
        said=visit.told("said"),
    )


@router.get("/admin/packages/edit")
@allow(SAVING)
def edit_page(visit: Visited) -> Response:
    """The text of a unit's overlay, or of the national package, with what it does."""
    return _page(visit, {})


@router.post("/admin/packages/edit")
@allow(SAVING, body_limit=LARGEST)
def edit(visit: Visited) -> Response:
    """Look what the text does, or save it and let the unit work by it."""
    if visit.typed("do") != "save":
        return _page(visit, {})
    unit = visit.typed("unit")
    text = _typed(visit)

    def verb(tx: Connection) -> str:
        day = day_in(visit, "from")
        if unit:
            package_saving.save_overlay(
                tx, visit.viewer, unit, text, now=visit.now, valid_from=day, name=NAME
            )
        else:
            saved = package_saving.save_national(tx, visit.viewer, text, now=visit.now, name=NAME)
            package_saving.put_in_force(
                tx, visit.viewer, None, saved.key, now=visit.now, valid_from=day
            )
        return address("/admin/packages", {"said": "saved"})

    answer = tried(visit, verb)
    if isinstance(answer, Response):
        return answer
    # What is wrong in the text itself is shown beside it.
    errors = {name: said for name, said in answer.items() if name in ("", "from", "unit")}
    return _page(visit, errors, status=422)


def _page(visit: Visit, errors: Errors, *, status: int = 200) -> Response:
    on = local_date(visit.now)
    unit = visit.typed("unit") or visit.asked("unit")
    typed = visit.request.method == "POST"
    fault: Fault | None = None
    examples: tuple[ExamplePreview, ...] = ()
    key = ""
    with visit.house.db.read() as tx:
        named = organisation.unit_names(tx, on)
        if unit and unit not in named:
            raise BadInput("unknown_unit", "There is no such unit today.", "unit")
        standing = package_in_force(tx, unit, on=on) if unit else _for_all(tx, on)
        text = _typed(visit) if typed else _text(tx, unit, standing)
        try:
            made = load_any(text, lambda named: stored_package(tx, named), name=NAME)
            _check_kind(made, unit)
            key = made.key
            examples = preview(standing, made, on=on, language=visit.language)
        except PackageError as wrong:
            fault = _fault(wrong, text)
    context: dict[str, Any] = {
        "unit": unit,
        "unit_name": named.get(unit, ""),
        "units": sorted(named.items(), key=lambda each: each[1]),
        "standing": standing.key,
        "key": key,
        "text": text,
        "fault": fault,
        "examples": examples,
        "values": {"from": visit.typed("from") or on.isoformat(), "unit": unit},
        "errors": errors,
    }
    return page(visit, "pages/admin_package.html", status, **context)


def _typed(visit: Visit) -> str:
    """The text as it was typed; browsers send line ends of their own."""
    value = visit.form.get("text")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def _for_all(tx: Connection, on: date) -> Package:
    """What holds where a unit has nothing of its own: no unit is called ""."""
    return package_in_force(tx, "", on=on)


def _text(tx: Connection, unit: str, standing: Package) -> str:
    """What the editor begins with: the text in force, else the beginning of one."""
    if unit and parent_of(standing.key) is None:
        return _BEGINNING.format(unit=unit.lower(), parent=standing.key)
    return text_of(tx, standing.key) or (
        resources.files("cases") / "packages" / f"{national().key}.toml"
    ).read_text("utf-8")


def _check_kind(made: Package, unit: str) -> None:
    """A unit gets an overlay, all units a whole package."""
    if unit and parent_of(made.key) is None:
        raise PackageError("missing_key", f"{NAME}:1: parent is missing: name what it stands on")
    if not unit and parent_of(made.key) is not None:
        raise PackageError("core_task", f"{NAME}:1: only a whole package can hold for all units")


def _fault(wrong: PackageError, text: str) -> Fault:
    found = _PLACE.match(wrong.detail)
    line = int(found[1]) if found is not None else 1
    lines = text.splitlines()
    first, last = max(1, line - AROUND), min(len(lines), line + AROUND)
    return Fault(
        wrong.reason,
        line,
        found[2] if found is not None else wrong.detail,
        tuple((number, lines[number - 1]) for number in range(first, last + 1)),
    )
