"""A roster is taken in: looked at first, then taken, with the rejected rows to mend.

The look and the taking run beside the request. The file, its rejected rows and how far it has come
lie sealed in the data folder until they are done with or a day old, and are opened in memory (or,
where a machine has no such place, in a folder that is wiped): a page that is loaded anew tells how
it stands, with or without a script.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from cases import people, queries, roster, worklist
from cases.access import Viewer
from cases.retention import UPLOADS, forget_uploads
from cases.roster import IMPORTING
from cases.roster_age import UNDATED, Dated, Older, dated
from cases.roster_file import DEFAULT_LIMITS
from cases.roster_named import Named
from cases.roster_rows import RosterRow
from cases.rules import CaseNotFound, check_role
from cases.vault import Secrets
from core.clock import local_date
from core.crypto import KeyRing
from core.errors import BadInput, NotFound, OverlevError
from core.scratch import private_folder
from core.sealing import open_with, seal_with
from web.house import House
from web.pages.forms import Errors
from web.pages.import_changes import changes
from web.pages.refusals import reason_of
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.pages.words import in_language
from web.policy import allow

LARGEST: Final = DEFAULT_LIMITS.max_bytes + 64 * 1024
_SUFFIXES: Final = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm")

_log: Final = logging.getLogger(__name__)

NOT_YOURS: Final = "unit_not_yours"
MOST_NAMED: Final = 200
LONGEST_CELL: Final = 60
"""Letters shown of a cell that was not understood."""

PAST: Final = timedelta(days=7)
"""A planned release so long ago, of somebody who is still on the list, asks for a look at it."""


router: Final = Pages()


@router.get("/import")
@allow(IMPORTING)
def import_page(visit: Visited) -> Response:
    """The form."""
    return page(visit, "pages/import.html", errors={})


@router.post("/import")
@allow(IMPORTING, body_limit=LARGEST)
def upload(visit: Visited) -> Response:
    """Take the file, and look what it would do: nothing is written yet."""
    check_role(visit.viewer, IMPORTING, "import a roster")
    _ = visit.translate
    sent = visit.upload("file")
    errors: Errors = {}
    if sent is None:
        errors["file"] = _("Velg en fil først.")
    elif not (sent.filename or "").lower().endswith(_SUFFIXES):
        errors["file"] = _("Filen må være CSV eller Excel (.csv eller .xlsx).")
    elif sent.size == 0:
        errors["file"] = _("Filen er tom.")
    if errors or sent is None:
        return page(visit, "pages/import.html", 422, errors=errors)
    kept = Kept.new(visit)
    ending = Path(sent.filename or "").suffix.lower()
    kept.put("rows", sent.file.read())
    # Of the file's name only its ending and its day are kept: names are made by people.
    days = dated(sent.filename or "", _made_on(visit), today=local_date(visit.now))
    kept.tell(
        {
            "by": visit.viewer.account,
            "ending": ending,
            "state": "looking",
            "dated": [on.isoformat() if on else "" for on in (days.named_on, days.made_on)],
        }
    )
    _start(visit, kept, dry_run=True)
    return RedirectResponse(f"/import/{kept.number}", 303)


@router.get("/import/{number}")
@allow(IMPORTING)
def job_page(visit: Visited, number: str) -> Response:
    """How far it has come, what it would do, or what it did."""
    return _told(visit, number, _mine(visit, number)[1], {})


def _told(visit: Visit, number: str, job: dict[str, Any], errors: Errors) -> Response:
    rejected = job.get("result", {}).get("rejected", [])
    foreign = [each["line"] for each in rejected if each["reason"] == NOT_YOURS]
    return page(
        visit,
        "pages/import_job.html",
        422 if errors else 200,
        number=number,
        job=job,
        errors=errors,
        foreign=foreign,
        faults=[each for each in rejected if each["reason"] != NOT_YOURS],
    )


@router.post("/import/{number}")
@allow(IMPORTING)
def take(visit: Visited, number: str) -> Response:
    """Take it in, or drop it."""
    kept, job = _mine(visit, number)
    if visit.typed("do") == "drop":
        kept.forget()
        return RedirectResponse("/import", 303)
    if job["state"] == "looked":
        if job.get("older") and visit.typed("older") != "yes":
            _ = visit.translate
            job["part"] = visit.typed("part") == "yes"
            return _told(visit, number, job, {"older": _("Si at den skal tas inn likevel.")})
        if kept.is_first("take"):  # of two windows, or two who press at the same moment
            try:
                kept.tell({**job, "state": "taking", "part": visit.typed("part") == "yes"})
            except OSError:  # a full disk: it may be asked for again
                kept.drop("take")
                raise
            _start(visit, kept, dry_run=False)
    return RedirectResponse(f"/import/{number}", 303)


@router.get("/import/{number}/rejects")
@allow(IMPORTING)
def rejects(visit: Visited, number: str) -> Response:
    """The rejected rows as a file, to be mended and taken in again."""
    kept, _ = _mine(visit, number)
    body = kept.get("rejects")
    if body is None:
        raise NotFound("No row was rejected, or the file is no longer kept.")
    return Response(
        body,
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="avviste-rader.csv"',
            "Cache-Control": "no-store",
        },
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one import: sealed files `NUMBER.PART` of one folder."""

    folder: Path
    number: str
    ring: KeyRing

    @classmethod
    def new(cls, visit: Visit) -> Kept:
        """A place for one more; what is older than a day goes."""
        made = cls.of(visit, secrets.token_hex(8))
        made.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        forget_uploads(made.folder)
        return made

    @classmethod
    def of(cls, visit: Visit, number: str) -> Kept:
        """The place of an import."""
        keys = cast("Secrets", visit.house.db.secrets)
        return cls(visit.house.settings.data / UPLOADS, number, keys.ring)

    def put(self, part: str, body: bytes) -> None:
        """Keep a part, in place of what was there."""
        making = self.folder / f"{self.number}.{secrets.token_hex(4)}"
        making.touch(mode=0o600)
        making.write_bytes(seal_with(self.ring, body, aad=self._name(part)))
        making.rename(self.folder / f"{self.number}.{part}")

    def get(self, part: str) -> bytes | None:
        """A part, None where there is none."""
        try:
            sealed = (self.folder / f"{self.number}.{part}").read_bytes()
        except FileNotFoundError:
            return None
        return open_with(self.ring, sealed, aad=self._name(part))

    def tell(self, job: Mapping[str, Any]) -> None:
        """Keep how it stands."""
        self.put("job", json.dumps(job, ensure_ascii=False).encode())

    def job(self) -> dict[str, Any]:
        """How it stands; empty where nothing is known."""
        found = self.get("job")
        told: dict[str, Any] = json.loads(found) if found is not None else {}
        return told

    def is_first(self, act: str) -> bool:
        """Whether nobody has begun this act of it before: it is begun once, whoever asks."""
        try:
            (self.folder / f"{self.number}.{act}").touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            return False
        return True

    def drop(self, part: str) -> None:
        """Keep a part no longer."""
        (self.folder / f"{self.number}.{part}").unlink(missing_ok=True)

    def forget(self) -> None:
        """Keep nothing of it."""
        for path in self.folder.glob(f"{self.number}.*"):
            path.unlink(missing_ok=True)

    def _name(self, part: str) -> bytes:
        return f"upload:{self.number}:{part}".encode()


def _made_on(visit: Visit) -> date | None:
    """The day on which the file was made, where the browser tells it."""
    try:
        return local_date(datetime.fromtimestamp(int(visit.typed("made")) / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _start(visit: Visit, kept: Kept, *, dry_run: bool) -> None:
    """Run it beside the request."""
    viewer, now, house, translate = visit.viewer, visit.now, visit.house, visit.translate
    begun = kept.job()
    word = in_language(translate)
    dates = visit.dates

    def tell(done: int, of: int | None) -> None:
        kept.tell({**begun, "done": done, "of": of})

    def refuse(why: str, said: str) -> None:
        kept.tell({**begun, "state": "refused", "why": why, "said": said})
        kept.drop("rows")

    def run() -> None:
        try:
            with private_folder(kept.folder) as folder:
                rows, rejected = folder / f"rows{begun['ending']}", folder / "rejects.csv"
                rows.write_bytes(kept.get("rows") or b"")
                named = Named()
                result = roster.import_roster(
                    house.db,
                    rows,
                    viewer,
                    now=now,
                    demo=house.demo,
                    dry_run=dry_run,
                    progress=tell,
                    rejects=rejected,
                    worded=lambda code: word("roster", code),
                    part=begun.get("part", False),
                    named=named,
                    dated=_dated(begun),
                )
                if rejected.exists():
                    kept.put("rejects", rejected.read_bytes())
            if not dry_run:
                kept.drop("rows")
            part = begun.get("part", dry_run and result.mended)
            if part:
                result.missing_from_roster = []
            past = [on for on in named.planned if on < local_date(now) - PAST]
            told = {
                **begun,
                "state": "looked" if dry_run else "taken",
                "result": asdict(result),
                "part": part,
                "new": [(row.inmate_no, _called(row)) for row in named.opened[:MOST_NAMED]],
                "cells": {
                    line: (fault.inmate_no[:LONGEST_CELL], fault.cell[:LONGEST_CELL])
                    for line, fault in islice(named.faults.items(), MOST_NAMED)
                },
                "older": _older(named.older),
                "past": (len(past), min(past).isoformat()) if past else None,
            }
            try:
                told["changed"] = named.updated and house.db.transact(
                    lambda tx: changes(
                        tx, viewer, named.updated[:MOST_NAMED], dates, translate, now=now
                    )
                )
                told["missing"] = _cases_of(
                    house, viewer, result.missing_from_roster[:MOST_NAMED], now=now
                )
                numbers = [] if dry_run else [number for number, _ in told["new"]]
                opened = _cases_of(house, viewer, numbers, now=now)
                told["opened"] = {number: ref for number, _, ref in opened}
            except Exception as fault:
                if dry_run:
                    raise
                # It is taken, and nothing else may be told: the names are those of the preview.
                _log.error(
                    "an import is taken, but not named", extra={"job": "import"}, exc_info=fault
                )
            kept.tell(told)
        except BadInput as wrong:
            refuse(wrong.reason, reason_of(translate, wrong))
        except OverlevError as refused:
            refuse("refused", reason_of(translate, refused))
        except Exception as fault:  # noqa: BLE001 - a thread has nobody above it to tell
            _log.error("an import failed", extra={"job": "import"}, exc_info=fault)
            refuse("fault", "")

    threading.Thread(target=run, name=f"import-{kept.number}", daemon=True).start()


def _dated(job: Mapping[str, Any]) -> Dated:
    days = [date.fromisoformat(on) if on else None for on in job.get("dated", ())]
    return Dated(*days) if days else UNDATED


def _older(older: Older | None) -> dict[str, str | None] | None:
    if older is None:
        return None
    told = {name: getattr(older, name) for name in ("newer_at", "own_on", "newer_on", "same_at")}
    return {name: value.isoformat() if value else None for name, value in told.items()}


def _called(row: RosterRow) -> str:
    return " ".join(name for name in (row.first_name, row.last_name) if name)


def _cases_of(
    house: House, viewer: Viewer, numbers: list[str], *, now: datetime
) -> list[tuple[str, str, str]]:
    """Number, name and case of people by their numbers; looking them up is logged.

    Whoever the viewer may not see (kode 6) is left out.
    """

    def look(tx: Connection) -> list[tuple[str, str, str]]:
        refs = {}
        for number in numbers:
            with suppress(CaseNotFound):
                refs[number] = queries.newest_ref(tx, viewer, number, now=now)
        cases = queries.cases_by_refs(tx, viewer, refs.values())
        known = people.identities_of(tx, [case.person for case in cases.values()])
        worklist.looked_at(tx, viewer, worklist.LISTED, cases, now=now)
        return [
            (number, known[cases[ref].person].name, ref)
            for number, ref in refs.items()
            if ref in cases and cases[ref].person in known
        ]

    return house.db.transact(look) if numbers else []


def _mine(visit: Visit, number: str) -> tuple[Kept, dict[str, Any]]:
    """The viewer's own import and how it stands. Raises `NotFound`."""
    good = number.isalnum() and number.isascii() and len(number) <= 32
    kept = Kept.of(visit, number)
    job = kept.job() if good else {}
    if job.get("by") != visit.viewer.account:
        raise NotFound("There is no such import of yours, or it is no longer kept.")
    return kept, job
