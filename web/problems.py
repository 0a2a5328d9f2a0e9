"""Refusals over HTTP: problem details (RFC 9457) of stable types, titled in the reader's language.

A domain error says what is wrong by itself (`status`, `message_key`, `detail`); here it only gets
its form. `type` is `urn:overlev:problem:CODE`, where CODE is the error's key; the titles stand in
`problems.toml`, in Norwegian unless the request asks for another language that is there. A fault
of ours says nothing about itself: its place is logged, and the answer carries the log's number.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from core.crypto import new_ref
from core.errors import BadInput, Busy, Conflict, NotSignedIn, OverlevError
from web.limits import TooLarge

URN: Final = "urn:overlev:problem:"
OURS: Final = "overlev."
"""What the type of a mistake begins with that carries a reason of ours."""

MEDIA_TYPE: Final = "application/problem+json"
LANGUAGES: Final = ("nb", "nn", "en")

_LARGEST: Final = 2**63 - 1
_DIGITS: Final = 19

_log: Final = logging.getLogger(__name__)
_BY_STATUS: Final = {
    400: "unreadable",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    422: "bad_input",
}

# What pydantic calls a mistake, as the codes of our own refusals; all others are `bad_value`.
_REASONS: Final = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "json_invalid": "bad_json",
    "enum": "unknown_code",
    "literal_error": "unknown_code",
    "string_too_long": "too_long",
    "string_too_short": "empty",
    "too_long": "too_long",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "int_parsing_size": "out_of_range",
}


class Problem(JSONResponse):
    """A problem as an answer; `told` holds its members, for whoever words it for people."""

    media_type = MEDIA_TYPE

    def __init__(
        self, told: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        self.told: Mapping[str, Any] = told
        super().__init__(told, status, headers=headers)


def problem(
    request: Request,
    code: str,
    status: int,
    detail: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Problem:
    """The answer for a problem; `code` as in `problems.toml`, `more` are its own members."""
    body: dict[str, Any] = {
        "type": URN + code.replace("_", "-"),
        "title": title_of(code, language_of(request)),
        "status": status,
    }
    if detail is not None:
        body["detail"] = detail
    body.update(more)
    return Problem(body, status, headers)


def of_error(request: Request, error: Exception) -> Problem:
    """The answer for an error of the domain."""
    if not isinstance(error, OverlevError):
        return of_fault(request, error)
    code = error.message_key.removeprefix("error.")
    headers: dict[str, str] = {}
    more: dict[str, Any] = {}
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Busy):
        return of_fault(request, error)
    if isinstance(error, Busy):
        headers["Retry-After"] = str(error.retry_after)
        more["retry_after"] = error.retry_after
    if isinstance(error, NotSignedIn):
        bad = "" if type(error) is NotSignedIn else ', error="invalid_token"'
        headers["WWW-Authenticate"] = f'Bearer realm="overlev"{bad}'
    if isinstance(error, Conflict) and error.current:
        more["current"] = dict(error.current)
        if error.yours:
            more["yours"] = dict(error.yours)
    if isinstance(error, BadInput):
        more |= {"field": error.field, "reason": error.reason}
        more["errors"] = [{"field": error.field, "reason": error.reason, "detail": error.detail}]
    return problem(request, code, error.status, error.detail, headers=headers, **more)


def of_invalid(request: Request, error: Exception) -> Problem:
    """The answer for input that is not of its form: each field at fault with its reason."""
    if not isinstance(error, RequestValidationError):
        return of_fault(request, error)
    wrong = [_mistake(each) for each in error.errors()]
    if any(each["reason"] == "bad_json" for each in wrong):
        return _no_json(request)
    if any(isinstance(each.get("input"), bytes) for each in error.errors()):
        # The framework hands on as it came what does not say that it is JSON.
        detail = "The body is JSON here: say so, Content-Type: application/json."
        return problem(request, "unsupported_media_type", 415, detail)
    first = wrong[0]
    return problem(
        request,
        _kind_of(error),
        422,
        f"{first['field'] or 'the body'}: {first['detail']}",
        field=first["field"],
        reason=first["reason"],
        errors=wrong,
    )


def _no_json(request: Request) -> Problem:
    return problem(request, "bad_json", 400, "The body is no JSON.")


def _of_unread(request: Request, why: BaseException | None) -> Problem | None:
    """The answer for a body that says it is JSON and that Python's reader gave up; None if not."""
    if isinstance(why, (UnicodeDecodeError, RecursionError)):
        return _no_json(request)
    if isinstance(why, ValueError) and "integer string conversion" in str(why):
        reason, detail = "out_of_range", "a number has too many digits"
        errors = [{"field": None, "reason": reason, "detail": detail}]
        said = f"the body: {detail}"
        return problem(
            request, "number_too_large", 422, said, field=None, reason=reason, errors=errors
        )
    return None


def _mistake(error: Mapping[str, Any]) -> dict[str, Any]:
    # What was sent is never sent back: it may be about a person, and it lands in logs.
    kind = str(error["type"])
    field = (error.get("ctx") or {}).get("field") or _field(error["loc"])
    reason = kind.removeprefix(OURS) if kind.startswith(OURS) else _REASONS.get(kind, "bad_value")
    return {"field": field, "reason": reason, "detail": str(error["msg"])}


def _kind_of(error: RequestValidationError) -> str:
    """What kind of bad input it is: some that programs get wrong have a type of their own."""
    given = [each.get("input") for each in error.errors()]
    if any(isinstance(value, str) and "\0" in value for value in given):
        return "nul_byte"
    return "number_too_large" if any(map(_is_too_large, given)) else "bad_input"


def _is_too_large(value: Any) -> bool:
    if isinstance(value, str):
        digits = value.strip().removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()):
            return False
        return len(digits) > _DIGITS or int(digits) > _LARGEST
    return isinstance(value, int | float) and abs(value) > _LARGEST


def _field(place: Iterable[Any]) -> str | None:
    names = [str(each) for each in place]
    return (
        ".".join(names[1:] if names and names[0] in ("body", "query", "path", "header") else names)
        or None
    )


def of_http(request: Request, error: Exception) -> Problem:
    """The answer for what the web itself refuses: an unknown address, a body too large."""
    if not isinstance(error, HTTPException):
        return of_fault(request, error)
    unread = _of_unread(request, error.__cause__) if error.status_code == 400 else None
    if unread is not None:
        return unread
    code = _BY_STATUS.get(error.status_code, "refused")
    more = {"limit": error.limit} if isinstance(error, TooLarge) else {}
    return problem(
        request,
        code,
        error.status_code,
        error.detail if isinstance(error, TooLarge) else None,
        headers=error.headers,
        **more,
    )


def of_fault(request: Request, error: Exception) -> Problem:
    """The answer for a fault of ours: a number to look for in the log, and nothing else."""
    number = new_ref()
    _log.error("a fault of ours", exc_info=error, extra={"fault": number})
    return problem(request, "fault", 500, f"A fault of ours, logged as {number}.", fault=number)


def language_of(request: Request) -> str:
    """The language of a request's titles: the best of `Accept-Language` that is there, else nb."""
    best, weight = LANGUAGES[0], 0.0
    for part in request.headers.get("accept-language", "")[:200].split(","):
        tag, _, quality = part.strip().partition(";")
        language = {"no": "nb"}.get(found := tag.strip().lower().partition("-")[0], found)
        try:
            wanted = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if language in LANGUAGES and wanted > weight:
            best, weight = language, wanted
    return best


def title_of(code: str, language: str) -> str:
    """What a problem is called; Norwegian where the language has no word of its own."""
    titles = _catalogue().get(code) or _catalogue()["refused"]
    return titles.get(language) or titles[LANGUAGES[0]]


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("web") / "problems.toml").read_text("utf-8"))
