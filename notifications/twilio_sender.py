"""Twilio: the one place that knows its SDK (twilio 9.13).

What the SDK does by itself is turned off or replaced: it logs the query of a look-up, which holds
the number (its logger is silenced, and `urllib3`'s word for word log is kept above DEBUG); its own
HTTP client has no deadline for a whole answer and drops the headers of an error, `Retry-After`
among them (`_Http` has one and keeps them); nothing is tried twice.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from notifications import twilio_codes
from notifications.reasons import Reason
from notifications.sender import Found, Outcome, SendRequest, SendResult, Sought, Trace

REAL_BASE: Final = "https://api.twilio.com"
STATUS_PATH: Final = "/webhooks/twilio/status/"
_CONNECT_SECONDS: Final = 3.05
_LARGEST_ANSWER: Final = 4 * 1024 * 1024
_PAGE: Final = 100
_MOST_PAGES: Final = 50
"""A number with more messages than that cannot be looked up completely."""
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_LONGEST_VALID: Final = 36_000
_SERVICE_LENGTH: Final = 34

_silent: Final = logging.getLogger("overlev.twilio")
_silent.disabled = True


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """How to reach an account. `sender` is a number, a messaging service (MG…) or a name.

    `public_url` is where callbacks go, None for none; `timeout` in seconds for a whole call.
    """

    sid: str
    token: str
    sender: str
    public_url: str | None
    api_base: str = REAL_BASE
    region: str | None = None
    edge: str | None = None
    timeout: float = 8.0
    at_once: int = 32

    def __repr__(self) -> str:
        return "TwilioAccount(…)"


class TwilioSender:
    """Sends through one account."""

    threaded = True

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account
        self._http = _Http(account)
        real = account.api_base == REAL_BASE
        # The SDK would otherwise read region, edge and even credentials from the environment.
        self._client = Client(
            account.sid,
            account.token,
            region=account.region if real else None,
            edge=account.edge if real else None,
            http_client=self._http,
            environment={"overlev": "1"},
        )
        if not real:
            self._client.api.base_url = account.api_base
        service = account.sender.startswith("MG") and len(account.sender) == _SERVICE_LENGTH
        self._from = (
            {"messaging_service_sid": account.sender} if service else {"from_": account.sender}
        )
        self.takes_replies = service or account.sender.removeprefix("+").isdigit()

    def send(self, request: SendRequest) -> SendResult:
        """One call, never repeated."""
        try:
            message = self._client.messages.create(
                to=request.to,
                body=request.body,
                status_callback=self._callback(request.attempt_id),
                validity_period=request.valid_for and min(request.valid_for, _LONGEST_VALID),
                **self._from,
            )
        except TwilioRestException as refused:
            return self._refused(refused.status, refused.code)
        except TwilioServiceException as refused:
            return self._refused(refused.status, refused.code)
        except requests.ConnectionError as failed:
            if _never_left(failed):
                return SendResult(
                    Outcome.LATER, code=type(failed).__name__, reason=Reason.NO_CONNECTION
                )
            return SendResult(Outcome.UNKNOWN, code=type(failed).__name__)
        except Exception as failed:  # noqa: BLE001 - timeouts, resets, broken answers: no answer
            return SendResult(Outcome.UNKNOWN, code=type(failed).__name__)
        if not isinstance(message.sid, str) or not message.sid:
            return SendResult(Outcome.UNKNOWN, code="no_sid")
        return SendResult(Outcome.ACCEPTED, provider_id=message.sid[:64])

    def look_up(self, sought: Sought) -> Found:
        """Ask for all messages to the number, page by page, and tell ours from the others."""
        since = sought.begun_at - _CLOCKS_DIFFER
        ours: list[Any] = []
        others = list(sought.others)
        page = self._client.messages.page(to=sought.to, page_size=_PAGE)
        for _ in range(_MOST_PAGES):
            for message in page:
                if not _is_candidate(message, since) or message.sid in sought.known:
                    continue
                if message.body != sought.body and message.body in others:
                    others.remove(message.body)
                    continue
                ours.append(message)
            following = page.next_page()
            if following is None:
                return _judged(ours, sought)
            page = following
        return Found(Trace.FAILED, code="too_many_pages")

    def erase(self, provider_id: str) -> bool:
        """Redact the body at the provider; True also where the message is gone there."""
        try:
            self._client.messages(provider_id).update(body="")
        except (TwilioRestException, TwilioServiceException) as refused:
            return bool(refused.status == 404)
        except Exception:  # noqa: BLE001 - asked again another day
            return False
        return True

    def _callback(self, attempt_id: str) -> str | None:
        base = self._account.public_url
        return f"{base}{STATUS_PATH}{attempt_id}" if base else None

    def _refused(self, status: int, code: int | None) -> SendResult:
        if not 400 <= status < 500:
            return SendResult(Outcome.UNKNOWN, code=f"http_{status}")
        outcome, reason = twilio_codes.refusal(status, code)
        return SendResult(
            outcome,
            code=str(code if code is not None else f"http_{status}"),
            reason=reason,
            retry_after=self._http.retry_after() if outcome is Outcome.LATER else None,
        )


def _never_left(failed: requests.ConnectionError) -> bool:
    """Whether no connection was made at all, so that the request surely never left."""
    cause = failed.args[0] if failed.args else None
    return isinstance(cause, MaxRetryError) and isinstance(
        cause.reason, (NewConnectionError, ConnectTimeoutError)
    )


def _is_candidate(message: Any, since: datetime) -> bool:
    if not str(message.direction or "outbound").startswith("outbound"):
        return False
    made_at = message.date_created
    if not isinstance(made_at, datetime):
        return True
    return (made_at if made_at.tzinfo else made_at.replace(tzinfo=UTC)) >= since


def _judged(candidates: list[Any], sought: Sought) -> Found:
    """Found only if one message is surely ours; nothing only if nothing could be."""
    if not candidates:
        return Found(Trace.ABSENT)
    exact = [message for message in candidates if message.body == sought.body]
    if len(exact) == 1 == len(candidates) and sought.body not in sought.others:
        code = exact[0].error_code
        return Found(
            Trace.FOUND,
            provider_id=exact[0].sid,
            status=str(exact[0].status),
            code=str(code) if code else None,
        )
    return Found(Trace.UNCLEAR)


class _Http(HttpClient):  # type: ignore[misc]
    """One request, one answer, within a deadline; the headers of the answer are kept a moment."""

    def __init__(self, account: TwilioAccount) -> None:
        super().__init__(_silent, is_async=False, timeout=account.timeout)
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
        self._session = requests.Session()
        self._session.trust_env = account.api_base == REAL_BASE  # no proxy to a stand-in
        adapter = HTTPAdapter(pool_maxsize=account.at_once, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._seen = threading.local()

    def request(  # noqa: PLR0917 - the SDK's own signature
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - the same
    ) -> Response:
        """See the SDK's `HttpClient`."""
        del timeout
        whole = float(self.timeout or 8.0)
        deadline = time.monotonic() + whole
        connect = min(_CONNECT_SECONDS, whole / 2)
        self._seen.headers = {}
        with self._session.request(
            method.upper(),
            uri,
            params=params,
            data=data,
            headers=headers,
            auth=auth,
            timeout=(connect, whole - connect),
            allow_redirects=allow_redirects,
            stream=True,
        ) as answer:
            body = bytearray()
            for part in answer.iter_content(16_384):
                body += part
                if time.monotonic() > deadline or len(body) > _LARGEST_ANSWER:
                    raise requests.Timeout("the answer took too long")
            self._seen.headers = dict(answer.headers)
            return Response(answer.status_code, body.decode("utf-8"), answer.headers)

    def retry_after(self) -> float | None:
        """Seconds until the provider wants to be asked again, as its last answer here said."""
        headers: dict[str, str] = getattr(self._seen, "headers", {})
        said = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
        if said is None:
            return None
        if said.strip().isdigit():
            return float(said)
        try:
            at = parsedate_to_datetime(said)
        except (TypeError, ValueError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max((at - datetime.now(UTC)).total_seconds(), 0.0)
