"""The research export: participants who consented, under pseudonyms, with days instead of dates.

Three things guard it. *Permission* of its own, which an admin gives an account and takes back.
*Two persons*: one asks, stating the purpose, another one who has the permission approves; an
approval serves once, within a week. And a *key held apart*: pseudonyms are made with a key that
lies in neither database, so that whoever has the export and the database cannot join them. Each
step is a row of the access log (the reference of the request stands where a case's would), and
the export names its cases there, so that each person can be told.
"""

from __future__ import annotations

import base64
import hmac
import io
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from cases.access import Viewer
from cases.consents import consent_in_force
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.model import Case, CloseReason, ConsentPurpose, Role
from cases.protection import published_cases
from cases.tables import access_log, case_, consent
from core.clock import local_date
from core.crypto import KEY_BYTES, new_ref
from core.errors import BadInput, NotAllowed, NotFound, Refused
from reports.recount import folded
from reports.research_rows import CODE_BOOK, FILES, rows_of, written
from reports.tertial import Period, Question

PERMITTED: Final = "research_permitted"
FORBIDDEN: Final = "research_permission_ended"
REQUESTED: Final = "research_requested"
APPROVED: Final = "research_approved"
EXPORTED: Final = "research_exported"

GOOD_FOR: Final = timedelta(days=7)
"""How long an approval may be used after the request."""

_GRANTING: Final = frozenset({Role.ADMIN, Role.OPERATOR})
_ROWS: Final = (
    select(access_log.c.verb, access_log.c.actor, access_log.c.at)
    .where(
        access_log.c.case_ref == bindparam("ref"),
        access_log.c.scope == SYSTEM_SCOPE,
        access_log.c.verb.in_((PERMITTED, FORBIDDEN, REQUESTED, APPROVED, EXPORTED)),
    )
    .order_by(access_log.c.id)
)
_CONSENTED: Final = (
    select(case_.c.ref)
    .where(
        case_.c.id.in_(select(consent.c.case_id).where(consent.c.purpose == "research")),
        case_.c.released_at.is_not(None),
        published_cases(),
    )
    .order_by(case_.c.ref)
)


@dataclass(frozen=True, slots=True)
class Exported:
    """A research export: a ZIP of CSV files with their code book, and how many cases it holds."""

    content: bytes
    cases: int


def permit(tx: Connection, viewer: Viewer, account: str, *, now: datetime) -> None:
    """Give an account (by its reference) the permission to ask for and approve exports."""
    _say(tx, _granting(viewer), PERMITTED, account, now)


def forbid(tx: Connection, viewer: Viewer, account: str, *, now: datetime) -> None:
    """Take the permission back."""
    _say(tx, _granting(viewer), FORBIDDEN, account, now)


def may_research(tx: Connection, account: str) -> bool:
    """Whether an account has the permission now."""
    said = [row.verb for row in tx.execute(_ROWS, {"ref": account})]
    said = [verb for verb in said if verb in (PERMITTED, FORBIDDEN)]
    return bool(said) and said[-1] == PERMITTED


def request(tx: Connection, viewer: Viewer, *, now: datetime) -> str:
    """Ask for an export; gives the reference that another person approves."""
    _check_permitted(tx, viewer)
    ref = new_ref()
    _say(tx, viewer, REQUESTED, ref, now)
    return ref


def approve(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> None:
    """Approve another's request. Raises `NotFound`, and `Refused` for one's own or too late."""
    _check_permitted(tx, viewer)
    asked = _request(tx, ref, now)
    if asked.requested_by == viewer.account:
        raise Refused("Somebody else must approve: two persons stand behind an export.")
    if asked.approved_by is not None:
        raise Refused(f"{ref} is approved already.")
    _say(tx, viewer, APPROVED, ref, now)


def export(tx: Connection, viewer: Viewer, ref: str, key: bytes, *, now: datetime) -> Exported:
    """The export of an approved request, once, for the one who asked.

    `key` has 32 bytes and is held apart from the databases; the same key gives the same person the
    same pseudonym in a later export. Raises `BadInput` for a key of another length, `Refused`
    without an approval, after its use, or too late.
    """
    if len(key) != KEY_BYTES:
        raise BadInput("bad_key", f"the research key has {KEY_BYTES} bytes", "key")
    _check_permitted(tx, viewer)
    asked = _request(tx, ref, now)
    if asked.requested_by != viewer.account:
        raise NotFound("There is no such request of yours.")
    if asked.approved_by is None:
        raise Refused(f"{ref} is not approved: a second person must do that.")
    if asked.used:
        raise Refused(f"{ref} was used already: ask anew.")
    cases = list(consenting(tx, now))
    content = _packed(cases, key)
    subjects = tuple(case.ref for case in cases)
    row = AccessRow(SYSTEM_SCOPE, now, viewer.account, viewer.role.value, EXPORTED, ref, subjects)
    append(tx, [row], now=now)
    return Exported(content, len(cases))


def consenting(tx: Connection, now: datetime) -> Iterable[Case]:
    """The released cases whose research consent is in force now; nobody under kode 6."""
    refs = frozenset(tx.execute(_CONSENTED).scalars())
    for known in folded(tx, Question(Period.of(local_date(now)), now), only=refs):
        case = known.case
        if case is None or case.released_at is None:
            continue
        if case.close_reason is CloseReason.REGISTERED_IN_ERROR:
            continue
        if consent_in_force(case, ConsentPurpose.RESEARCH) is not None:
            yield case


def pseudonym(key: bytes, counted_as: str) -> str:
    """The name a person has in every export made with this key: 16 characters."""
    digest = hmac.digest(key, f"overlev research 1 {counted_as}".encode(), "sha256")
    return base64.b32encode(digest[:10]).decode("ascii").lower()


def _packed(cases: Iterable[Case], key: bytes) -> bytes:
    """The files in one archive; the same cases and key give the same bytes."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in FILES}
    numbers: Counter[str] = Counter()
    for case in sorted(cases, key=lambda each: (each.admitted_at, each.ref)):
        numbers[case.counted_as] += 1
        person = pseudonym(key, case.counted_as)
        for name, rows in rows_of(case, person, numbers[case.counted_as]).items():
            tables[name].extend(rows)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, columns in FILES.items():
            # Sorted by pseudonym: the order in which cases were opened says nothing.
            rows = sorted(tables[name], key=lambda row: [str(row[column]) for column in columns])
            _put(archive, f"{name}.csv", written(columns, rows))
        book = [dict(zip(("file", "variable", "meaning"), line, strict=True)) for line in CODE_BOOK]
        _put(archive, "codebook.csv", written(("file", "variable", "meaning"), book))
    return packed.getvalue()


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    archive.writestr(entry, content)


@dataclass(frozen=True, slots=True)
class _Request:
    requested_by: str
    approved_by: str | None
    used: bool


def _request(tx: Connection, ref: str, now: datetime) -> _Request:
    rows = tx.execute(_ROWS, {"ref": ref}).all()
    asked = next((row for row in rows if row.verb == REQUESTED), None)
    if asked is None:
        raise NotFound("There is no such request.")
    if now - asked.at > GOOD_FOR:
        raise Refused(f"{ref} is older than {GOOD_FOR.days} days: ask anew.")
    approved = next((row.actor for row in rows if row.verb == APPROVED), None)
    return _Request(asked.actor, approved, any(row.verb == EXPORTED for row in rows))


def _granting(viewer: Viewer) -> Viewer:
    if viewer.role not in _GRANTING:
        raise NotAllowed("An admin gives the permission for research exports.")
    return viewer


def _check_permitted(tx: Connection, viewer: Viewer) -> None:
    if not may_research(tx, viewer.account):
        raise NotAllowed("Research exports need a permission of their own: an admin gives it.")


def _say(tx: Connection, viewer: Viewer, verb: str, ref: str, now: datetime) -> None:
    row = AccessRow(SYSTEM_SCOPE, now, viewer.account, viewer.role.value, verb, case_ref=ref)
    append(tx, [row], now=now)
