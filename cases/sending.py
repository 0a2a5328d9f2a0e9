"""What delivering needs from the cases: whether a message may still go, and where to.

Messages know no case; here the two meet, for the command line and the loops.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from cases import people, queries
from cases.access import SYSTEM
from cases.installation import Installation
from cases.wanted import still_wanted
from core.crypto import new_ref
from core.errors import NotFound
from notifications.delivery import DeliverResult, deliver
from notifications.message import Claimed
from notifications.reasons import Reason
from notifications.sender import Sender

NATIONAL_CONTACT: Final = "22 00 00 00"
"""The neutral number in every message, while units have none of their own (DOMAIN section 6)."""


def deliver_due(house: Installation, sender: Sender) -> DeliverResult:
    """Send what is due in the outbox through `sender`."""
    return deliver(
        house.db,
        sender,
        may_send=may_send,
        number_for=people.number_for,
        contact_phone=contact_phone,
        clock=house.clock,
        owner=f"command-{new_ref()}",
    )


def may_send(tx: Connection, message: Claimed) -> str | None:
    """None, or the `Reason` why nothing may be sent after all: the case is asked once more."""
    try:
        case = queries.case_by_ref(tx, SYSTEM, message.subject)
    except NotFound:
        return Reason.CLOSED
    return still_wanted(case, message.about)


def contact_phone(tx: Connection, subject: str) -> str:
    """The neutral number to name to a person; one for all until units have a setting for it."""
    del tx, subject
    return NATIONAL_CONTACT
