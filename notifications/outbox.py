"""The outbox: what is wanted is written here, in the caller's transaction, and sent from here.

`sync` makes the rows of one subject equal to what is wanted of it; `of_subject` tells what became
of them. `claim` is the worker's side (`notifications.claims`). Nothing here opens a
transaction or calls a sender. Instants are aware, UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from notifications.claims import claim
from notifications.message import (
    MAY_HAVE_GONE,
    Claimed,
    ClaimResult,
    Message,
    MessageState,
    Wanted,
)
from notifications.reasons import Reason
from notifications.tables import FACTS, FOR_A_PERSON, attempt, in_state, outbox

__all__ = [
    "ClaimResult",
    "Claimed",
    "Decision",
    "Message",
    "MessageState",
    "Wanted",
    "claim",
    "decide",
    "delivery_of",
    "of_subject",
    "sync",
    "waiting_for_a_person",
    "why_people_are_waited_for",
]


class Decision(StrEnum):
    """What a person found out: it went; or it did not, or may have, and is not to go any more."""

    SENT = "sent"
    DROP = "drop"


WhyNot: TypeAlias = str | Callable[[str], str]
"""A `Reason` value for all rows, or a function from a row's `about` to one."""

_MESSAGES: Final = select(*FACTS, outbox.c.state, outbox.c.reason).order_by(
    outbox.c.send_at, outbox.c.id
)
_DELIVERED: Final = (
    select(outbox.c.id, attempt.c.delivery, attempt.c.delivery_code)
    .join(attempt, attempt.c.outbox_id == outbox.c.id)
    .where(outbox.c.subject == bindparam("of_subject"), attempt.c.delivery.is_not(None))
    .order_by(attempt.c.delivery_rank)
)
_WAITS: Final = text(f"({FOR_A_PERSON})")
_UNSURE: Final = in_state(MessageState.NEEDS_PERSON)
_DECIDE: Final = {
    # The provider's refusal is a fact: nobody can say that such a message went.
    Decision.SENT: update(outbox)
    .where(
        outbox.c.about == bindparam("this_about"),
        _WAITS,
        outbox.c.state != literal_column("'refused'"),
    )
    .values(state="accepted", reason=Reason.SAID_SENT.value, settled_at=bindparam("at")),
    Decision.DROP: update(outbox)
    .where(outbox.c.about == bindparam("this_about"), _WAITS)
    .values(
        state=case((_UNSURE, "cancelled"), else_=outbox.c.state),
        reason=case((_UNSURE, Reason.SAID_DROP.value), else_=Reason.SAID_SEEN.value),
        settled_at=bindparam("at"),
    ),
}
_OF_SUBJECT: Final = _MESSAGES.where(outbox.c.subject == bindparam("of_subject"))
_FOR_A_PERSON: Final = _MESSAGES.where(_WAITS).limit(bindparam("limit"))
_WHY: Final = (
    select(outbox.c.reason, func.count().label("waiting")).where(_WAITS).group_by(outbox.c.reason)
)

_THIS: Final = outbox.c.id == bindparam("this")
# Two verbs may find the same message missing at once; the second adds nothing.
_ADD: Final = {
    "sqlite": sqlite.insert(outbox).on_conflict_do_nothing(index_elements=["about"]),
    "postgresql": postgresql.insert(outbox).on_conflict_do_nothing(index_elements=["about"]),
}
_WANT_AGAIN: Final = (
    update(outbox)
    .where(
        _THIS,
        in_state(MessageState.WANTED, MessageState.CANCELLED),
        # Somebody may drop it between our look and this.
        or_(outbox.c.reason.is_(None), outbox.c.reason != Reason.SAID_DROP.value),
    )
    .values(
        state="wanted",
        reason=None,
        settled_at=None,
        person=bindparam("new_person"),
        send_at=bindparam("new_send_at"),
        expires_at=bindparam("new_expires_at"),
        starts_at=bindparam("new_starts_at"),
        template=bindparam("new_template"),
        language=bindparam("new_language"),
    )
)
_CANCEL: Final = (
    update(outbox)
    .where(_THIS, in_state(MessageState.WANTED))
    .values(state="cancelled", reason=bindparam("new_reason"), settled_at=bindparam("at"))
)


def sync(
    tx: Connection, subject: str, wanted: Sequence[Wanted], *, now: datetime, why: WhyNot
) -> None:
    """Make the stored messages of one subject equal to what is wanted of it.

    Missing ones are added, changed ones moved, cancelled ones that are wanted again wanted again;
    rows still `wanted` that are wanted no longer are cancelled with the reason `why`. What was
    claimed once is never touched, and an occasion whose reminder may have gone on one rung, or was
    dropped by somebody, gets none on another. A second call with the same arguments changes
    nothing. Raises `ValueError` for a message of another subject and for a `why` that is no
    `Reason`.

    Costs one SELECT, and one statement each for what is added, moved and cancelled.
    """
    asked = {message.about: message for message in wanted}
    if any(message.subject != subject for message in asked.values()):
        raise ValueError("a message of another subject cannot be wanted here")
    there = {message.about: message for message in of_subject(tx, subject)}
    gone = {message.occasion for message in there.values() if _may_have_gone(message)}

    missing = [
        _new(message, now)
        for about, message in asked.items()
        if about not in there and message.occasion not in gone
    ]
    moved, ended = [], []
    for about, message in there.items():
        wish = asked.get(about)
        if wish is not None and _is_to_change(message, wish, gone):
            moved.append(_wish(message.id, wish))
        elif wish is None and message.state is MessageState.WANTED:
            reason = Reason(why if isinstance(why, str) else why(about))
            ended.append({"this": message.id, "new_reason": reason.value, "at": now})
    if missing:
        tx.execute(_ADD[tx.dialect.name], missing)
    if moved:
        tx.execute(_WANT_AGAIN, moved)
    if ended:
        tx.execute(_CANCEL, ended)


def of_subject(tx: Connection, subject: str) -> list[Message]:
    """Every message there ever was about a subject, by the time it was to go."""
    return [_message(row) for row in tx.execute(_OF_SUBJECT, {"of_subject": subject})]


def delivery_of(tx: Connection, subject: str) -> dict[int, tuple[str, str | None]]:
    """How far a subject's messages got after the provider took them, with its code: by id."""
    rows = tx.execute(_DELIVERED, {"of_subject": subject})
    return {row.id: (row.delivery, row.delivery_code) for row in rows}


def decide(tx: Connection, about: str, decision: Decision, *, now: datetime) -> bool:
    """What a person found out about a message that waits for one; False if it waits no more.

    `DROP` of a message that surely was not sent, or did not arrive, only says that it was seen.
    """
    values = {"this_about": about, "at": now}
    return tx.execute(_DECIDE[decision], values).rowcount == 1


def waiting_for_a_person(tx: Connection, *, limit: int = 1000) -> list[Message]:
    """Messages that somebody has to see, the oldest first.

    Those of which only a person can find out whether they went, whose text is unfit, and those
    refused or not delivered for a reason that nobody hears of otherwise.
    """
    return [_message(row) for row in tx.execute(_FOR_A_PERSON, {"limit": limit})]


def why_people_are_waited_for(tx: Connection) -> dict[str, int]:
    """How many messages wait for a person, by reason."""
    return {row.reason: row.waiting for row in tx.execute(_WHY)}


def _may_have_gone(message: Message) -> bool:
    """Whether the person may have it; or somebody who could not tell decided that it is over."""
    return message.state in MAY_HAVE_GONE or message.why == Reason.SAID_DROP


def _is_to_change(message: Message, wish: Wanted, gone: set[str]) -> bool:
    if message.state is MessageState.CANCELLED:
        return wish.occasion not in gone
    return message.state is MessageState.WANTED and any(
        getattr(message, name) != getattr(wish, name)
        for name in ("person", "send_at", "expires_at", "starts_at", "template", "language")
    )


def _new(message: Wanted, now: datetime) -> dict[str, Any]:
    return {
        "about": message.about,
        "subject": message.subject,
        "person": message.person,
        "rung": message.rung,
        "send_at": message.send_at,
        "expires_at": message.expires_at,
        "starts_at": message.starts_at,
        "template": message.template,
        "language": message.language,
        "state": "wanted",
        "wanted_at": now,
    }


def _wish(row_id: int, message: Wanted) -> dict[str, Any]:
    return {
        "this": row_id,
        "new_person": message.person,
        "new_send_at": message.send_at,
        "new_expires_at": message.expires_at,
        "new_starts_at": message.starts_at,
        "new_template": message.template,
        "new_language": message.language,
    }


def _message(row: Row[*tuple[Any, ...]]) -> Message:
    return Message(
        id=row.id,
        about=row.about,
        subject=row.subject,
        person=row.person,
        rung=row.rung,
        send_at=row.send_at,
        expires_at=row.expires_at,
        starts_at=row.starts_at,
        template=row.template,
        language=row.language,
        state=MessageState(row.state),
        why=row.reason,
    )
