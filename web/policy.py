"""Who may call a route: declared beside the route, asked before anything is read or looked up.

Every route of the web is made by a `Router` and says who may call it::

    router = Router()

    @router.get("/cases/{ref}")
    @allow(CASE_ROLES)
    def read(asked: SignedIn, ref: str) -> Response: ...

A route without a policy is not made at all (`NoPolicy`, at import); `check_policies` finds what
came past the router, at start-up and in the tests. The order of refusals is fixed: nobody signed
in (401), a role that has no business here (403), a body too large (413), and only then is the body
read (422) and a case looked up (404). Whether a role may do a thing *in a unit* is for the verb to
say: another unit's case does not exist, whatever the role.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Final, TypeAlias, TypeVar

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from cases.access import CASE_ROLES
from cases.model import Role
from core.errors import NotAllowed
from web.house import house_of
from web.limits import BODY_LIMIT, limited
from web.reading import Reader
from web.session_cookie import SAFE
from web.signing import by_a_quick_look, sign
from web.threads import in_a_thread, in_line

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "__overlev_policy__"


class NoPolicy(Exception):
    """A route that does not say who may call it: a fault of ours, found before it serves."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call a route. `roles` None: anybody at all, signed in or not (`public`).

    `body_limit` is the largest body in bytes; `reads`, that it only looks, whatever its method.
    """

    roles: frozenset[Role] | None
    body_limit: int = BODY_LIMIT
    reads: bool = False

    @property
    def public(self) -> bool:
        """Whether nobody needs to be signed in."""
        return self.roles is None

    def check(self, role: Role) -> None:
        """Raise `NotAllowed` for a role that has no business here."""
        if self.roles is not None and role not in self.roles:
            raise NotAllowed(f"The role {role} has no business here.")


EVERYBODY: Final = frozenset(Role)
"""Whoever is signed in."""

CASE_WORKERS: Final = CASE_ROLES
"""The roles that have cases. What each may do in which unit, the verbs say."""


def allow(
    roles: Iterable[Role], *, body_limit: int = BODY_LIMIT, reads: bool = False
) -> Callable[[F], F]:
    """Declare the roles that may call the route below."""
    return _marked(Policy(frozenset(roles) | {Role.OPERATOR}, body_limit, reads))


def public(*, body_limit: int = BODY_LIMIT) -> Callable[[F], F]:
    """Declare that anybody may call the route below; it answers for itself (a signature, say)."""
    return _marked(Policy(None, body_limit))


def _marked(policy: Policy) -> Callable[[F], F]:
    def mark(endpoint: F) -> F:
        setattr(endpoint, _MARK, policy)
        return endpoint

    return mark


def policy_of(endpoint: Callable[..., Any]) -> Policy:
    """The declared policy. Raises `NoPolicy`."""
    policy = getattr(endpoint, _MARK, None)
    if not isinstance(policy, Policy):
        name = getattr(endpoint, "__qualname__", repr(endpoint))
        raise NoPolicy(f"{name} does not say who may call it: put @allow(…) or @public() on it")
    return policy


@dataclass(frozen=True, slots=True)
class Unread:
    """A request that the framework has to read: with the body, where it has been received."""

    body: bytes | None


Alone: TypeAlias = Callable[[Request], Awaitable[Response | Unread]]
"""How a route answers a request by itself."""


class Guarded(APIRoute):
    """A route that asks its policy first.

    `alone` answers a request without the framework (`web.door`); None where it never can.
    """

    alone: Alone | None = None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`; FastAPI calls this again for every router the route is included in."""
        policy, endpoint = policy_of(self.endpoint), self.endpoint
        answer = super().get_route_handler()
        reader = None if iscoroutinefunction(endpoint) else Reader.of(self)
        # What takes a file may take long.
        short = policy.body_limit == BODY_LIMIT
        writes = short and not policy.reads and not (self.methods or set()) <= SAFE

        async def asked(request: Request) -> Request:
            if not policy.public:
                if by_a_quick_look(request):
                    sign(request, policy)
                else:
                    await in_a_thread(sign, request, policy)
            return limited(request, policy.body_limit)

        async def guarded(request: Request) -> Response:
            return await answer(await asked(request))

        if reader is None:
            return guarded

        async def alone(request: Request) -> Response | Unread:
            request = await asked(request)
            said = await reader.read(request)
            if said is None:
                return Unread(await request.body() if reader.body is not None else None)
            answered: Response
            if writes and (db := house_of(request).db).is_sqlite:
                answered = await in_line(endpoint, patience=db.patience, **said)
            else:
                answered = await in_a_thread(endpoint, **said)
            return answered

        self.alone = alone
        return guarded


class Router(APIRouter):
    """A router of guarded routes: the only kind the web has."""

    def __init__(self, **more: Any) -> None:
        super().__init__(route_class=Guarded, **more)

    def take(self, other: APIRouter) -> None:
        """Every route of another router as one of this one."""
        take(self, other)


def take(into: APIRouter, other: APIRouter) -> None:
    """Every route of a router as a route of `into`, whose prefix and answers it gets.

    FastAPI's `include_router` keeps the other one as it is and looks for a route in it three times
    over, a sixth of a request.
    """
    for route in other.routes:
        if not isinstance(route, Guarded):
            raise NoPolicy(f"{route} is not made by a web.policy.Router")
        into.add_api_route(
            route.path,
            route.endpoint,
            response_model=route.response_model,
            status_code=route.status_code,
            tags=route.tags,
            summary=route.summary,
            description=route.description,
            responses=route.responses,
            methods=route.methods,
            include_in_schema=route.include_in_schema and other.include_in_schema,
            response_class=route.response_class,
            name=route.name,
            openapi_extra=route.openapi_extra,
            # A page is more than guarded: it keeps what was typed, and closes what was sent.
            route_class_override=type(route),
        )


def routes_of(app: FastAPI) -> Iterator[tuple[str, frozenset[str], Callable[..., Any]]]:
    """Every route as (path template, methods, endpoint), those of included routers too."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Mount):
            continue
        yield (
            context.path or "",
            frozenset(context.methods or ()),
            context.endpoint or _nothing,
        )


def check_policies(app: FastAPI, *, mounts: Iterable[str] = ()) -> None:
    """Raise `NoPolicy` for whatever serves requests without a policy.

    `mounts` are the paths of mounted folders of public files; any other mount is refused.
    """
    known = set(mounts)
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Mount):
            if route.path not in known:
                raise NoPolicy(f"{route.path} is mounted and asks nobody who they are")
        elif not isinstance(route, Guarded):
            raise NoPolicy(f"{context.path} is not made by a web.policy.Router")
        else:
            policy_of(route.endpoint)


def _nothing() -> None:
    """Stands for a route without an endpoint of its own."""
