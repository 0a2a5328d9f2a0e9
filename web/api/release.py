"""Release dates, the release itself (also unplanned, with its short form), and closing."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator
from sqlalchemy import Connection
from starlette.responses import Response

from cases import release, short_form
from cases.model import Case, CloseReason, Destination, Receiver, ReleaseKind, UnplannedReason
from cases.short_form import ShortForm
from core.errors import BadInput
from web.api.answers import IdempotencyKey, change
from web.api.changed import case_changed
from web.api.inputs import CaseRef, Day, Input, Instant, Line, Version, Yes, mistake
from web.api.models import CaseChanged
from web.asked import SignedIn
from web.policy import CASE_WORKERS, Router, allow

router: Final = Router(tags=["release"])


class DateOfKind(Input):
    """A release date of a kind; `on` null withdraws that kind's date."""

    on: Day | None
    kind: ReleaseKind
    version: Version | None = None


class ShortFormFilledIn(Input):
    """What was done in ten minutes. `sharing` holds a yes or no for each receiver asked about."""

    risk_talk: Yes = False
    signs_and_113: Yes = False
    spray: Yes = False
    short_training: Yes = False
    card: Yes = False
    call_booked_at: Instant | None = None
    call_with: Line | None = None
    call_phone: Line | None = None
    sharing: Annotated[dict[Receiver, Yes], Field(default_factory=dict, max_length=len(Receiver))]
    accepted: Yes | None = None
    held_at: Instant | None = None

    def value(self) -> ShortForm:
        """The form as the domain takes it."""
        return ShortForm(
            risk_talk=self.risk_talk,
            signs_and_113=self.signs_and_113,
            spray=self.spray,
            short_training=self.short_training,
            card=self.card,
            call_booked_at=self.call_booked_at,
            call_with=self.call_with,
            call_phone=self.call_phone,
            sharing={receiver.value: given for receiver, given in self.sharing.items()},
            accepted=self.accepted,
            held_at=self.held_at,
        )


class Released(Input):
    """The actual release. `unplanned` names why there was no notice; `short_form` goes with it."""

    happened_at: Instant | None = None
    to: Destination = Destination.LIBERTY
    unplanned: UnplannedReason | None = None
    short_form: ShortFormFilledIn | None = None
    version: Version | None = None

    @model_validator(mode="after")
    def _form_is_of_an_unplanned_one(self) -> Released:
        if self.short_form is not None and self.unplanned is None:
            raise mistake(BadInput("missing", "the short form needs the reason", "unplanned"))
        return self


class Closed(Input):
    """Why a case is closed by hand."""

    reason: CloseReason
    happened_at: Instant | None = None
    version: Version | None = None


@router.post("/cases/{ref}/release-dates", response_model=CaseChanged)
@allow(CASE_WORKERS)
def release_dates(
    asked: SignedIn, ref: CaseRef, dated: DateOfKind, key: IdempotencyKey = None
) -> Response:
    """Record, or withdraw, the release date of a kind. Every deadline follows."""
    return change(
        asked,
        key,
        dated,
        CaseChanged,
        lambda tx: case_changed(
            release.set_release_date(
                tx,
                asked.viewer,
                ref,
                dated.on,
                kind=dated.kind.value,
                now=asked.now,
                version=dated.version,
            )
        ),
    )


@router.post("/cases/{ref}/release", response_model=CaseChanged)
@allow(CASE_WORKERS)
def record_release(
    asked: SignedIn, ref: CaseRef, said: Released, key: IdempotencyKey = None
) -> Response:
    """Record the release. What was to be done before it and was not becomes missed."""

    def verb(tx: Connection) -> Case:
        if said.short_form is not None and said.unplanned is not None:
            return short_form.release_unplanned(
                tx,
                asked.viewer,
                ref,
                said.unplanned.value,
                said.short_form.value(),
                now=asked.now,
                released_at=said.happened_at,
                to=said.to.value,
                version=said.version,
            )
        return release.release(
            tx,
            asked.viewer,
            ref,
            now=asked.now,
            released_at=said.happened_at,
            to=said.to.value,
            unplanned=said.unplanned.value if said.unplanned else None,
            version=said.version,
        )

    return change(asked, key, said, CaseChanged, lambda tx: case_changed(verb(tx)))


@router.post("/cases/{ref}/close", response_model=CaseChanged)
@allow(CASE_WORKERS)
def close(asked: SignedIn, ref: CaseRef, said: Closed, key: IdempotencyKey = None) -> Response:
    """Close a case for a reason that a person records."""
    return change(
        asked,
        key,
        said,
        CaseChanged,
        lambda tx: case_changed(
            release.close(
                tx,
                asked.viewer,
                ref,
                said.reason.value,
                now=asked.now,
                closed_at=said.happened_at,
                version=said.version,
            )
        ),
    )
