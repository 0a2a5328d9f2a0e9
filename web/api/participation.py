"""The answer to the offer, and consents."""

from __future__ import annotations

from typing import Final

from pydantic import model_validator
from starlette.responses import Response

from cases import service
from cases.model import AnswerReason, ConsentHow, ConsentPurpose, Participation, Receiver
from core.errors import BadInput
from web.api.answers import IdempotencyKey, change
from web.api.changed import case_changed
from web.api.inputs import CaseRef, Code, Input, Instant, Version, Yes, mistake
from web.api.models import CaseChanged
from web.asked import SignedIn
from web.policy import CASE_WORKERS, Router, allow

router: Final = Router(tags=["participation"])


class OfferAnswered(Input):
    """The person's answer; a reason (of declined and withdrawn) is a code, and optional."""

    answer: Participation
    reason: AnswerReason | None = None
    happened_at: Instant | None = None
    version: Version | None = None


class ConsentGiven(Input):
    """A consent given or withdrawn. `to` belongs to `sharing`, which always has one."""

    purpose: ConsentPurpose
    given: Yes
    to: Receiver | None = None
    happened_at: Instant | None = None
    how: ConsentHow | None = None
    language: Code | None = None
    text_version: Code | None = None
    version: Version | None = None

    @model_validator(mode="after")
    def _names_the_receiver(self) -> ConsentGiven:
        if self.purpose is ConsentPurpose.SHARING and self.to is None:
            raise mistake(BadInput("missing", "sharing names its receiver", "to"))
        if self.purpose is not ConsentPurpose.SHARING and self.to is not None:
            raise mistake(BadInput("to_not_asked", "to belongs to sharing", "to"))
        return self


@router.post("/cases/{ref}/participation", response_model=CaseChanged)
@allow(CASE_WORKERS)
def participation(
    asked: SignedIn, ref: CaseRef, said: OfferAnswered, key: IdempotencyKey = None
) -> Response:
    """Record the answer to the offer. Any answer may be replaced by a later one."""
    return change(
        asked,
        key,
        said,
        CaseChanged,
        lambda tx: case_changed(
            service.answer_offer(
                tx,
                asked.viewer,
                ref,
                said.answer.value,
                now=asked.now,
                happened_at=said.happened_at,
                reason=said.reason.value if said.reason else None,
                version=said.version,
            )
        ),
    )


@router.post("/cases/{ref}/consents", response_model=CaseChanged)
@allow(CASE_WORKERS)
def consents(
    asked: SignedIn, ref: CaseRef, said: ConsentGiven, key: IdempotencyKey = None
) -> Response:
    """Record a consent, given or withdrawn."""
    return change(
        asked,
        key,
        said,
        CaseChanged,
        lambda tx: case_changed(
            service.record_consent(
                tx,
                asked.viewer,
                ref,
                said.purpose.value,
                given=said.given,
                now=asked.now,
                receiver=said.to.value if said.to else None,
                happened_at=said.happened_at,
                how=said.how.value if said.how else None,
                language=said.language,
                text_version=said.text_version,
                version=said.version,
            )
        ),
    )
