"""The phone number of somebody who is out, for whoever is to call them; each look is logged.

It came with the roster for messages, and stands in no list and on no page of the case: who follows
up asks for it. One that was wrong, failed or stopped is not shown, for it may be somebody else's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from cases import people, queries, rules
from cases.access import Viewer
from cases.appointments import BOOKING
from cases.journal import AccessRow, append
from cases.model import Phase
from core.errors import Refused

PHONE_READ: Final = "phone_read"
"""What the access log calls it."""


def read_number(tx: Connection, viewer: Viewer, ref: str, *, now: datetime) -> str | None:
    """The number (E.164) of a person in follow-up, None where there is none to use; logged.

    Raises `CaseNotFound`, `NotAllowed` for who follows nobody up, `Refused` outside the follow-up.
    """
    case = queries.case_by_ref(tx, viewer, ref)
    rules.check_role(viewer, BOOKING, "see the phone number of a released person")
    if case.phase is not Phase.FOLLOW_UP:
        raise Refused("A phone number is shown only while a released person is followed up.")
    number = people.number_for(tx, case.person)
    look = AccessRow(
        scope=case.unit,
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=PHONE_READ,
        case_ref=ref,
    )
    append(tx, [look], now=now)
    return number
