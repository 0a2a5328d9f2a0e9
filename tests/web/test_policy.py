"""Every route says who may call it, and nothing serves that does not."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

import web
from cases.access import CASE_ROLES
from cases.model import Role
from core.errors import NotAllowed
from web.pages.visit import PageRoute, Pages
from web.policy import NoPolicy, Policy, Router, allow, check_policies, public, take

MODULES = sorted(Path(web.__file__).parent.rglob("*.py"))


def test_a_route_that_does_not_say_who_may_call_it_is_not_made() -> None:
    router = Router()

    with pytest.raises(NoPolicy, match="does not say who may call it"):

        @router.get("/open")
        def forgotten() -> None: ...


def test_a_route_past_the_router_stops_the_start() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    plain = APIRouter()

    @plain.get("/open")
    @allow(CASE_ROLES)
    def declared_but_never_asked() -> None: ...

    app.include_router(plain, prefix="/deep")

    with pytest.raises(NoPolicy, match="/deep/open"):
        check_policies(app)


def test_a_route_that_is_taken_over_stays_of_its_own_kind() -> None:
    # Pages keep what was typed and close what was sent: as plain routes they would do neither.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    pages = Pages()

    @pages.get("/page")
    @public()
    def shown() -> None: ...

    middle = Router()
    middle.take(pages)
    take(app.router, middle)

    kinds = {type(each) for each in app.routes if getattr(each, "path", "") == "/page"}
    assert kinds == {PageRoute}


def test_a_mounted_folder_must_be_one_of_public_files(tmp_path: Path) -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=tmp_path), name="static")

    check_policies(app, mounts=["/static"])
    with pytest.raises(NoPolicy, match="/static"):
        check_policies(app)


def test_a_policy_refuses_the_roles_it_does_not_name() -> None:
    policy = Policy(frozenset({Role.ADMIN}))

    policy.check(Role.ADMIN)
    with pytest.raises(NotAllowed):
        policy.check(Role.HEALTH)


def test_a_public_route_asks_nobody() -> None:
    router = Router()

    @router.get("/open")
    @public()
    def opened() -> None: ...

    assert opened.__overlev_policy__.public  # type: ignore[attr-defined]


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def own_yields(function: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Yield | ast.YieldFrom):
            yield node
        yield from own_yields(node)


def is_context(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("contextmanager" in ast.unparse(each) for each in function.decorator_list)


def test_no_dependency_holds_a_transaction_open_until_the_answer_has_left() -> None:
    # FastAPI ends a dependency that yields after the answer has gone out: what it would commit
    # then is lost by a kill at that instant, though the caller was told.
    depended: set[str] = set()
    yielding: set[str] = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {
                "Depends",
                "Security",
            }:
                depended |= {ast.unparse(each).split(".")[-1] for each in node.args}
    for _, function in functions():
        if any(own_yields(function)) and not is_context(function):
            yielding.add(function.name)

    assert depended & yielding == set()
    assert "signed_of" in depended  # the test sees dependencies at all


def test_handlers_are_sync() -> None:
    # A handler talks to the database, which blocks: on the event loop it would stop everybody.
    for name in modules():
        for endpoint in endpoints_of(importlib.import_module(name)):
            assert not _is_async(endpoint), f"{endpoint.__qualname__} is async"


def modules() -> list[str]:
    return [each.name for each in pkgutil.walk_packages(web.__path__, "web.")]


def endpoints_of(module: Any) -> list[Any]:
    router = getattr(module, "router", None)
    return [route.endpoint for route in getattr(router, "routes", ()) if hasattr(route, "endpoint")]


def _is_async(endpoint: Any) -> bool:
    import inspect

    return inspect.iscoroutinefunction(endpoint)
