"""What people answer: stop, start, wrong number. Only the meaning is kept, never the words.

Instants are aware, UTC.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from notifications import opt_outs
from notifications.tables import inbound


class Word(StrEnum):
    """What an answer means."""

    STOP = "stop"
    START = "start"
    WRONG_NUMBER = "wrong_number"
    OTHER = "other"


STOP_WORDS: Final = frozenset(
    {"STOPP", "STOP", "SLUTT", "AVSLUTT", "UNSUBSCRIBE", "STOPALL", "CANCEL", "END", "QUIT"}
)
_CLEAR: Final = frozenset({"STOPP", "STOP", "STOPALL", "UNSUBSCRIBE", "AVSLUTT"})
"""These mean stop at the beginning of a sentence too ("Stopp meldingene")."""
START_WORDS: Final = frozenset({"START", "UNSTOP"})
_WRONG: Final = re.compile(
    r"\b(?:FEIL\s*(?:NUMMER|NR|PERSON)|FEILNUMMER|GALE\s+NUMMER|WRONG\s+(?:NUMBER|PERSON))\b"
)
_LONGEST_READ: Final = 500

_ADD: Final = {
    "sqlite": sqlite.insert(inbound)
    .on_conflict_do_nothing(index_elements=["provider_id"])
    .returning(inbound.c.id),
    "postgresql": postgresql.insert(inbound)
    .on_conflict_do_nothing(index_elements=["provider_id"])
    .returning(inbound.c.id),
}


def meaning(body: str) -> Word:
    """What an answer means, however it is written: case, dots and blanks do not matter."""
    folded = unicodedata.normalize("NFKC", body[:_LONGEST_READ]).upper()
    words = re.findall(r"\w+", folded)
    if not words:
        return Word.OTHER
    if (len(words) == 1 and words[0] in STOP_WORDS) or words[0] in _CLEAR:
        return Word.STOP
    if _WRONG.search(" ".join(words)):
        return Word.WRONG_NUMBER
    if len(words) == 1 and words[0] in START_WORDS:
        return Word.START
    return Word.OTHER


def take(
    tx: Connection, provider_id: str, from_digest: str, body: str, *, now: datetime
) -> Word | None:
    """Take in one answer; what it means, None if it was taken in before.

    Stop and start are done here; what a wrong number means for persons is for who knows them.
    """
    word = meaning(body)
    added = tx.execute(
        _ADD[tx.dialect.name],
        {
            "provider_id": provider_id[:64],
            "from_digest": from_digest,
            "word": word.value,
            "received_at": now,
        },
    )
    if added.first() is None:
        return None
    if word is Word.STOP:
        opt_outs.stop(tx, from_digest, source="inbound", now=now)
    elif word is Word.START:
        opt_outs.start(tx, from_digest, now=now)
    return word
