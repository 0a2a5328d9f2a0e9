"""PURE: the ledger of consents — what is in force, and what each opens to whom.

A consent is a row with purpose, receiver, date, controller, text and way; a withdrawal is another
row. What is in force is read from the latest, so a withdrawal holds from the moment it is written.
A consent follows the person through transfers: it was given for a purpose, not to a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cases.access import Viewer
from cases.model import (
    AppointmentKind,
    Case,
    Consent,
    ConsentHow,
    ConsentPurpose,
    Receiver,
    Role,
)

TEXT_VERSION: Final = "consent-1"
"""The version of the wording that staff read out or hand over today."""

HEALTH_STAFF: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD, Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class Opens:
    """What a consent opens, and nothing else does.

    `reminders`: messages to the released person. `research`: the case in the research extract.
    `details`: kinds of appointment whose kind, with-whom and place coordinators and unit leads see
    (officers never do). `health_answers`: the health service may hand its answers to the health
    service of the unit that a case was transferred to.
    """

    reminders: bool = False
    research: bool = False
    details: frozenset[AppointmentKind] = frozenset()
    health_answers: bool = False


OPENS: Final[Mapping[tuple[ConsentPurpose, Receiver | None], Opens]] = MappingProxyType(
    {
        (ConsentPurpose.SMS, None): Opens(reminders=True),
        (ConsentPurpose.RESEARCH, None): Opens(research=True),
        (ConsentPurpose.SHARING, Receiver.HEALTH): Opens(
            details=frozenset(
                {
                    AppointmentKind.GP,
                    AppointmentKind.OAT,
                    AppointmentKind.SPECIALIST_ADDICTION,
                    AppointmentKind.MUNICIPAL_ADDICTION,
                    AppointmentKind.DENTIST,
                    AppointmentKind.NALOXONE_OUTLET,
                }
            ),
            health_answers=True,
        ),
        (ConsentPurpose.SHARING, Receiver.NAV): Opens(details=frozenset({AppointmentKind.NAV})),
        (ConsentPurpose.SHARING, Receiver.MUNICIPALITY): Opens(
            details=frozenset({AppointmentKind.HOUSING})
        ),
    }
)
"""What each consent gives access to (DOMAIN section 5). The one place where it stands."""

SHARED_WITH: Final[Mapping[AppointmentKind, Receiver]] = MappingProxyType(
    {
        kind: receiver
        for (_, receiver), opens in OPENS.items()
        if receiver is not None
        for kind in opens.details
    }
)
"""Kinds whose details correctional staff see only with a sharing consent to this receiver."""


def consent_in_force(
    case: Case, purpose: ConsentPurpose, receiver: Receiver | None = None
) -> Consent | None:
    """The latest consent row of a purpose (and receiver) if it says *given*, else None.

    "Latest" is by when it happened; of one instant the later record counts.
    """
    rows = [c for c in case.consents if c.purpose is purpose and c.receiver is receiver]
    if not rows:
        return None
    latest = max(rows, key=lambda c: (c.happened_at, c.seq))
    return latest if latest.given else None


def with_consent(
    case: Case,
    purpose: ConsentPurpose,
    receiver: Receiver | None,
    *,
    given: bool,
    happened_at: datetime,
    now: datetime,
    by: str,
    controller_id: int | None,
    language: str | None = None,
    text_version: str | None = None,
    how: ConsentHow | None = None,
) -> Case:
    """The case with one more row in the ledger.

    What was given is given to a text: without another word, today's in the person's language.
    Taking back needs no text.
    """
    row = Consent(
        seq=max((c.seq for c in case.consents), default=0) + 1,
        purpose=purpose,
        receiver=receiver,
        given=given,
        happened_at=happened_at,
        recorded_at=now,
        by=by,
        controller_id=controller_id,
        language=language or (case.language if given else None),
        text_version=text_version or (TEXT_VERSION if given else None),
        how=how,
    )
    return replace(case, consents=(*case.consents, row))


def shares_details(case: Case, kind: AppointmentKind) -> bool:
    """Whether coordinators may know the details of an appointment of this kind."""
    receiver = SHARED_WITH.get(kind)
    return receiver is None or consent_in_force(case, ConsentPurpose.SHARING, receiver) is not None


def sees_details(viewer: Viewer, case: Case, kind: AppointmentKind) -> bool:
    """Whether the viewer sees kind, with whom and where, and not just a time.

    Health staff always; coordinators with the person's sharing consent to the receiver; officers
    and the leads of units, who read as officers do, never, for the kinds that tell.
    """
    return role_sees_details(viewer.role, case, kind)


def role_sees_details(role: Role, case: Case, kind: AppointmentKind) -> bool:
    """The same of whoever has this role in the unit."""
    if role in HEALTH_STAFF or kind not in SHARED_WITH:
        return True
    if role in (Role.OFFICER, Role.UNIT_LEAD):
        return False
    return shares_details(case, kind)


def keeper_of(case: Case, kind: AppointmentKind) -> Role:
    """Whose an appointment of this kind is to follow up: who may know about it."""
    return Role.COORDINATOR if shares_details(case, kind) else Role.HEALTH
