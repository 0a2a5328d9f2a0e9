"""Reminders of tertial reports: to those who submit a unit's, and to the national owner.

Who has not reported is for `reports.waiting` to say; here it is told, once per person and reminder,
by mail, or by SMS where no mail goes. The row that claims it is one of a digest, in a slot of its
own, and is written as settled before the call: a reminder is told at most once, because the pages
tell it always. Instants are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select, update

from cases import staff_contact
from cases.accounts import in_force
from cases.digests import CLAIM, by_sms, staff_at
from cases.model import Role
from cases.tables import account, digest, membership
from core.clock import local_date
from core.db import Transactions
from notifications.digest import DigestText, report_text, reports_text
from notifications.mail import Mailer
from notifications.sender import Sender

SUBMITTING = frozenset({Role.UNIT_LEAD, Role.HEALTH_LEAD, Role.COORDINATOR})

_OWNERS = (
    select(account.c.id, account.c.ref, account.c.phone_enc, account.c.email)
    .join(membership, membership.c.account_id == account.c.id)
    .where(
        account.c.disabled_at.is_(None),
        membership.c.role == Role.DIRECTORATE.value,
        in_force(bindparam("on", type_=membership.c.valid_from.type)),
    )
    .distinct()
)
_TOLD = (
    update(digest)
    .where(digest.c.account == bindparam("of_account"), digest.c.slot_at == bindparam("of_slot"))
    .values(state="sent", via=bindparam("by_way"))
)


@dataclass(frozen=True, slots=True)
class Missing:
    """Units that have not submitted a period's report, at the instant `slot_at` of its reminder.

    `owner_too` on the last days, when the national owner is to know.
    """

    period: str
    due_on: date
    slot_at: datetime
    units: frozenset[str]
    owner_too: bool


@dataclass(frozen=True, slots=True)
class _Reminder:
    account: str
    slot_at: datetime
    text: DigestText
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)


def remind(
    db: Transactions,
    sender: Sender,
    mailer: Mailer | None,
    missing: Iterable[Missing],
    *,
    now: datetime,
    url: str,
) -> int:
    """Tell whoever was not told yet; how many were told. Twice does nothing more."""
    told = 0
    for each in missing:
        if not each.units:
            continue
        for reminder in db.transact(lambda tx, each=each: _claimed(tx, each, now, url)):  # type: ignore[misc]
            via = _way(reminder, sender, mailer)
            if via is not None:
                of = {"of_account": reminder.account, "of_slot": reminder.slot_at}
                db.transact(lambda tx, of=of, via=via: tx.execute(_TOLD, of | {"by_way": via}))  # type: ignore[misc]
                told += 1
    return told


def _claimed(tx: Connection, missing: Missing, now: datetime, url: str) -> list[_Reminder]:
    on = local_date(now)
    texts: dict[str, tuple[DigestText, bytes | None, str | None, int, int]] = {}
    for member in staff_at(tx, on, now):
        units = {unit for unit, role in member.places if role in SUBMITTING} & missing.units
        if units:
            text = report_text(missing.period, missing.due_on, url)
            texts[member.ref] = (text, member.phone_enc, member.email, member.id, len(units))
    if missing.owner_too:
        text = reports_text(missing.period, missing.due_on, url, len(missing.units))
        for owner in tx.execute(_OWNERS, {"on": on}):
            texts[owner.ref] = (text, owner.phone_enc, owner.email, owner.id, len(missing.units))
    claimed = []
    for ref, (text, phone_enc, email, number, units_missing) in sorted(texts.items()):
        if not (phone_enc or email):
            continue
        row = {
            "account": ref,
            "slot_at": missing.slot_at,
            "state": "failed",
            "notices": 0,
            "overdue": units_missing,
            "claimed_at": now,
            "settled_at": now,
        }
        if tx.execute(CLAIM[tx.dialect.name], row).first() is not None:
            phone = staff_contact.opened(tx, number, phone_enc)
            claimed.append(_Reminder(ref, missing.slot_at, text, phone, email))
    return claimed


def _way(reminder: _Reminder, sender: Sender, mailer: Mailer | None) -> str | None:
    """By what it was told, None for not at all."""
    text = reminder.text
    to = reminder.email
    if mailer is not None and to is not None and mailer.send(to, text.subject, text.sms):
        return "mail"
    if reminder.phone is not None and by_sms(sender, reminder.phone, text.sms):
        return "sms"
    return None
