"""How messages to persons stand as a whole: one state with its reason, for whoever keeps the house.

Nothing about a person. Instants are aware, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, select

from notifications import line, outbox
from notifications.reasons import Reason, meaning
from notifications.tables import attempt
from notifications.tables import outbox as outbox_table


class LineState(StrEnum):
    """How the line to the provider stands.

    `answers` is well. `rests` sends nothing until an instant; `on_trial` has rested, and sends one
    message to see who answers; `partly` sends, but not to everybody.
    """

    ANSWERS = "answers"
    RESTS = "rests"
    ON_TRIAL = "on_trial"
    PARTLY = "partly"


@dataclass(frozen=True, slots=True)
class Standing:
    """The state, why (a `Reason`, None where all is well), and until when it rests."""

    state: LineState
    reason: Reason | None = None
    until: datetime | None = None

    @property
    def well(self) -> bool:
        """Whether there is nothing to look at."""
        return self.state is LineState.ANSWERS

    @property
    def says(self) -> str:
        """One English sentence of what is wrong and what to do."""
        return meaning(self.reason) if self.reason is not None else "the provider answers"


WELL: Final = Standing(LineState.ANSWERS)

_ANSWERED: Final = (
    select(attempt.c.id)
    .join(outbox_table, outbox_table.c.id == attempt.c.outbox_id)
    .where(
        attempt.c.outcome.in_(("accepted", "refused")),
        outbox_table.c.reason.is_distinct_from(Reason.SHOWN.value),
    )
    .limit(1)
)


def has_answered(tx: Connection) -> bool:
    """Whether a provider ever answered a message; what was shown in its place is none."""
    return tx.execute(_ANSWERED).one_or_none() is not None


def standing(tx: Connection, *, now: datetime) -> Standing:
    """How messages stand now. Two short questions."""
    found = line.state(tx)
    if found.on_trial and found.reason is not None:
        state = LineState.RESTS if found.rests(now) else LineState.ON_TRIAL
        return Standing(state, Reason(found.reason), found.paused_until)
    if Reason.COUNTRY_NOT_ALLOWED in outbox.why_people_are_waited_for(tx):
        return Standing(LineState.PARTLY, Reason.COUNTRY_NOT_ALLOWED)
    return WELL
