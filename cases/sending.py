"""What delivering needs from the cases: whether a message may still go, and where to.

Messages know no case; here the two meet, for the command line and the loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from cases import people, queries, vault
from cases.access import SYSTEM
from cases.installation import Installation
from cases.wanted import still_wanted
from core.crypto import new_ref
from core.errors import NotFound
from notifications.delivery import Ask, DeliverResult, deliver
from notifications.message import Claimed
from notifications.reasons import Reason
from notifications.sender import Sender

NATIONAL_CONTACT: Final = "22 00 00 00"
"""The neutral number in every message, while units have none of their own (DOMAIN section 6)."""


def deliver_due(
    house: Installation, sender: Sender, *, go_on: Callable[[], bool] = lambda: True
) -> DeliverResult:
    """Send what is due in the outbox through `sender`; `go_on` may end it between batches."""
    return deliver(
        house.db,
        sender,
        ask=ASK,
        clock=house.clock,
        owner=f"worker-{new_ref()}",
        go_on=go_on,
    )


def may_send(tx: Connection, message: Claimed) -> str | None:
    """None, or the `Reason` why nothing may be sent after all: the case is asked once more."""
    try:
        case = queries.case_by_ref(tx, SYSTEM, message.subject)
    except NotFound:
        return Reason.CLOSED
    return still_wanted(case, message.about)


def digest_of(tx: Connection, number: str) -> str:
    """The keyed hash of a number (E.164), as persons' numbers are kept under."""
    return vault.digest(tx, "phone", number)


def contact_phone(tx: Connection, subject: str) -> str:
    """The neutral number to name to a person; one for all until units have a setting for it."""
    del tx, subject
    return NATIONAL_CONTACT


ASK: Final = Ask(
    may_send=may_send,
    number_for=people.number_for,
    contact_phone=contact_phone,
    digest_of=digest_of,
)
"""What delivery asks of the cases."""
