"""A roster is taken in: looked at first, then taken, with the rejected rows to mend.

The look and the taking run beside the request, and their state lies in the data folder, readable
by its owner only, until it is done with or a day old: a page that is loaded anew tells how far it
has come, with or without a script.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from cases import roster
from cases.roster import IMPORTING
from cases.roster_file import DEFAULT_LIMITS
from cases.rules import check_role
from core.errors import BadInput, NotFound, OverlevError
from core.log import places
from web.pages.forms import Errors
from web.pages.refusals import reason_of
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.policy import allow

LARGEST: Final = DEFAULT_LIMITS.max_bytes + 64 * 1024
KEPT_FOR: Final = timedelta(days=1)
MOST_SHOWN: Final = 200
_SUFFIXES: Final = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm")

_log: Final = logging.getLogger(__name__)

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
    folder = _folder(visit)
    _sweep(folder)
    number = secrets.token_hex(8)
    ending = Path(sent.filename or "").suffix.lower()
    kept = folder / f"{number}{ending}"
    kept.touch(mode=0o600)
    with kept.open("wb") as out:
        shutil.copyfileobj(sent.file, out)
    _write(folder, number, {"by": visit.viewer.account, "ending": ending, "state": "looking"})
    _start(visit, number, kept, dry_run=True)
    return RedirectResponse(f"/import/{number}", 303)


@router.get("/import/{number}")
@allow(IMPORTING)
def job_page(visit: Visited, number: str) -> Response:
    """How far it has come, what it would do, or what it did."""
    return page(visit, "pages/import_job.html", number=number, job=_job(visit, number))


@router.post("/import/{number}")
@allow(IMPORTING)
def take(visit: Visited, number: str) -> Response:
    """Take it in, or drop it."""
    job = _job(visit, number)
    folder = _folder(visit)
    kept = folder / f"{number}{job['ending']}"
    if visit.typed("do") == "drop":
        _forget(folder, number)
        return RedirectResponse("/import", 303)
    if job["state"] == "looked" and kept.exists():
        _write(folder, number, {**job, "state": "taking"})
        _start(visit, number, kept, dry_run=False)
    return RedirectResponse(f"/import/{number}", 303)


@router.get("/import/{number}/rejects")
@allow(IMPORTING)
def rejects(visit: Visited, number: str) -> Response:
    """The rejected rows as a file, to be mended and taken in again."""
    _job(visit, number)
    kept = _folder(visit) / f"{number}.rejects.csv"
    if not kept.exists():
        raise NotFound("No row was rejected, or the file is no longer kept.")
    return Response(
        kept.read_bytes(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="avviste-rader.csv"',
            "Cache-Control": "no-store",
        },
    )


def _start(visit: Visit, number: str, kept: Path, *, dry_run: bool) -> None:
    viewer, now, house, folder = visit.viewer, visit.now, visit.house, _folder(visit)
    translate = visit.translate
    begun = _read(folder, number)
    refused_rows = folder / f"{number}.rejects.csv"

    def tell(done: int, of: int | None) -> None:
        _write(folder, number, {**begun, "done": done, "of": of})

    def run() -> None:
        try:
            refused_rows.unlink(missing_ok=True)
            result = roster.import_roster(
                house.db,
                kept,
                viewer,
                now=now,
                demo=house.demo,
                dry_run=dry_run,
                progress=tell,
                rejects=refused_rows,
            )
            state = "looked" if dry_run else "taken"
            _write(folder, number, {**begun, "state": state, "result": asdict(result)})
            if not dry_run:
                kept.unlink(missing_ok=True)
        except BadInput as wrong:
            said = reason_of(translate, wrong)
            _write(folder, number, {**begun, "state": "refused", "why": wrong.reason, "said": said})
            kept.unlink(missing_ok=True)
        except OverlevError as refused:
            said = reason_of(translate, refused)
            _write(folder, number, {**begun, "state": "refused", "why": "refused", "said": said})
        except Exception as fault:  # noqa: BLE001 - a thread has nobody above it to tell
            _log.error("an import failed", extra={"job": "import", "places": places(fault)})
            _write(folder, number, {**begun, "state": "refused", "why": "fault", "said": ""})

    threading.Thread(target=run, name=f"import-{number}", daemon=True).start()


def _folder(visit: Visit) -> Path:
    folder = visit.house.settings.data / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _job(visit: Visit, number: str) -> dict[str, Any]:
    """The job, if it is the viewer's own. Raises `NotFound`."""
    good = number.isalnum() and number.isascii() and len(number) <= 32
    job = _read(_folder(visit), number) if good else {}
    if job.get("by") != visit.viewer.account:
        raise NotFound("There is no such import of yours, or it is no longer kept.")
    return job


def _read(folder: Path, number: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / f"{number}.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found


def _write(folder: Path, number: str, job: Mapping[str, Any]) -> None:
    making = folder / f"{number}.making"
    making.touch(mode=0o600)
    making.write_text(json.dumps(job, ensure_ascii=False), "utf-8")
    making.rename(folder / f"{number}.json")


def _forget(folder: Path, number: str) -> None:
    for path in folder.glob(f"{number}.*"):
        path.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Nothing of a roster stays longer than a day."""
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > KEPT_FOR.total_seconds():
            path.unlink(missing_ok=True)
