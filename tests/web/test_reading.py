"""A request read the short way says exactly what the framework would have read."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import OverlevError
from web import api, problems
from web.api.answers import IdempotencyKey
from web.api.inputs import CaseRef, Code, Day, Input, Instant, Version, Yes
from web.door import Overlev
from web.headers import Exits
from web.policy import Router, public, take
from web.reading import Reader


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Said(Input):
    colour: Colour
    at: Instant | None = None
    on: Day | None = None
    version: Version | None = None
    sure: Yes = False
    names: tuple[str, ...] = ()


async def asker(request: Request) -> str:
    return request.headers.get("x-asker", "nobody")


def _app(*, short: bool, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    with monkeypatch.context() as patched:
        if not short:
            patched.setattr(Reader, "of", classmethod(lambda cls, route: None))
        router = Router()

        @router.post("/said/{ref}/{code}")
        @public(body_limit=2_000)
        def said(  # noqa: PLR0917 - as the framework calls it
            who: Annotated[str, Depends(asker)],
            ref: CaseRef,
            code: Code,
            said: Said,
            most: int = 7,
            colour: Colour = Colour.RED,
            word: str | None = None,
            key: IdempotencyKey = None,
        ) -> Response:
            return JSONResponse(repr((who, ref, code, said, most, colour, word, key)))

        @router.get("/asked/{number}")
        @public()
        def asked(request: Request, number: int, word: str) -> Response:
            return JSONResponse(repr((request.url.path, number, word)))

        app = Overlev(openapi_url=None)
        take(app.router, router)
    app.add_exception_handler(RequestValidationError, problems.of_invalid)
    app.add_exception_handler(HTTPException, problems.of_http)
    app.add_exception_handler(OverlevError, problems.of_error)
    app.leave_by(Exits(https=False, fault=problems.of_fault, answered=lambda *_: None))
    return app


@pytest.fixture(scope="module")
def ways() -> tuple[FastAPI, FastAPI]:
    """Read the short way, and by the framework alone."""
    patch = pytest.MonkeyPatch()
    return _app(short=True, monkeypatch=patch), _app(short=False, monkeypatch=patch)


def _ask(app: FastAPI, method: str, path: str, **more: Any) -> tuple[int, str]:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    answer = asyncio.run(ask())
    return answer.status_code, answer.text


WORDS = st.one_of(
    st.sampled_from(
        ["", "red", "blue", "7", "-1", "1e3", "07", " 7 ", "true", "null", "æøå", "\0"]
    ),
    st.text(max_size=6),
)
VALUES = st.one_of(
    WORDS,
    st.integers(-3, 2**40),
    st.booleans(),
    st.none(),
    st.lists(WORDS, max_size=2),
    st.sampled_from(["2026-09-01T08:00+02:00", "2026-09-01", "2026-13-01", 1.5, {}]),
)
BODIES = st.one_of(
    st.dictionaries(
        st.sampled_from(["colour", "at", "on", "version", "sure", "names", "other"]),
        VALUES,
        max_size=5,
    ).map(lambda body: json.dumps({"colour": "red"} | body)),
    VALUES.map(json.dumps),
    st.sampled_from(
        ["", "{", "[" * 1_900, "[]", '{"colour": "red"} x', "\ufeff{}", "NaN", '{"colour":"blue"}']
    ),
)
KINDS = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/merge-patch+json",
        "text/plain",
        "",
        None,
    ]
)
REFS = st.sampled_from(["abcdefghij", "ABC", "a1", "abcdefghij234567abcdefghij2345672", "x%20y"])


@settings(max_examples=300)
@given(st.data())
def test_the_short_way_reads_what_the_framework_reads(
    ways: tuple[FastAPI, FastAPI], data: st.DataObject
) -> None:
    kind = data.draw(KINDS, "content type")
    key = data.draw(st.sampled_from([None, "", "k1", "k" * 300, "ø", "two words"]), "key")
    headers = [(b"x-asker", b"nurse")]
    headers += [(b"content-type", kind.encode())] if kind is not None else []
    headers += [(b"idempotency-key", key.encode())] if key is not None else []
    query = data.draw(
        st.lists(st.tuples(st.sampled_from(["most", "colour", "word", "more"]), WORDS), max_size=4),
        "query",
    )
    path = f"/said/{data.draw(REFS, 'ref')}/{data.draw(st.sampled_from(['a', 'x' * 70, '%00']))}"
    asked = {"headers": headers, "params": query, "content": data.draw(BODIES, "body").encode()}
    short, framework = (_ask(app, "POST", path, **asked) for app in ways)
    assert short == framework


@settings(max_examples=60)
@given(number=WORDS.filter(lambda word: word.isprintable() and "/" not in word), word=WORDS)
def test_so_does_a_look(ways: tuple[FastAPI, FastAPI], number: str, word: str) -> None:
    path = f"/asked/{httpx.URL('http://x', params={'p': number}).query.decode()[2:] or '0'}"
    params = {"word": word} if word else {}
    short, framework = (_ask(app, "GET", path, params=params) for app in ways)
    assert short == framework


def test_a_body_beyond_its_limit_is_refused_the_same(ways: tuple[FastAPI, FastAPI]) -> None:
    body = json.dumps({"colour": "red", "names": ["x" * 3_000]}).encode()
    headers = {"content-type": "application/json"}
    answers = [
        _ask(app, "POST", "/said/abcdefghij/a", content=body, headers=headers) for app in ways
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 413


def test_what_is_as_it_should_be_goes_past_the_framework(
    ways: tuple[FastAPI, FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    def solved(**_: Any) -> Any:
        raise AssertionError("the framework was asked")

    monkeypatch.setattr("fastapi.routing.solve_dependencies", solved)
    status, told = _ask(ways[0], "POST", "/said/abcdefghij/a?most=3", json={"colour": "blue"})
    assert status == 200
    assert "'nobody', 'abcdefghij', 'a'" in told
    assert _ask(ways[1], "POST", "/said/abcdefghij/a?most=3", json={"colour": "blue"})[0] == 500


def test_every_change_of_the_interface_but_a_file_is_read_the_short_way() -> None:
    slow = {
        f"{method} {route.path}"
        for route in api.router.routes
        if isinstance(route, APIRoute) and Reader.of(route) is None
        for method in route.methods or ()
        if method != "GET"
    }
    assert slow == {"POST /api/v1/imports"}
