"""What goes in by the front door comes out as if it had gone through the framework."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Message, Scope

from core.errors import NotFound, OverlevError
from web import problems
from web.api.inputs import Input
from web.door import Overlev
from web.headers import GONE, SECURITY, Exits
from web.policy import Guarded, Router, public, take


class Said(Input):
    word: str


Counted = list[tuple[str, int]]


@pytest.fixture
def counted() -> Counted:
    return []


@pytest.fixture(params=["by the door", "by the framework"])
def app(
    request: pytest.FixtureRequest, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> Overlev:
    router = Router()

    @router.post("/say/{ref}")
    @public(body_limit=2_000)
    def say(ref: str, said: Said) -> Response:
        return JSONResponse([ref, said.word])

    @router.get("/none")
    @public()
    def none() -> Response:
        raise NotFound("There is nothing here.")

    @router.get("/fault")
    @public()
    def fault() -> Response:
        raise ZeroDivisionError("Kari Nordmann, 22 00 00 00")

    @router.get("/kept")
    @public()
    def kept() -> Response:
        return Response(b"x", headers={"Cache-Control": "max-age=60"})

    @router.get("/half")
    @public()
    def half() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise ZeroDivisionError("the other half")

        return StreamingResponse(parts())

    def note(scope: Scope, status: int, seconds: float) -> None:
        assert 0 <= seconds < 60
        counted.append((scope.get("path", ""), status))

    app = Overlev(openapi_url=None)
    take(app.router, router)
    app.add_exception_handler(OverlevError, problems.of_error)
    app.leave_by(Exits(https=True, fault=problems.of_fault, answered=note))
    if request.param == "by the framework":
        for route in app.router.routes:
            if isinstance(route, Guarded):
                route.alone = None
    else:
        assert all(isinstance(each, Guarded) and each.alone for each in app.router.routes)
    return app


def _ask(app: Overlev, method: str, path: str, **more: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    return asyncio.run(ask())


def test_an_answer_carries_the_headers_and_is_counted_once(app: Overlev, counted: Counted) -> None:
    answer = _ask(app, "POST", "/say/a", json={"word": "hei"})

    assert answer.json() == ["a", "hei"]
    assert {name: answer.headers[name] for name in SECURITY} == SECURITY
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert counted == [("/say/a", 200)]


def test_what_an_answer_says_of_itself_stays(app: Overlev) -> None:
    answer = _ask(app, "GET", "/kept")

    assert answer.headers.get_list("cache-control") == ["max-age=60"]


def test_a_refusal_is_a_problem_with_the_headers(app: Overlev, counted: Counted) -> None:
    answer = _ask(app, "GET", "/none")

    assert answer.status_code == 404
    assert answer.json()["type"].endswith("not-found")
    assert answer.headers["x-frame-options"] == "DENY"
    assert counted == [("/none", 404)]


def test_a_fault_of_ours_says_nothing_of_itself(app: Overlev, counted: Counted) -> None:
    answer = _ask(app, "GET", "/fault")

    assert answer.status_code == 500
    assert "Kari" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert counted == [("/fault", 500)]


def test_a_refusal_that_is_itself_a_fault_is_answered(app: Overlev, counted: Counted) -> None:
    def at_a_loss(request: Request, error: Exception) -> Response:
        raise ZeroDivisionError

    app.add_exception_handler(OverlevError, at_a_loss)

    assert _ask(app, "GET", "/none").status_code == 500
    assert counted == [("/none", 500)]


def test_what_is_wrong_is_worded_by_the_framework_and_counted_once(
    app: Overlev, counted: Counted
) -> None:
    answers = [
        _ask(app, "POST", "/say/a", json={"word": 7, "more": 1}),
        _ask(app, "POST", "/say/a", content=b"{", headers={"content-type": "application/json"}),
        _ask(app, "POST", "/say/a", content=b"word=x", headers={"content-type": "text/plain"}),
        _ask(app, "POST", "/say/a"),
    ]

    assert [each.status_code for each in answers] == [422] * 4
    assert [each["loc"] for each in answers[0].json()["detail"]] == [
        ["body", "word"],
        ["body", "more"],
    ]
    assert len(counted) == 4


def test_an_unknown_address_or_method_is_refused_as_ever(app: Overlev, counted: Counted) -> None:
    assert _ask(app, "GET", "/nowhere").status_code == 404
    assert _ask(app, "GET", "/say/a").status_code == 405
    assert _ask(app, "HEAD", "/kept").status_code == 405
    assert [status for _, status in counted] == [404, 405, 405]


def _parts(*parts: bytes) -> Callable[[], AsyncIterator[bytes]]:
    async def content() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return content


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_a_body_beyond_its_limit_is_refused_while_it_arrives(app: Overlev, kind: str) -> None:
    large = json.dumps({"word": "x" * 3_000}).encode()
    headers = {"content-type": kind}

    declared = _ask(app, "POST", "/say/a", content=large, headers=headers)
    in_parts = _ask(
        app, "POST", "/say/a", content=_parts(large[:1_500], large[1_500:])(), headers=headers
    )

    assert [declared.status_code, in_parts.status_code] == [413, 413]


def test_zeros_before_what_is_declared_hide_nothing_of_it(app: Overlev) -> None:
    large, small = (json.dumps({"word": "x" * many}).encode() for many in (3_000, 30))

    answers = [
        _ask(
            app, "POST", "/say/a", content=body,
            headers={"content-type": "application/json", "content-length": f"{len(body):0>40}"},
        )
        for body in (large, small)
    ]  # fmt: skip

    assert [each.status_code for each in answers] == [413, 200]


def test_a_body_in_parts_is_read_whole(app: Overlev) -> None:
    headers = {"content-type": "application/json"}
    answer = _ask(app, "POST", "/say/a", content=_parts(b'{"word"', b': "hei"}')(), headers=headers)

    assert answer.json() == ["a", "hei"]


def _sent(app: Overlev, method: str, path: str, arriving: list[Message]) -> list[Message]:
    """What goes out to a server for what arrives from it."""
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> Message:
        if not arriving:
            await asyncio.Event().wait()  # nobody sends more, nobody leaves
        return arriving.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def test_who_leaves_in_the_middle_of_a_body_is_counted_and_told_nothing(
    app: Overlev, counted: Counted
) -> None:
    arriving: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    sent = _sent(app, "POST", "/say/a", arriving)

    assert counted == [("/say/a", sent[0]["status"] if sent else GONE)]


def test_an_answer_that_breaks_off_is_counted_and_says_no_more(
    app: Overlev, counted: Counted
) -> None:
    sent = _sent(app, "GET", "/half", [{"type": "http.request", "body": b"", "more_body": False}])

    assert [each.get("body") for each in sent] == [None, b"half"]
    assert counted == [("/half", 200)]
