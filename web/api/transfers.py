"""Transfers between units: proposed, and answered by the other side."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import transfers
from cases.model import Case, Transfer
from core.clock import iso_local
from web.api.answers import IdempotencyKey, change, read
from web.api.inputs import CaseRef, Code, Input, TransferId, Version
from web.api.models import Proposals, TransferChanged
from web.asked import SignedIn
from web.policy import CASE_WORKERS, Router, allow

router: Final = Router(tags=["transfers"])


class ToUnit(Input):
    """The unit that is asked to take the case."""

    unit: Code
    version: Version | None = None


class TransferAnswer(StrEnum):
    """The receiving unit accepts or rejects; the sending one revokes."""

    ACCEPT = "accept"
    REJECT = "reject"
    REVOKE = "revoke"


@router.get("/transfers", response_model=Proposals)
@allow(CASE_WORKERS)
def waiting(asked: SignedIn) -> Response:
    """The transfers to or from your units that wait for an answer."""

    def look(tx: Connection) -> dict[str, Any]:
        found = transfers.list_proposals(tx, asked.viewer, now=asked.now)
        return {
            "transfers": [
                {
                    "id": each.id,
                    "ref": each.ref,
                    "from": each.from_unit,
                    "to": each.to_unit,
                    "proposed_at": iso_local(each.proposed_at),
                    "phase": each.phase,
                    "release_on": each.release_on.isoformat() if each.release_on else None,
                }
                for each in found
            ]
        }

    return read(asked, Proposals, look)


@router.post("/cases/{ref}/transfers", response_model=TransferChanged, status_code=201)
@allow(CASE_WORKERS)
def propose(asked: SignedIn, ref: CaseRef, to: ToUnit, key: IdempotencyKey = None) -> Response:
    """Propose to move the case. Nothing moves until the other unit accepts."""

    def verb(tx: Connection) -> dict[str, Any]:
        case = transfers.propose_transfer(
            tx, asked.viewer, ref, to.unit, now=asked.now, version=to.version
        )
        return _stands(case, case.open_transfer)

    return change(asked, key, to, TransferChanged, verb, status=201)


@router.post("/transfers/{transfer}/{answer}", response_model=TransferChanged)
@allow(CASE_WORKERS)
def answer(
    asked: SignedIn, transfer: TransferId, answer: TransferAnswer, key: IdempotencyKey = None
) -> Response:
    """Accept or reject (the receiving unit), or revoke (the sending one)."""

    def verb(tx: Connection) -> dict[str, Any]:
        case = transfers.answer_transfer(tx, asked.viewer, transfer, answer.value, now=asked.now)
        return _stands(case, next(each for each in case.transfers if each.id == transfer))

    return change(asked, key, None, TransferChanged, verb)


def _stands(case: Case, this: Transfer | None) -> dict[str, Any]:
    if this is None:  # a proposal just made is open
        raise AssertionError
    return {
        "ref": case.ref,
        "transfer": {
            "id": this.id,
            "from": this.from_unit,
            "to": this.to_unit,
            "state": this.state,
        },
    }
