"""The directorate's view: cut once, stored once, shown from there.

A frozen report shows what was published when it froze. Until then a *live cut* is made: the whole
count without kode 6, its small numbers hidden, attacked together with what was published before,
and stored. Whoever signs in sees the cut of a *stage* of the period (`tertial.stage_of`): there are
so few of them that each is attacked together with all earlier ones and all frozen revisions, so
that nobody learns more by keeping what was shown. The command line may ask for a cut of any instant
and gets the same one for the same instant.
Deciding takes seconds, so it happens outside the transaction that stores it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, insert, select

from cases import organisation
from core.chain import canonical
from core.db import Database
from core.errors import Busy, NotFound
from reports.body import Kept, body_hash, kept_from, report_of, text_of
from reports.counting import regions_of
from reports.definitions import VERSION, codes_with
from reports.figures import Cells, Report, Seal
from reports.left_out import without_protected
from reports.regions import REGIONS, Regions
from reports.relations import PENDING, Key, Layout, table_of
from reports.report import snapshot, whole_report
from reports.tables import published_cell, report
from reports.tertial import Period, stage_of

if TYPE_CHECKING:
    from reports.suppression import Progress

NATION: Final = "nation"
LIVE: Final = "live"
"""The scope of the cuts that everybody sees; they are numbered, and no revisions of anything."""
ASKED: Final = "asked"
"""The scope of cuts that the command line asked for, which sees everything anyway."""

ASKED_ATTACKED: Final = 2
"""How many of the newest cuts of the command line are attacked too, in case one was handed on."""

NOTES: Final = (
    "Persons with a strictly confidential address (kode 6) stand in no figure.",
    "A person met in several units counts once in the region and the nation: I1, I2 do not add up.",
    "`:` hides a small number, or one that would give a small number away. 0 is shown.",
)

WITHOUT: Final = "Without a report: "
"""How the note begins that names the units which had not reported at the freeze."""

_TRIES: Final = 3
_COLUMNS: Final = (
    report.c.id,
    report.c.scope,
    report.c.revision,
    report.c.state,
    report.c.as_of,
    report.c.definitions,
    report.c.software,
)
_FROZEN: Final = (
    select(*_COLUMNS)
    .where(
        report.c.period == bindparam("period"),
        report.c.scope == NATION,
        report.c.state == "frozen",
    )
    .order_by(report.c.revision.desc())
)
_CUTS: Final = (
    select(*_COLUMNS)
    .where(report.c.period == bindparam("period"), report.c.scope == bindparam("scope"))
    .order_by(report.c.revision.desc())
)
_BODY: Final = select(report.c.body).where(report.c.id == bindparam("id"))
_CELLS: Final = select(
    published_cell.c.level,
    published_cell.c.place,
    published_cell.c.indicator,
    published_cell.c.numerator,
    published_cell.c.denominator,
    published_cell.c.pending,
    published_cell.c.hidden,
).where(published_cell.c.report_id == bindparam("id"))


@lru_cache(maxsize=1)
def software() -> str:
    """The version of Overlev that counts."""
    try:
        return version_of("overlev")
    except PackageNotFoundError:
        return "checkout"


def directorate_report(
    db: Database,
    period: Period,
    *,
    now: datetime,
    threshold: int,
    as_of: datetime | None = None,
    revision: int | None = None,
    reuse: bool = False,
    progress: Progress | None = None,
) -> Report:
    """What the directorates see of a period: its newest frozen revision, else a live cut.

    `revision` names a frozen revision; `as_of` asks for a live cut as of an instant, also of a
    frozen period. With `reuse` it is the cut of the stage that `now` lies in: for pages and the
    API, where asking often must neither cost nor tell anything. Raises `Refused` before the period
    begins, `NotFound` for a revision that there is not, `BadInput` for a threshold below 3.
    """
    with snapshot(db) as tx:
        if as_of is None or revision is not None:
            frozen = tx.execute(_FROZEN, {"period": str(period)}).all()
            if revision is not None:
                frozen = [row for row in frozen if row.revision == revision]
                if not frozen:
                    raise NotFound(f"{period} has no frozen revision {revision}.")
            if frozen:
                return shown(tx, period, frozen[0])
        asked = now if as_of is None else min(as_of, now)
        scope = LIVE if reuse and as_of is None else ASKED
        found = _cut_at(tx, period, asked, threshold, scope=scope)
        if found is not None:
            return found
    return _new_cut(db, period, asked, scope, now=now, threshold=threshold, progress=progress)


def shown(tx: Connection, period: Period, row: Any) -> Report:
    """A stored publication, read from its cells alone."""
    rows = tx.execute(_CELLS, {"id": row.id}).all()
    found = report_of(
        rows,
        period=str(period),
        due_on=period.due_on,
        as_of=row.as_of,
        state=row.state,
        revision=row.revision if row.scope == NATION else 0,
        view="directorate",
    )
    body = json.loads(tx.execute(_BODY, {"id": row.id}).scalar_one())
    heads, missing = body["more"].get("heads"), body["more"].get("missing")
    seal = Seal(
        row.definitions,
        row.software,
        body["threshold"],
        body["published_sha256"],
        body_hash(canonical(heads)) if heads else "",
        (*NOTES, *((f"{WITHOUT}{', '.join(missing)}.",) if missing else ())),
    )
    return replace(_in_order(found), seal=seal, names=body["more"].get("names", {}))


def named_missing(seal: Seal | None) -> tuple[str, ...]:
    """The units that a frozen report names as missing, by code."""
    notes = seal.notes if seal is not None else ()
    told = (note.removeprefix(WITHOUT).rstrip(".") for note in notes if note.startswith(WITHOUT))
    return tuple(code for each in told for code in each.split(", "))


def _in_order(found: Report) -> Report:
    """Places and indicators in the order of every report; the table has them by name."""
    codes = codes_with(found.nation)

    def ordered(figures: Cells) -> Cells:
        return {code: figures[code] for code in codes}

    return replace(
        found,
        nation=ordered(found.nation),
        regions={name: ordered(found.regions[name]) for name in REGIONS if name in found.regions},
        units={code: ordered(found.units[code]) for code in sorted(found.units)},
    )


def cut_of(
    tx: Connection,
    period: Period,
    whole: Report,
    *,
    threshold: int,
    before: Sequence[Kept],
    keep: Iterable[Key] = (),
    progress: Progress | None = None,
    more: dict[str, Any] | None = None,
) -> Kept:
    """Decide what a publication of this whole report hides, given those before it.

    The names of its units on the last day of the period are kept with it, beside `more`.
    """
    from reports.suppression import decide  # noqa: PLC0415 - loads the solver

    layout = layout_of(regions_of(tx), period)
    hidden = decide(
        table_of(whole, layout),
        threshold=threshold,
        earlier=[each.published() for each in before],
        keep=frozenset(keep),
        progress=progress,
    )
    there = organisation.unit_names(tx, period.last_on)
    names = {code: there[code] for code in sorted(whole.units) if code in there}
    kept = {**(more or {}), "names": names}
    return Kept(whole, layout, hidden, threshold, VERSION, software(), kept)


def earlier_publications(tx: Connection, period: Period) -> list[Kept]:
    """What a new publication is attacked together with, the oldest first.

    Every frozen revision and every cut that everybody saw, and the newest of the command line's.
    """
    rows = [*frozen_rows(tx, period), *_cuts(tx, period, LIVE)]
    rows += _cuts(tx, period, ASKED)[:ASKED_ATTACKED]
    rows.sort(key=lambda row: (row.as_of, row.id))
    return [
        kept_from(
            tx.execute(_BODY, {"id": row.id}).scalar_one(), state=row.state, revision=row.revision
        )
        for row in rows
    ]


def frozen_revisions(tx: Connection, period: Period) -> list[int]:
    """The numbers of the frozen revisions, the oldest first."""
    return sorted(row.revision for row in frozen_rows(tx, period))


def frozen_rows(tx: Connection, period: Period) -> list[Any]:
    """The rows of the frozen revisions, for `shown`; the newest first."""
    return list(tx.execute(_FROZEN, {"period": str(period)}))


def publications(tx: Connection, period: Period) -> list[Any]:
    """The rows of everything that was published of a period: revisions, then live cuts."""
    return [
        *frozen_rows(tx, period),
        *_cuts(tx, period, LIVE),
        *_cuts(tx, period, ASKED),
    ]


def _cuts(tx: Connection, period: Period, scope: str) -> list[Any]:
    """The cuts of a scope, the newest first."""
    return list(tx.execute(_CUTS, {"period": str(period), "scope": scope}))


def frozen_kept(tx: Connection, period: Period) -> list[Kept]:
    """The frozen revisions as they are kept, nothing hidden, the oldest first: not to be shown."""
    rows = tx.execute(_FROZEN, {"period": str(period)}).all()
    return [
        kept_from(
            tx.execute(_BODY, {"id": row.id}).scalar_one(), state=row.state, revision=row.revision
        )
        for row in reversed(rows)
    ]


def frozen_whole(tx: Connection, period: Period, revision: int) -> Report:
    """The figures kept with a frozen revision, nothing hidden: to be compared, not to be shown."""
    for kept in frozen_kept(tx, period):
        if kept.report.revision == revision:
            return kept.report
    raise NotFound(f"{period} has no frozen revision {revision}.")


def store_cells(tx: Connection, report_id: int, kept: Kept) -> None:
    """Write the published cells of a report: a hidden one without any number."""
    rows = []
    for level, places in (
        ("nation", {"": kept.report.nation}),
        ("region", kept.report.regions),
        ("unit", kept.report.units),
    ):
        for place, figures in places.items():
            for code, figure in figures.items():
                hides = (level, place, code) in kept.hidden
                waits = (level, place, f"{code}{PENDING}") in kept.hidden
                rows.append(
                    {
                        "report_id": report_id,
                        "level": level,
                        "place": place,
                        "indicator": code,
                        "numerator": None if hides else figure.numerator,
                        "denominator": None if hides else figure.denominator,
                        "pending": None if waits else figure.pending,
                        "hidden": hides,
                    }
                )
    tx.execute(insert(published_cell), rows)


def layout_of(regions: Regions, period: Period) -> Layout:
    """Which units lay in which regions: in the period for sums, ever for persons."""
    inside = {unit: regions.regions_of(unit) for unit in regions.units}
    within = {
        unit: regions.regions_of(unit, period.first_on, period.next_on) for unit in regions.units
    }
    groups: list[tuple[set[str], set[str]]] = [({name}, set()) for name in REGIONS]
    for unit, names in within.items():
        # A unit that moved in the period binds its regions: only together do they add up.
        joined = [group for group in groups if group[0] & names]
        groups = [group for group in groups if group not in joined]
        groups.append(
            (
                set().union(*(group[0] for group in joined)),
                set().union({unit}, *(group[1] for group in joined)),
            )
        )
    return Layout(
        tuple(sorted((tuple(sorted(names)), tuple(sorted(units))) for names, units in groups)),
        inside,
    )


def _cut_at(
    tx: Connection, period: Period, asked: datetime, threshold: int, *, scope: str
) -> Report | None:
    stage = stage_of(period, asked)
    for row in _cuts(tx, period, scope):
        same = row.as_of == asked or (
            scope == LIVE and stage_of(period, row.as_of) is stage and row.as_of <= asked
        )
        if same and row.definitions == VERSION:
            found = shown(tx, period, row)
            if found.seal is not None and found.seal.threshold == threshold:
                return found
    return None


def _new_cut(
    db: Database,
    period: Period,
    asked: datetime,
    scope: str,
    *,
    now: datetime,
    threshold: int,
    progress: Progress | None,
) -> Report:
    for _ in range(_TRIES):
        with snapshot(db) as tx:
            before = earlier_publications(tx, period)
            known = len(publications(tx, period))
            whole = without_protected(tx, whole_report(tx, period, now=now, as_of=asked))
            kept = cut_of(tx, period, whole, threshold=threshold, before=before, progress=progress)
        with db.write() as tx:
            if len(publications(tx, period)) == known:
                row = _store_cut(tx, period, kept, scope, now=now)
                return shown(tx, period, row)
    raise Busy


def _store_cut(tx: Connection, period: Period, kept: Kept, scope: str, *, now: datetime) -> Any:
    body = text_of(kept)
    values = {
        "period": str(period),
        "scope": scope,
        "revision": len(_cuts(tx, period, scope)) + 1,
        "state": "open",
        "as_of": kept.report.as_of,
        "definitions": kept.definitions,
        "software": kept.software,
        "body": body,
        "sha256": body_hash(body),
        "changed_at": now,
        "changed_by": "system",
    }
    tx.execute(insert(report), values)
    row = _cuts(tx, period, scope)[0]
    store_cells(tx, row.id, kept)
    return row
