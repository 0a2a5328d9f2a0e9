"""What a request says, read the short way where it is as it should be.

The framework reads a request with one walk for everything that a request may be: what may not be
there, may be a list, a file, a form. That walk was two thirds of the way to the verb of a
completion. Here each part of a route's handler is read by the same validator from the same place,
and nothing else is looked at. Whatever is not as it should be is left to the framework, which
reads it anew and words what is wrong: there is one wording, and what is refused is refused as
before. A route that asks for more than is known here is read by the framework alone.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from inspect import iscoroutinefunction
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.params import Body
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

_JSON: Final = frozenset({"application/json", "application/json; charset=utf-8"})
_NOTHING: Final = object()
_PLAIN: Final = (str, int, float, bool, Enum, type(None))


class _AsTheFrameworkDoes(Exception):
    """It is not as it should be, or not as it is known here."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A parameter of a handler: by which name it stands in the request, and how it is read."""

    name: str
    stands_as: str
    field: ModelField
    default: Any = _NOTHING

    def of(self, given: Mapping[str, Any]) -> Any:
        """Its value in what is given by name, or what stands for it where there is none."""
        value = given.get(self.stands_as)
        if value is not None:
            return self.read(value)
        if self.default is _NOTHING:
            raise _AsTheFrameworkDoes
        return self.default

    def read(self, value: Any) -> Any:
        """The value as the framework's own validator gives it."""
        read, wrong = self.field.validate(value, {}, loc=())
        if wrong:
            raise _AsTheFrameworkDoes
        return read


@dataclass(frozen=True, slots=True)
class Reader:
    """How the requests of one route are read."""

    asked: tuple[tuple[str, Callable[[Request], Awaitable[Any]]], ...]
    path: tuple[_Part, ...]
    query: tuple[_Part, ...]
    headers: tuple[_Part, ...]
    body: _Part | None
    request: str | None

    @classmethod
    def of(cls, route: APIRoute) -> Reader | None:
        """The reader of a route; None where only the framework knows how."""
        wanted = route.dependant
        told = get_type_hints(route.endpoint).get("return")
        if not (isinstance(told, type) and issubclass(told, Response)):
            return None  # what it tells is still to be written as an answer
        try:
            asked = tuple(_dependency(each) for each in wanted.dependencies)
            path, query, headers = (
                tuple(_part(each) for each in fields)
                for fields in (wanted.path_params, wanted.query_params, wanted.header_params)
            )
            body = _body(route)
        except _AsTheFrameworkDoes:
            return None
        if wanted.cookie_params or _wants_more(wanted):
            return None
        return cls(asked, path, query, headers, body, wanted.request_param_name)

    async def read(self, request: Request) -> dict[str, Any] | None:
        """The parameters of the handler by name; None where the framework has to say what is wrong.

        Raises what a validator raises that is no mistake of form: an unknown reference, say.
        """
        try:
            said = await _json_of(request) if self.body is not None else None
            found: dict[str, Any] = {name: await ask(request) for name, ask in self.asked}
            for part in self.path:
                found[part.name] = part.of(request.path_params)
            if self.query:
                query = request.query_params
                for part in self.query:
                    found[part.name] = part.of(query)
            for part in self.headers:
                found[part.name] = part.of(request.headers)
            if self.body is not None:
                found[self.body.name] = self.body.read(said)
        except _AsTheFrameworkDoes:
            return None
        if self.request is not None:
            found[self.request] = request
        return found


async def _json_of(request: Request) -> Any:
    """The body, where it says that it is JSON and is."""
    if request.headers.get("content-type", "").lower() not in _JSON:
        raise _AsTheFrameworkDoes
    body = await request.body()
    if not body:
        raise _AsTheFrameworkDoes
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _AsTheFrameworkDoes from None


def _dependency(wanted: Dependant) -> tuple[str, Callable[[Request], Awaitable[Any]]]:
    """One that asks for the request and nothing else."""
    call = wanted.call
    more = (
        wanted.dependencies
        or wanted.path_params
        or wanted.query_params
        or wanted.header_params
        or wanted.cookie_params
        or wanted.body_params
        or _wants_more(wanted)
    )
    if more or wanted.name is None or wanted.request_param_name is None:
        raise _AsTheFrameworkDoes
    if not iscoroutinefunction(call):
        raise _AsTheFrameworkDoes
    return wanted.name, call


def _wants_more(wanted: Dependant) -> bool:
    """Whether a handler asks for what only the framework has to give."""
    return any(
        (
            wanted.websocket_param_name,
            wanted.http_connection_param_name,
            wanted.response_param_name,
            wanted.background_tasks_param_name,
            wanted.security_scopes_param_name,
        )
    )


def _part(field: ModelField) -> _Part:
    """A value of its own: no list, no model made of several, nothing that is worked out."""
    about = field.field_info
    kind = about.annotation
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    plain = kind is str or kind is int or (isinstance(kind, type) and issubclass(kind, Enum))
    optional = kind in (str | None, int | None)
    required = about.is_required()
    if not (plain or optional) or about.validate_default or about.default_factory is not None:
        raise _AsTheFrameworkDoes
    if not required and not isinstance(field.default, _PLAIN):
        raise _AsTheFrameworkDoes
    return _Part(field.name, field.alias, field, _NOTHING if required else field.default)


def _body(route: APIRoute) -> _Part | None:
    """A body that is one model, which is all of it."""
    fields = route.dependant.body_params
    if not fields:
        return None
    field, about = fields[0], fields[0].field_info
    if not isinstance(about, Body) or about.media_type != "application/json" or about.embed:
        raise _AsTheFrameworkDoes
    kind = about.annotation
    one = len(fields) == 1 and isinstance(kind, type) and issubclass(kind, BaseModel)
    if not one or not about.is_required() or route.body_field is not field:
        raise _AsTheFrameworkDoes
    return _Part(field.name, field.alias, field)
