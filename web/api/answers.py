"""How a handler answers: reads and changes, each in one transaction that is over before a byte.

A read writes its row in the access log, so it is a write transaction too. A change asked for with
an `Idempotency-Key` is answered once: the key, the change and the answer stand or fall together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Header
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection
from starlette.responses import Response

from cases import idempotency
from cases.idempotency import Answer
from web.asked import Asked

JSON: Final = "application/json"


class Output(BaseModel):
    """A part of an answer. A field that it does not name never leaves the house."""

    model_config = ConfigDict(extra="forbid", frozen=True)


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=idempotency.LONGEST_KEY,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text of yours that names this request; a repeat gets the first answer.",
    ),
]


def read(asked: Asked, model: type[Output], look: Callable[[Connection], Any]) -> Response:
    """Answer what `look` finds; its row in the access log is committed before a byte leaves."""
    found = asked.house.db.transact(look)
    return Response(written(model, found), media_type=JSON)


def change(
    asked: Asked,
    key: str | None,
    said: BaseModel | None,
    model: type[Output],
    verb: Callable[[Connection], Any],
    *,
    status: int = 200,
) -> Response:
    """Do `verb` and answer what it gives; under a key that was answered before, that answer.

    `said` is the body as it was read. Raises `KeyReused`, and whatever the verb raises: then
    nothing was done, and nothing is remembered.
    """
    # Before the turn to write, which all wait for.
    request = request_of(asked, key, said) if key is not None else None

    def done(tx: Connection) -> Answer:
        if request is None:
            return Answer(status, written(model, verb(tx)))
        first = idempotency.claim(tx, request, now=asked.now)
        if first is not None:
            return first
        answer = Answer(status, written(model, verb(tx)))
        idempotency.keep(tx, request, answer)
        return answer

    return told(asked.house.db.transact_together(done))


def request_of(asked: Asked, key: str, said: BaseModel | None) -> idempotency.Request:
    """A request under a key: who asks for what."""
    # Without what it leaves out: a field that a later version adds makes no other request of it.
    body = said.model_dump(mode="json", exclude_defaults=True) if said is not None else None
    asks = json.dumps([asked.what, body], ensure_ascii=False, sort_keys=True)
    return idempotency.Request(asked.viewer.account, key, asks)


def told(answer: Answer) -> Response:
    """An answer as it goes out."""
    return Response(answer.body, answer.status, media_type=JSON)


def written(model: type[Output], value: Any) -> bytes:
    """A value as JSON, if it is of the form that the interface promises."""
    # A value that does not fit raises here, before COMMIT: rather no answer than one too many.
    return model.__pydantic_serializer__.to_json(
        model.model_validate(value), by_alias=True, exclude_unset=True
    )
