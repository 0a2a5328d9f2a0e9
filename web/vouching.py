"""What the pages know of an identity provider: the way out and back, and why nobody came in.

The provider itself (`web.provider`) is brought in where one is set: what speaks and reads its
protocol takes 8 MB in every process of the web, and most houses have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from importlib import import_module
from typing import Final, Protocol

from cases.provided import Vouched
from core.settings import Settings

BACK: Final = "/sign-in/provider/back"
"""Where the provider sends people back to; to be registered there below the public address."""


class Why(StrEnum):
    """Why a sign-in through the provider came to nothing."""

    AWAY = "away"
    CANCELLED = "cancelled"
    NOT_PROVED = "not_proved"


class NotVouched(Exception):
    """The provider does not vouch for anybody here; `why` is for the person, no value in it."""

    def __init__(self, why: Why, what: str) -> None:
        super().__init__(what)
        self.why = why


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has begun in one browser: what must come back, and where to go then."""

    state: str
    nonce: str
    verifier: str
    next_page: str


class Vouching(Protocol):
    """An identity provider, as pages ask it."""

    def way_out(self, next_page: str, *, now: datetime) -> tuple[str, Begun]: ...
    def way_off(self) -> str | None: ...
    def vouched(self, begun: Begun, answer: dict[str, str], *, now: datetime) -> Vouched: ...


@lru_cache(maxsize=4)
def provider_of(settings: Settings) -> Vouching | None:
    """The identity provider of an installation, None where staff have local accounts only."""
    if not settings.oidc_issuer:
        return None
    made: Vouching = import_module("web.provider").Provider(settings)
    return made
