"""Digests to staff: at most one per person and slot, counts and a link.

The slots are 08:00 and 13:00 on working days. A digest is claimed by inserting its row, in the
transaction that counts; so no slot tells anybody twice by SMS, however many workers there are.
What a dead worker left is told by mail, the other path, or else counts as failed: in the app
everything stands anyway. Whoever is away has the counts go to the deputy. Instants are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cases import staff_contact
from cases.calendar import at, is_working_day, roll_back
from cases.tables import account, case_, digest, membership, notice, task
from core.clock import Clock, local_date
from core.crypto import new_ref
from core.db import Transactions
from notifications.digest import digest_text
from notifications.mail import Mailer
from notifications.sender import Outcome, Sender, SendRequest

SLOTS: Final = (time(8), time(13))
PATIENCE: Final = timedelta(hours=2)
"""A slot that nobody could serve within this time is left out: the next one tells."""
STALE: Final = timedelta(minutes=2)
_DEPUTIES: Final = 3
"""A deputy may be away too, and theirs."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What one member of staff is to be told for a slot."""

    account: str
    slot_at: datetime
    notices: int
    overdue: int
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)


_ACCOUNTS: Final = (
    select(
        account.c.id,
        account.c.ref,
        account.c.phone_enc,
        account.c.email,
        account.c.deputy_id,
        account.c.away_from,
        account.c.away_until,
        membership.c.role,
        membership.c.unit,
    )
    .join(membership, membership.c.account_id == account.c.id)
    .where(
        account.c.disabled_at.is_(None),
        membership.c.unit.is_not(None),
        or_(membership.c.valid_from.is_(None), membership.c.valid_from <= bindparam("on")),
        or_(membership.c.valid_to.is_(None), membership.c.valid_to > bindparam("on")),
    )
)
_NOTICES: Final = (
    select(notice.c.unit, notice.c.to_role, func.count())
    .where(notice.c.told_at > bindparam("since"), notice.c.told_at <= bindparam("until"))
    .group_by(notice.c.unit, notice.c.to_role)
)
_OVERDUE: Final = (
    select(case_.c.unit, task.c.owner, func.count())
    .join(case_, case_.c.id == task.c.case_id)
    .where(task.c.state == "open", task.c.due_at < bindparam("now"))
    .group_by(case_.c.unit, task.c.owner)
)
CLAIM: Final = {
    "sqlite": sqlite.insert(digest).on_conflict_do_nothing().returning(digest.c.account),
    "postgresql": postgresql.insert(digest).on_conflict_do_nothing().returning(digest.c.account),
}
_CLAIMED: Final = select(digest.c.account).where(digest.c.slot_at == bindparam("slot"))
_THIS: Final = and_(
    digest.c.account == bindparam("this_account"),
    digest.c.slot_at == bindparam("this_slot"),
    digest.c.state == "sending",
)
_SETTLE: Final = (
    update(digest)
    .where(_THIS)
    .values(state=bindparam("new_state"), via=bindparam("new_via"), settled_at=bindparam("at"))
)
_LEFT: Final = select(digest.c.account, digest.c.slot_at, digest.c.notices, digest.c.overdue).where(
    digest.c.state == "sending", digest.c.claimed_at <= bindparam("before")
)
_RETAKE: Final = (
    update(digest)
    .where(_THIS, digest.c.claimed_at <= bindparam("before"))
    .values(claimed_at=bindparam("at"))
)


def slot_before(now: datetime) -> datetime:
    """The newest slot at or before `now`. Pure."""
    day = local_date(now)
    if is_working_day(day):
        for clock_time in reversed(SLOTS):
            if at(day, clock_time) <= now:
                return at(day, clock_time)
    return at(roll_back(day - timedelta(days=1)), SLOTS[-1])


def slot_now(now: datetime) -> datetime | None:
    """The slot to be served at `now`, None where there is none (any more). Pure."""
    slot = slot_before(now)
    return slot if now - slot < PATIENCE else None


def send_due(
    db: Transactions,
    sender: Sender,
    mailer: Mailer | None,
    *,
    clock: Clock,
    url: str,
) -> int:
    """Send the digests of the slot that is now; how many were sent. Twice does nothing more."""
    now = clock()
    sent = 0
    for each in db.transact(lambda tx: _left(tx, now)):
        sent += _sent(db, each, None, mailer, clock=clock, url=url)
    slot = slot_now(now)
    if slot is None:
        return sent
    for each in db.transact(lambda tx: claim(tx, slot, now=now)):
        sent += _sent(db, each, sender, mailer, clock=clock, url=url)
    return sent


def claim(tx: Connection, slot: datetime, *, now: datetime) -> list[Digest]:
    """The digests of a slot that nobody has taken yet, taken; nobody is told of nothing."""
    staff = _staff(tx, local_date(slot), slot)
    taken_already = set(tx.execute(_CLAIMED, {"slot": slot}).scalars())
    open_ones = [each for each in staff.values() if each.ref not in taken_already]
    if not any(each.phone_enc or each.email for each in open_ones):
        return []
    told = _counts(tx, slot, now)
    taken: list[Digest] = []
    for each in open_ones:
        notices, overdue = (sum(told[n].get(place, 0) for place in each.places) for n in (0, 1))
        if not (notices or overdue) or not (each.phone_enc or each.email):
            continue
        row = {
            "account": each.ref,
            "slot_at": slot,
            "state": "sending",
            "notices": notices,
            "overdue": overdue,
            "claimed_at": now,
        }
        if tx.execute(CLAIM[tx.dialect.name], row).first() is None:
            continue
        phone = staff_contact.opened(tx, each.id, each.phone_enc)
        taken.append(Digest(each.ref, slot, notices, overdue, phone, each.email))
    return taken


@dataclass(slots=True)
class Member:
    """A member of staff, and the (unit, role) for which they are told."""

    id: int
    ref: str
    phone_enc: bytes | None
    email: str | None
    deputy: int | None
    away: bool
    places: set[tuple[str, str]] = field(default_factory=set)


def _staff(tx: Connection, on: date, slot: datetime) -> dict[int, Member]:
    """Who is at work, with the units and roles they answer for, those of whom they stand in for."""
    members: dict[int, Member] = {}
    for row in tx.execute(_ACCOUNTS, {"on": on}):
        away = (
            row.away_until is not None
            and (row.away_from is None or row.away_from <= slot)
            and slot < row.away_until
        )
        member = members.setdefault(
            row.id, Member(row.id, row.ref, row.phone_enc, row.email, row.deputy_id, away)
        )
        member.places.add((row.unit, row.role))
    for member in [each for each in members.values() if each.away]:
        stand_in = _stand_in(member, members)
        if stand_in is not None:
            stand_in.places |= member.places
    return {number: each for number, each in members.items() if not each.away}


def _stand_in(member: Member, members: Mapping[int, Member]) -> Member | None:
    seen = member
    for _ in range(_DEPUTIES):
        following = members.get(seen.deputy) if seen.deputy is not None else None
        if following is None or not following.away:
            return following
        seen = following
    return None


def _counts(
    tx: Connection, slot: datetime, now: datetime
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """New notices and overdue tasks by unit and role."""
    since = slot_before(slot - timedelta(microseconds=1))
    notices = tx.execute(_NOTICES, {"since": since, "until": slot})
    overdue = _by_place(tx.execute(_OVERDUE, {"now": now}))
    # Tasks that any role may do are the coordinator's to be told of.
    for (unit, owner), number in list(overdue.items()):
        if owner == "any":
            place = (unit, "coordinator")
            overdue[place] = overdue.get(place, 0) + number
    return _by_place(notices), overdue


def _by_place(rows: Iterable[Any]) -> dict[tuple[str, str], int]:
    return {(unit, role): number for unit, role, number in rows}


def _left(tx: Connection, now: datetime) -> list[Digest]:
    """What a dead worker left: nobody knows whether its SMS went, so it goes by mail or fails."""
    before = now - STALE
    left: list[Digest] = []
    for row in tx.execute(_LEFT, {"before": before}).all():
        values = {"this_account": row.account, "this_slot": row.slot_at}
        if tx.execute(_RETAKE, {**values, "before": before, "at": now}).rowcount == 1:
            email = staff_contact.email_of(tx, row.account)
            left.append(Digest(row.account, row.slot_at, row.notices, row.overdue, None, email))
    return left


def _sent(
    db: Transactions,
    each: Digest,
    sender: Sender | None,
    mailer: Mailer | None,
    *,
    clock: Clock,
    url: str,
) -> bool:
    text = digest_text(notices=each.notices, overdue=each.overdue, url=url)
    via: str | None = None
    if sender is not None and each.phone is not None and by_sms(sender, each.phone, text.sms):
        via = "sms"
    elif (
        mailer is not None
        and each.email is not None
        and mailer.send(each.email, text.subject, text.sms)
    ):
        via = "mail"
    settled = {
        "this_account": each.account,
        "this_slot": each.slot_at,
        "new_state": "sent" if via else "failed",
        "new_via": via,
        "at": clock(),
    }
    db.transact(lambda tx: tx.execute(_SETTLE, settled))
    return via is not None


def staff_at(tx: Connection, on: date, now: datetime) -> list[Member]:
    """Who is at work in some unit, with the units and roles they answer for."""
    return list(_staff(tx, on, now).values())


def by_sms(sender: Sender, phone: str, text: str) -> bool:
    """Whether the provider took it. Silence counts as no: a digest is told by mail as well."""
    try:
        answer = sender.send(SendRequest(f"{new_ref()}{new_ref()}", phone, text, 3600))
    except Exception:  # noqa: BLE001 - only whether it was taken counts
        return False
    return answer.outcome is Outcome.ACCEPTED
