"""A route is found by where its address begins: the same one that trying all in turn finds."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Match, Route

from core.clock import parse_instant
from core.db import Database
from core.settings import Settings
from web.app import create_app
from web.house import House
from web.switchboard import Switchboard

NOW = parse_instant("2026-09-01T08:00+02:00")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    nowhere: Path = tmp_path_factory.mktemp("nowhere") / "none.db"
    return create_app(House(Database(f"sqlite:///{nowhere}"), lambda: NOW, Settings()))


def found_in_turn(app: FastAPI, method: str, path: str) -> object:
    """What the framework would find, trying every route."""
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    for route in app.routes:
        match, found = route.matches(dict(scope))
        if match is Match.FULL:
            return found["endpoint"]
    return None


def test_every_address_finds_what_trying_all_in_turn_finds(app: FastAPI) -> None:
    board = app.router
    assert isinstance(board, Switchboard)
    addresses = {
        (method, re.sub(r"\{[^}]+\}", "x", route.path))
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    assert len(addresses) > 100

    for method, path in sorted(addresses):
        scope = {"type": "http", "method": method, "path": path, "root_path": ""}
        found = next(
            hit["endpoint"]
            for route in board.beginning_like(path)
            for match, hit in [route.matches(dict(scope))]
            if match is Match.FULL
        )
        assert found is found_in_turn(app, method, path), (method, path)


def test_few_routes_are_tried(app: FastAPI) -> None:
    board = app.router
    assert isinstance(board, Switchboard)

    longest = max(
        len(board.beginning_like(route.path)) for route in app.routes if isinstance(route, Route)
    )

    assert len(board.beginning_like("/overdue")) == 2
    assert longest < len(app.routes) / 8


def test_an_address_of_any_length_is_refused_when_it_is_added() -> None:
    with pytest.raises(ValueError, match="of any length"):
        Switchboard().add_api_route("/files/{name:path}", lambda: None)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("GET", "/api", 404),
        ("GET", "/api/v1", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "//overdue", 404),
        ("GET", "/overdue/", 404),
        ("PUT", "/overdue", 405),
        ("PUT", "/api/v1/cases", 405),
        ("GET", "/healthz", 200),
    ],
)
def test_what_fits_no_route_is_answered_as_before(
    app: FastAPI, method: str, path: str, status: int
) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, f"http://127.0.0.1{path}")

    answer = asyncio.run(ask())

    assert answer.status_code == status
