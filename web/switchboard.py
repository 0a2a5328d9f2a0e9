"""Finding the route of a request: only those are tried that begin like its address.

The framework tries every route in turn: with a hundred and fifty of them that costs a tenth of a
page. Which of the few that are left it is, is still for the route itself to say, in the order in
which they were added; what fits none of them is answered by the framework as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_MANY: Final = frozenset({"api", "cases"})
"""What so many addresses begin with that their fourth part is looked at too, no template's own."""
_OF_ANY_LENGTH: Final = ":path}"

_Beginning: TypeAlias = tuple[str, str, int]


class Switchboard(APIRouter):
    """The router of the application."""

    def __init__(self, **more: Any) -> None:
        self._by_beginning: dict[_Beginning, list[BaseRoute]] = {}
        super().__init__(redirect_slashes=False, **more)

    def add_api_route(self, path: str, *words: Any, **more: Any) -> None:
        """Add a route, and note how its address begins. Raises `ValueError` for an endless one."""
        if _OF_ANY_LENGTH in path:
            msg = f"{path} is of any length: the switchboard tells routes apart by theirs"
            raise ValueError(msg)
        super().add_api_route(path, *words, **more)
        self._by_beginning.setdefault(_beginning(path), []).append(self.routes[-1])

    def beginning_like(self, path: str) -> Sequence[BaseRoute]:
        """The routes that a path may be of, in their order."""
        return self._by_beginning.get(_beginning(path), ())

    def route_of(self, scope: Scope) -> BaseRoute | None:
        """The route of a request, which the scope tells of from then on; None where none fits."""
        for route in self.beginning_like(scope["path"]):
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope["router"] = self
                scope.update(found)
                return route
        return None

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to its route."""
        route = self.route_of(scope) if scope["type"] == "http" else None
        if route is not None:
            await route.handle(scope, receive, send)
        else:
            await super().app(scope, receive, send)


def _beginning(path: str) -> _Beginning:
    """What tells routes apart at a glance: how they begin, and of how many parts they are."""
    parts = path.split("/")
    resource = parts[3] if len(parts) > 3 and parts[1] in _MANY else ""
    return parts[1] if len(parts) > 1 else "", resource, len(parts)
