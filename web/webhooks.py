"""What the provider of SMS tells us. Each route checks the provider's signature.

A forged, unsigned or replayed call changes nothing, and nothing sent here is answered with a 5xx:
what cannot be read is refused, and where the database is busy the provider is asked to come again.
Nothing of a body is ever logged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Response
from sqlalchemy import Connection
from starlette.requests import Request

from cases import phones
from cases.sending import digest_of, signing_keys
from core.errors import Busy, OverlevError
from notifications import callbacks, inbound, signature
from notifications.callbacks import Told
from notifications.inbound import Word
from notifications.phone import Phone, sms_number
from notifications.reasons import Reason
from web.house import House, house_of
from web.policy import Router, public

_LARGEST: Final = 32_768
_TRIES: Final = 3
_ATTEMPT: Final = re.compile("[0-9a-f]{32}", re.ASCII)
_SID: Final = re.compile("[A-Za-z0-9]{1,64}", re.ASCII)
_NO_ANSWER: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

Fields = list[tuple[str, str]]

router: Final = Router(prefix="/webhooks", include_in_schema=False)


class NotFromProvider(OverlevError):
    """A call without a good signature: nothing was done."""

    status = 403
    message_key = "error.not_from_provider"


class _ComeAgain(OverlevError):
    """The database is busy: the provider may call again (429, because a 5xx raises its alarms)."""

    status = 429
    message_key = "error.busy"


async def body_of(request: Request) -> bytes:
    """The body as it was sent: it is what was signed."""
    return await request.body()


Body = Annotated[bytes, Depends(body_of)]


@router.post("/twilio/status/{attempt}")
@public(body_limit=_LARGEST)
def status(request: Request, attempt: str, body: Body) -> Response:
    """What became of a message: queued, sent, delivered, failed."""
    house, fields = _signed(request, body)
    said = dict(fields)
    told = Told(
        attempt_ref=attempt,
        provider_id=said.get("MessageSid") or said.get("SmsSid") or "",
        status=(said.get("MessageStatus") or said.get("SmsStatus") or "").lower(),
        code=said.get("ErrorCode") or None,
    )
    if _ATTEMPT.fullmatch(attempt) is None:
        return Response(status_code=404)
    if _SID.fullmatch(told.provider_id) is None:
        return Response(status_code=204)

    def verb(tx: Connection) -> callbacks.Heard:
        now = house.now()
        heard = callbacks.hear(tx, told, now=now)
        if heard.failed_number is not None:
            phones.failed(tx, *heard.failed_number, now)
        return heard

    return Response(status_code=204 if _written(house, verb).known else 404)


@router.post("/twilio/inbound")
@public(body_limit=_LARGEST)
def answered(request: Request, body: Body) -> Response:
    """What somebody answered. Stop words stop, START begins again, "feil nummer" tells staff."""
    house, fields = _signed(request, body)
    said = dict(fields)
    provider_id = said.get("MessageSid") or said.get("SmsSid") or ""
    number = sms_number(said.get("From", ""))
    if isinstance(number, Phone) and _SID.fullmatch(provider_id) is not None:
        text = said.get("Body", "")
        e164 = number.e164

        def verb(tx: Connection) -> None:
            now = house.now()
            digest = digest_of(tx, e164)
            if inbound.take(tx, provider_id, digest, text, now=now) is Word.WRONG_NUMBER:
                phones.failed(tx, digest, Reason.WRONG_NUMBER, now)

        _written(house, verb)
    return Response(_NO_ANSWER, media_type="text/xml")


def _signed(request: Request, body: bytes) -> tuple[House, Fields]:
    """The house, and the form as it was signed. Raises `NotFromProvider`."""
    house = house_of(request)
    keys, public_url = signing_keys(house.settings), house.settings.public_url
    # Twilio's forms are UTF-8; what is not cannot be signed as it stands, and is refused below.
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=None)
    query = request.scope.get("query_string", b"").decode("latin-1")
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1")
    address = f"{public_url}{path}" + (f"?{query}" if query else "")
    if (
        keys is None
        or public_url is None
        or not signature.is_signed(
            address,
            fields,
            signature=request.headers.get(signature.HEADER),
            settings=request.headers.get(signature.SETTINGS_HEADER),
            keys=keys,
        )
    ):
        raise NotFromProvider("The call is not signed by our SMS provider: nothing was done.")
    return house, fields


def _written(house: House, verb: Callable[[Connection], Any]) -> Any:
    for tried in range(1, _TRIES + 1):
        try:
            return house.db.transact(verb)
        except Busy:
            if tried == _TRIES:
                raise _ComeAgain("The database is busy: call again in a moment.") from None
    raise AssertionError("unreachable")
