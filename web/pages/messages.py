"""Messages to released people: what was sent, what was not, and why. Never the text or a number."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from cases import worklist
from cases.views import SEES_CONSENTS
from core.clock import local_date
from notifications.message import MessageState
from notifications.standing import standing
from web.pages import rows
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.policy import allow

SHOWN: Final = {
    "attention": (MessageState.NEEDS_PERSON.value, MessageState.UNKNOWN.value),
    "unsent": (
        MessageState.REFUSED.value,
        MessageState.EXPIRED.value,
        MessageState.CANCELLED.value,
    ),
    "coming": (MessageState.WANTED.value, MessageState.SENDING.value),
    "sent": (MessageState.ACCEPTED.value,),
}
SHOWN_ONLY: Final = {"unsent": True, "sent": False}
"""What no provider took was shown and not sent, whatever is set by now."""

MOST: Final = 100

router: Final = Pages()


def sends(visit: Visit) -> bool:
    """Whether a provider of SMS is set, so that messages leave the house."""
    return visit.house.settings.twilio_account_sid is not None


@router.get("/messages")
@allow(SEES_CONSENTS)
def messages_page(visit: Visited) -> Response:
    """The messages of one's cases, the latest first."""
    which = visit.asked("show")
    states = SHOWN.get(which, ())
    with visit.house.db.read() as tx:
        attention = worklist.message_lines(
            tx, visit.viewer, states=SHOWN["attention"], waiting=True, limit=MOST
        )
        lines = (
            attention
            if which == "attention"
            else worklist.message_lines(
                tx, visit.viewer, states=states, shown_only=SHOWN_ONLY.get(which), limit=MOST
            )
        )
        known = worklist.names(tx, lines)
        units = rows.unit_names(tx, visit.viewer, local_date(visit.now))
        stands = standing(tx, now=visit.now)
    rows.log_look(visit, "messages_listed", [line.ref for line in lines])
    return page(
        visit,
        "pages/messages.html",
        lines=lines,
        names={who: identity.name for who, identity in known.items()},
        attention=len(attention),
        which=which if which in SHOWN else "",
        units=units,
        stands=stands,
        provider=sends(visit),
    )
