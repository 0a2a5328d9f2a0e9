"""Consents of a case: given or taken back by one tap each."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import service
from core.errors import BadInput
from web.pages.once import once
from web.pages.visit import Pages, Visited
from web.policy import CASE_WORKERS, allow

router: Final = Pages()


@router.post("/cases/{ref}/consents")
@allow(CASE_WORKERS)
def consent(visit: Visited, ref: str) -> Response:
    """Record one."""
    what, _, answer = visit.typed("do").partition("/")
    purpose, _, receiver = what.partition(":")
    if answer not in ("given", "withdrawn"):
        raise BadInput("unknown_code", "A consent is given or withdrawn.", "do")

    def verb(tx: Connection) -> str:
        service.record_consent(
            tx,
            visit.viewer,
            ref,
            purpose,
            given=answer == "given",
            now=visit.now,
            receiver=receiver or None,
        )
        return f"/cases/{ref}?said=consent/{what}/{answer}#consents"

    return once(visit, verb)
