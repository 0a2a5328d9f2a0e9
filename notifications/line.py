"""The line to the provider: it rests after repeated silence, or while our account is refused.

One row for all workers, written only when something changes. Nothing is lost while the line rests:
messages stay wanted until their time has passed. After a pause one message is sent as a trial.
Instants are aware, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from notifications.reasons import Reason
from notifications.tables import line as line_table

SMS: Final = "sms"
SILENCE: Final = 5
"""So many calls in a row without an answer, and the line rests."""


@dataclass(frozen=True, slots=True)
class Line:
    """How the line stands. `reason` (a `Reason` value) tells why it rests or was last refused."""

    unknowns: int = 0
    pauses: int = 0
    paused_until: datetime | None = None
    reason: str | None = None

    def rests(self, now: datetime) -> bool:
        """Whether nothing is to be sent now."""
        return self.paused_until is not None and now < self.paused_until

    @property
    def on_trial(self) -> bool:
        """Whether the next message is sent alone, to see if anybody answers."""
        return self.paused_until is not None

    def silent(self, *, now: datetime, pause: timedelta) -> Line:
        """After one more call without an answer; `pause` is for how long it would rest."""
        unknowns = self.unknowns + 1
        if unknowns < SILENCE and not self.on_trial:
            return Line(unknowns, self.pauses, self.paused_until, self.reason)
        return Line(unknowns, self.pauses + 1, now + pause, Reason.NO_ANSWERS.value)

    def resting(self, *, until: datetime, reason: str) -> Line:
        """Resting for a reason the provider gave."""
        return Line(self.unknowns, self.pauses + 1, until, reason)


ANSWERS: Final = Line()
"""A line that answers."""

_STATE: Final = select(
    line_table.c.unknowns, line_table.c.pauses, line_table.c.paused_until, line_table.c.reason
).where(line_table.c.name == SMS)
_CHANGE: Final = (
    update(line_table)
    .where(line_table.c.name == SMS)
    .values(
        unknowns=bindparam("b_unknowns"),
        pauses=bindparam("b_pauses"),
        paused_until=bindparam("b_paused_until"),
        reason=bindparam("b_reason"),
        changed_at=bindparam("b_changed_at"),
    )
)

# Two workers may meet the first silence at once; one of them writes the row.
_ADD: Final = {
    "sqlite": sqlite.insert(line_table).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(line_table).on_conflict_do_nothing(),
}


def state(tx: Connection) -> Line:
    """How the line stands; one that never failed answers."""
    row = tx.execute(_STATE).one_or_none()
    return ANSWERS if row is None else Line(*row)


def write(tx: Connection, line: Line, *, now: datetime) -> None:
    """Note how the line stands now."""
    values = {
        "unknowns": line.unknowns,
        "pauses": line.pauses,
        "paused_until": line.paused_until,
        "reason": line.reason,
        "changed_at": now,
    }
    changed = tx.execute(_CHANGE, {f"b_{name}": value for name, value in values.items()})
    if changed.rowcount == 0:
        tx.execute(_ADD[tx.dialect.name], {"name": SMS, **values})
