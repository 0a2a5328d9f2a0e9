"""Who is signed in where: sessions of the web in a table, so that each can be ended from afar.

The cookie holds a random token, the table its hash. A session ends after 30 minutes without a
click, after 10 hours at the latest, when it is ended by hand, and with its account.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, Date, and_, bindparam, insert, or_, select, update

from cases.access import Viewer
from cases.controllers import health_controllers
from cases.model import Role
from cases.tables import account, membership, web_session
from core.clock import local_date
from core.db import UtcDateTime
from core.errors import NotFound
from core.statement import Prepared

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=10)
TOUCHED_EVERY: Final = timedelta(minutes=1)
"""How exactly the last click is kept: a write for every page would cost more than it tells."""

LONGEST_PLACE: Final = 120
_OF_HEALTH: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD})


class SessionGone(NotFound):
    """No such session of this account."""

    message_key = "error.session_gone"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who is signed in. `digest` names the session, `viewer` what the person may see."""

    viewer: Viewer
    account_id: int
    username: str
    display_name: str
    digest: str
    made_at: datetime
    seen_at: datetime
    tour_step: int = 0

    @property
    def units(self) -> tuple[str, ...]:
        """The codes of the person's units, in order."""
        return tuple(sorted(self.viewer.units))


@dataclass(frozen=True, slots=True)
class Place:
    """One session of an account, as its owner sees it."""

    digest: str
    made_at: datetime
    seen_at: datetime
    place: str | None


_ON: Final = bindparam("on", type_=Date)
_BY_DIGEST: Final = Prepared(
    select(
        web_session.c.account_id,
        web_session.c.made_at,
        web_session.c.seen_at,
        account.c.ref,
        account.c.username,
        account.c.display_name,
        membership.c.role,
        membership.c.unit,
        account.c.tour_step,
    )
    .join(account, account.c.id == web_session.c.account_id)
    .join(membership, membership.c.account_id == account.c.id)
    .where(
        web_session.c.digest == bindparam("digest"),
        web_session.c.revoked_at.is_(None),
        web_session.c.seen_at > bindparam("idle_since", type_=UtcDateTime),
        web_session.c.made_at > bindparam("made_since", type_=UtcDateTime),
        account.c.disabled_at.is_(None),
        or_(membership.c.valid_from.is_(None), membership.c.valid_from <= _ON),
        or_(membership.c.valid_to.is_(None), membership.c.valid_to > _ON),
    )
    .order_by(membership.c.id)
)
_ADD: Final = insert(web_session)
_SEEN: Final = Prepared(
    update(web_session)
    .where(web_session.c.digest == bindparam("b_digest"))
    .values(seen_at=bindparam("b_seen_at", type_=UtcDateTime))
)
_END: Final = (
    update(web_session)
    .where(
        web_session.c.account_id == bindparam("b_account"),
        web_session.c.digest == bindparam("b_digest"),
        web_session.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("b_at", type_=UtcDateTime))
)
_END_ALL: Final = (
    update(web_session)
    .where(
        web_session.c.account_id == bindparam("b_account"),
        web_session.c.digest != bindparam("b_but"),
        web_session.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("b_at", type_=UtcDateTime))
)
_OF_ACCOUNT: Final = (
    select(web_session.c.digest, web_session.c.made_at, web_session.c.seen_at, web_session.c.place)
    .where(
        and_(
            web_session.c.account_id == bindparam("of_account"),
            web_session.c.revoked_at.is_(None),
            web_session.c.seen_at > bindparam("idle_since", type_=UtcDateTime),
            web_session.c.made_at > bindparam("made_since", type_=UtcDateTime),
        )
    )
    .order_by(web_session.c.seen_at.desc())
)


def digest_of(token: str) -> str:
    """How the table knows a session: the hash of the token in the cookie."""
    return sha256(token.encode()).hexdigest()


def open_session(tx: Connection, account_id: int, *, place: str | None, now: datetime) -> str:
    """A new session; returns the token for the cookie, which is kept nowhere else."""
    token = secrets.token_urlsafe(32)
    tx.execute(
        _ADD,
        {
            "digest": digest_of(token),
            "account_id": account_id,
            "made_at": now,
            "seen_at": now,
            "place": (place or "")[:LONGEST_PLACE] or None,
        },
    )
    return token


def session_of(tx: Connection, token: str, *, now: datetime) -> SignedIn | None:
    """Who is signed in with this token, or None: never was, ended, too old, account shut."""
    digest = digest_of(token)
    on = local_date(now)
    rows = _BY_DIGEST.rows(
        tx,
        {"digest": digest, "idle_since": now - IDLE, "made_since": now - LONGEST, "on": on},
    )
    if not rows:
        return None
    account_id, made_at, seen_at, ref, username, display_name, role_code, _, tour_step = rows[0]
    role = Role(role_code)
    units = frozenset(row[7] for row in rows if row[7] is not None)
    belongs = health_controllers(tx, units, on) if role in _OF_HEALTH else frozenset()
    viewer = Viewer(ref, role, units, belongs)
    return SignedIn(viewer, account_id, username, display_name, digest, made_at, seen_at, tour_step)


def is_to_touch(session: SignedIn, *, now: datetime) -> bool:
    """Whether the last click that is kept is old enough to be written anew."""
    return now - session.seen_at >= TOUCHED_EVERY


def touch(tx: Connection, session: SignedIn, *, now: datetime) -> None:
    """Keep that the person clicked just now."""
    _SEEN.run(tx, {"b_digest": session.digest, "b_seen_at": now})


def sessions_of(tx: Connection, account_id: int, *, now: datetime) -> list[Place]:
    """Where the account is signed in now, the latest click first."""
    rows = tx.execute(
        _OF_ACCOUNT,
        {"of_account": account_id, "idle_since": now - IDLE, "made_since": now - LONGEST},
    )
    return [Place(*row) for row in rows]


def end_session(tx: Connection, account_id: int, digest: str, *, now: datetime) -> None:
    """End one session of an account. Raises `SessionGone`."""
    ended = tx.execute(_END, {"b_account": account_id, "b_digest": digest, "b_at": now})
    if ended.rowcount == 0:
        raise SessionGone("There is no such session. It may have ended already.")


def end_others(tx: Connection, account_id: int, *, but: str = "", now: datetime) -> int:
    """End every session of an account except one; returns how many."""
    ended = tx.execute(_END_ALL, {"b_account": account_id, "b_but": but, "b_at": now})
    return ended.rowcount


def end_all(tx: Connection, *, now: datetime) -> int:
    """End every session of everybody, as after a restore; returns how many."""
    still = web_session.c.revoked_at.is_(None)
    return tx.execute(update(web_session).where(still).values(revoked_at=now)).rowcount
