"""Rosters taken in. The file is parsed in a limited child process and never touches the disk."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, BinaryIO, Final
from weakref import WeakValueDictionary

from fastapi import Query, UploadFile
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.formparsers import MultiPartParser
from starlette.responses import Response

from cases import idempotency, roster, rules
from cases.idempotency import Answer
from cases.roster_age import Older, dated, may_be_older
from cases.roster_file import DEFAULT_LIMITS
from cases.roster_named import Named
from core.clock import iso_local, local_date
from web.api.answers import IdempotencyKey, request_of, told, written
from web.api.inputs import Input
from web.api.models import Imported
from web.asked import Asked, SignedIn
from web.policy import CASE_WORKERS, Router, allow

LARGEST: Final = DEFAULT_LIMITS.max_bytes + 64 * 1024
"""Bytes of an upload: the largest roster, and what a form puts around it."""

MultiPartParser.spool_max_size = LARGEST
"""An upload waits in memory: beyond a megabyte it would be put on the disk, in plain."""

router: Final = Router(tags=["imports"])


class How(Input):
    """With `dry_run` nothing is written, and the answer is what an import would give.

    `part`: these are some rows of a roster, as mended ones are; of whom they do not name nothing is
    said.
    """

    dry_run: bool = False
    part: bool = False


class _Sent(BaseModel):
    """What a repeated import must be the same in."""

    sha256: str
    dry_run: bool
    part: bool


@router.post("/imports", response_model=Imported)
@allow(CASE_WORKERS, body_limit=LARGEST)
def take_in(
    asked: SignedIn, file: UploadFile, how: Annotated[How, Query()], key: IdempotencyKey = None
) -> Response:
    """Take in a prison's roster (CSV or XLSX). Rows are taken whole or not at all.

    An import is many transactions: one that was cut short is simply done again. A list that is
    older than one taken in for its unit is taken in too, and told in `older`: look with `dry_run`
    first.
    """
    rules.check_role(asked.viewer, roster.IMPORTING, "import a roster")
    sha256 = _digest(file.file)
    if key is None:
        return told(_taken_in(asked, file, how, sha256))
    request = request_of(asked, key, _Sent(sha256=sha256, dry_run=how.dry_run, part=how.part))
    db = asked.house.db
    with _one_after_the_other(request):
        first = db.transact(lambda tx: idempotency.first(tx, request, now=asked.now))
        if first is not None:
            return told(first)
        answer = _taken_in(asked, file, how, sha256)
        return told(db.transact(lambda tx: _kept(tx, request, answer, asked)))


def _taken_in(asked: Asked, file: UploadFile, how: How, sha256: str) -> Answer:
    house, name = asked.house, file.filename or ""
    days = dated(name, today=local_date(asked.now))
    with house.db.read() as tx:
        compared = may_be_older(tx, sha256, days, now=asked.now)
    named = Named() if compared else None
    with _as_path(file.file) as path:
        result = roster.import_roster(
            house.db,
            path,
            asked.viewer,
            now=asked.now,
            demo=house.demo,
            dry_run=how.dry_run,
            name=name,
            part=how.part,
            named=named,
            dated=days,
        )
    older = _told(named.older) if named is not None and named.older is not None else None
    return Answer(200, written(Imported, {**result.told(), "older": older}))


class _Line:
    """Whoever asks under one key, one after the other."""

    def __init__(self) -> None:
        self.turn: Final = threading.Lock()


_lines: Final[WeakValueDictionary[tuple[str, str], _Line]] = WeakValueDictionary()
_finding: Final = threading.Lock()


@contextmanager
def _one_after_the_other(request: idempotency.Request) -> Iterator[None]:
    """Let the second under a key wait for the first, as the key itself does in one transaction.

    In this process: of two in two processes each takes in what the other has not, and both are told
    what one of them did.
    """
    with _finding:
        line = _lines.setdefault((request.actor, request.key), _Line())
    with line.turn:
        yield


def _kept(tx: Connection, request: idempotency.Request, answer: Answer, asked: Asked) -> Answer:
    # Two at once in two processes: both took the file in, and both are told what one of them did.
    first = idempotency.claim(tx, request, now=asked.now)
    if first is not None:
        return first
    idempotency.keep(tx, request, answer)
    return answer


def _told(older: Older) -> dict[str, str | None]:
    return {
        "newer_at": iso_local(older.newer_at),
        "own_on": older.own_on.isoformat() if older.own_on is not None else None,
        "newer_on": older.newer_on.isoformat() if older.newer_on is not None else None,
        "same_at": iso_local(older.same_at) if older.same_at is not None else None,
    }


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = sha256()
    while part := file.read(1024 * 1024):
        digest.update(part)
    return digest.hexdigest()


@contextmanager
def _as_path(file: BinaryIO) -> Iterator[Path]:
    """The upload under a path that the child process can be given, in memory only."""
    file.seek(0)
    descriptor = os.memfd_create("roster", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as kept:
            shutil.copyfileobj(file, kept)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
