"""Papers about a case: the card with appointments, the overdose card, the calendar file."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from cases import print_outs
from forms.card import card_pdf
from forms.overdose import overdose_pdf
from web.pages.visit import Pages, Visited
from web.policy import CASE_WORKERS, allow

router: Final = Pages()


@router.get("/cases/{ref}/card.pdf")
@allow(CASE_WORKERS)
def card(visit: Visited, ref: str) -> Response:
    """The card with the appointments this viewer may print, logged as a print."""
    asked = visit.house.db.transact(
        lambda tx: print_outs.time_in_hand(tx, visit.viewer, ref, now=visit.now)
    )
    return _pdf(card_pdf(asked), "time-i-handen.pdf")


@router.get("/cases/{ref}/overdose.pdf")
@allow(CASE_WORKERS)
def overdose(visit: Visited, ref: str) -> Response:
    """The overdose card in the person's language."""
    asked = visit.house.db.transact(
        lambda tx: print_outs.overdose(tx, visit.viewer, ref, now=visit.now)
    )
    return _pdf(overdose_pdf(asked), "overdosekort.pdf")


def _pdf(written: bytes, name: str) -> Response:
    return Response(
        written,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
