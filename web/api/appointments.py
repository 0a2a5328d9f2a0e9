"""Appointments: booked, moved, and how they went."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, model_validator
from sqlalchemy import Connection
from starlette.responses import Response

from cases import appointments, queries
from cases.access import Viewer
from cases.appointments import Booking
from cases.model import Appointment, AppointmentKind, AppointmentStatus, Case
from cases.warnings import warnings_for
from core.errors import BadInput
from web.api.answers import IdempotencyKey, change
from web.api.changed import appointment_stands, case_changed
from web.api.inputs import AppointmentId, CaseRef, Input, Instant, Line, Version, mistake
from web.api.models import AppointmentChanged
from web.asked import Asked, SignedIn
from web.policy import CASE_WORKERS, Router, allow

router: Final = Router(tags=["appointments"])


class NewAppointment(Input):
    """An appointment to be booked, `requested` or `confirmed` already."""

    kind: AppointmentKind
    starts_at: Instant
    with_whom: Annotated[Line, Field(alias="with")]
    place: Line
    phone: Line | None = None
    status: AppointmentStatus = AppointmentStatus.REQUESTED
    version: Version | None = None


class AppointmentChange(Input):
    """A new time or new details (then it is moved), or else how it stands or went."""

    status: AppointmentStatus | None = None
    starts_at: Instant | None = None
    with_whom: Annotated[Line | None, Field(alias="with")] = None
    place: Line | None = None
    phone: Line | None = None
    happened_at: Instant | None = None
    version: Version | None = None

    @property
    def moves(self) -> bool:
        """Whether it gets a time."""
        return self.starts_at is not None

    @model_validator(mode="after")
    def _says_something(self) -> AppointmentChange:
        details = (self.with_whom, self.place, self.phone)
        if not self.moves and any(each is not None for each in details):
            raise mistake(BadInput("missing", "new details go with a time", "starts_at"))
        if not self.moves and self.status is None:
            raise mistake(BadInput("missing", "say status or starts_at", "status"))
        return self


@router.post("/cases/{ref}/appointments", response_model=AppointmentChanged, status_code=201)
@allow(CASE_WORKERS)
def book(
    asked: SignedIn, ref: CaseRef, new: NewAppointment, key: IdempotencyKey = None
) -> Response:
    """Book an appointment. What there is to look at afterwards stands in `warnings`."""
    booking = Booking(
        new.kind.value, new.starts_at, new.with_whom, new.place, new.phone, new.status.value
    )

    def verb(tx: Connection) -> dict[str, Any]:
        known = {each.id for each in queries.case_for_update(tx, asked.viewer, ref).appointments}
        case = appointments.book(tx, asked.viewer, ref, booking, now=asked.now, version=new.version)
        return _stands(asked, case, next(a for a in case.appointments if a.id not in known))

    return change(asked, key, new, AppointmentChanged, verb, status=201)


@router.patch("/appointments/{appointment}", response_model=AppointmentChanged)
@allow(CASE_WORKERS)
def change_appointment(
    asked: SignedIn,
    appointment: AppointmentId,
    said: AppointmentChange,
    key: IdempotencyKey = None,
) -> Response:
    """Move an appointment (a new one stands in its place), or say how it stands or went."""

    def verb(tx: Connection) -> dict[str, Any]:
        if said.starts_at is None:
            status = (said.status or AppointmentStatus.UNKNOWN).value
            case = appointments.record_outcome(
                tx,
                asked.viewer,
                appointment,
                status,
                now=asked.now,
                happened_at=said.happened_at,
                version=said.version,
            )
            return _stands(asked, case, next(a for a in case.appointments if a.id == appointment))
        case = appointments.move(
            tx,
            asked.viewer,
            appointment,
            said.starts_at,
            now=asked.now,
            happened_at=said.happened_at,
            with_whom=said.with_whom,
            place=said.place,
            phone=said.phone,
            status=said.status.value if said.status is not None else None,
            version=said.version,
        )
        moved = next(a for a in case.appointments if a.moved_from == appointment)
        return _stands(asked, case, moved)

    return change(asked, key, said, AppointmentChanged, verb)


def _stands(asked: Asked, case: Case, this: Appointment) -> dict[str, Any]:
    return case_changed(case) | {
        "appointment": appointment_stands(case, this),
        "warnings": _warnings(asked.viewer, case, asked),
    }


def _warnings(viewer: Viewer, case: Case, asked: Asked) -> list[str]:
    return [each.value for each in warnings_for(viewer, case, now=asked.now)]
