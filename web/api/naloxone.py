"""The custody ledger of naloxone: rows of a person, and of a unit's shelf."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from cases import naloxone
from cases.custody import Kind, RefillReason
from cases.naloxone import MOST_AT_ONCE, Recorded
from web.api.answers import IdempotencyKey, change
from web.api.inputs import CaseRef, Code, Day, Input, Instant, Line
from web.api.models import NaloxoneRecorded
from web.asked import Asked, SignedIn
from web.policy import CASE_WORKERS, Router, allow

router: Final = Router(tags=["naloxone"])


class LedgerRow(Input):
    """What happened to kits. `distributor` is a user name; `reason` is that of a refill."""

    kind: Kind
    quantity: Annotated[int, Field(strict=True, ge=1, le=MOST_AT_ONCE)] = 1
    lot: Line | None = None
    expires_on: Day | None = None
    reason: RefillReason | None = None
    distributor: Code | None = None
    happened_at: Instant | None = None


@router.post("/cases/{ref}/naloxone", response_model=NaloxoneRecorded, status_code=201)
@allow(CASE_WORKERS)
def of_case(asked: SignedIn, ref: CaseRef, row: LedgerRow, key: IdempotencyKey = None) -> Response:
    """Record what happened to kits of a person. What does not add up is shown, never refused."""
    return _record(asked, row, key, ref=ref)


@router.post("/units/{unit}/naloxone", response_model=NaloxoneRecorded, status_code=201)
@allow(CASE_WORKERS)
def of_unit(asked: SignedIn, unit: Code, row: LedgerRow, key: IdempotencyKey = None) -> Response:
    """Record what happened to kits on a unit's shelf."""
    return _record(asked, row, key, unit=unit)


def _record(
    asked: Asked,
    row: LedgerRow,
    key: str | None,
    *,
    unit: str | None = None,
    ref: str | None = None,
) -> Response:
    def verb(tx: Connection) -> dict[str, Any]:
        return _told(
            naloxone.record(
                tx,
                asked.viewer,
                row.kind.value,
                now=asked.now,
                unit=unit,
                ref=ref,
                quantity=row.quantity,
                lot=row.lot,
                expires_on=row.expires_on,
                reason=row.reason.value if row.reason else None,
                distributor=row.distributor,
                happened_at=row.happened_at,
            )
        )

    return change(asked, key, row, NaloxoneRecorded, verb, status=201)


def _told(recorded: Recorded) -> dict[str, Any]:
    row = recorded.row
    return {
        "id": row.id,
        "unit": row.unit,
        "kind": row.kind.value,
        "quantity": row.quantity,
        "lot": row.lot,
        "expires_on": row.expires_on.isoformat() if row.expires_on else None,
        "stock": recorded.stock,
        "warnings": [
            {
                "flaw": each.flaw.value,
                "unit": each.unit,
                "quantity": each.quantity,
                "lot": each.lot,
                "on": each.on.isoformat() if each.on else None,
            }
            for each in recorded.warnings
        ],
    }
