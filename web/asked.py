"""What a handler of the API is asked with: the house, who asks and the instant it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from cases.access import Viewer
from web.house import House, house_of
from web.signing import signed_of


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of somebody signed in. `now` is read once, for everything it does.

    `what` is the method and the path: what a repeated request must be the same in.
    """

    house: House
    viewer: Viewer
    now: datetime
    what: str


async def asked_of(request: Request) -> Asked:
    """What this request is asked with; only where the policy is not public."""
    house = house_of(request)
    viewer = (await signed_of(request)).viewer
    return Asked(house, viewer, house.now(), f"{request.method} {request.scope['path']}")


SignedIn = Annotated[Asked, Depends(asked_of)]
"""For handlers: `def read(asked: SignedIn, ref: str)`."""
