"""Signing in: password, one-time code, recovery codes, first time by invitation; with limits.

Every attempt is written down before the password is looked at, so that guesses made at the same
moment count too. Hashing takes as long as a hundred verbs, so it is done between transactions,
never in one. Names and addresses stand in the list of attempts as keyed hashes only.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, ClassVar, Final

import pyotp
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Connection, Integer, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from cases import vault
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.tables import account, invitation, recovery_code, sign_in_attempt, totp_used
from cases.web_sessions import end_others
from core.crypto import KeyRing
from core.db import Database, UtcDateTime
from core.errors import BadInput, NotFound, Refused
from core.sealing import open_with, seal_with

WINDOW: Final = timedelta(minutes=15)
DAY: Final = timedelta(days=1)
FREE_TRIES: Final = 5
"""Wrong attempts for a name from one network address before it waits: 1, 2, 4, 8, 15 minutes."""

MOST_PER_PLACE: Final = 50
"""Wrong attempts from one network address within `WINDOW`."""

MOST_PER_NAME: Final = 100
"""Wrong attempts for a name from everywhere within `DAY`; not for an address it is known from."""

TICKET_HOLDS: Final = timedelta(minutes=5)
INVITED_FOR: Final = timedelta(days=7)
RECOVERY_CODES: Final = 10
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 256
STEP: Final = 30

SIGNED_IN: Final = "signed_in"
_TOTP: Final = "totp"

_hasher: Final = PasswordHash((Argon2Hasher(),))
_NOBODY: Final = _hasher.hash(secrets.token_urlsafe(16))
"""What an unknown name's password is compared with, so that it takes as long as a known one's."""


class WrongPassword(Refused):
    """User name and password (or code) do not belong together; which of them is not told."""

    status: ClassVar[int] = 401
    message_key = "error.wrong_password"


class TooManyAttempts(Refused):
    """Too many wrong attempts; nothing is looked at `until` then."""

    status: ClassVar[int] = 429
    message_key = "error.too_many_attempts"

    def __init__(self, until: datetime) -> None:
        super().__init__(
            "Too many wrong attempts. Wait a little, or ask an administrator for a new password."
        )
        self.until = until


class InvitationGone(NotFound):
    """No such invitation: used, too old, or mistyped."""

    message_key = "error.invitation_gone"


@dataclass(frozen=True, slots=True)
class Known:
    """An account whose password was right. `second_step`: a code is asked for as well."""

    id: int
    ref: str
    username: str
    second_step: bool


_FAILURES: Final = (
    select(sign_in_attempt.c.at)
    .where(
        sign_in_attempt.c.digest == bindparam("digest"),
        sign_in_attempt.c.at > bindparam("since", type_=UtcDateTime),
        sign_in_attempt.c.succeeded.is_(False),
    )
    .order_by(sign_in_attempt.c.at.desc())
    .limit(bindparam("most", type_=Integer))
)
"""When the newest wrong attempts were, at most so many."""

_KNOWN_HERE: Final = (
    select(sign_in_attempt.c.id)
    .where(sign_in_attempt.c.digest == bindparam("digest"), sign_in_attempt.c.succeeded.is_(True))
    .limit(1)
)
_ATTEMPT: Final = insert(sign_in_attempt).returning(sign_in_attempt.c.id)
_RIGHT: Final = (
    update(sign_in_attempt)
    .where(sign_in_attempt.c.id.in_(bindparam("ids", expanding=True)))
    .values(succeeded=True)
)
_TAKE_BACK: Final = delete(sign_in_attempt).where(sign_in_attempt.c.id == bindparam("id"))
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:digest, 0))")
_FORGET: Final = delete(sign_in_attempt).where(
    sign_in_attempt.c.at < bindparam("before", type_=UtcDateTime)
)
_ACCOUNT: Final = select(
    account.c.id, account.c.ref, account.c.username, account.c.password_hash, account.c.totp_enc
).where(account.c.username == bindparam("username"), account.c.disabled_at.is_(None))


def check_password(
    db: Database, username: str, password: str, *, place: str, now: datetime
) -> Known:
    """Whose password this is. Raises `WrongPassword`, `TooManyAttempts`."""
    name = username.strip().lower()[:64]
    tried = db.transact(lambda tx: _attempt(tx, name, place, now=now))
    with db.read() as tx:
        row = tx.execute(_ACCOUNT, {"username": name}).one_or_none()
    hashed = row.password_hash if row is not None and row.password_hash else _NOBODY
    # A password of a megabyte would keep the hash busy for long.
    right = len(password) <= LONGEST_PASSWORD and _hasher.verify(password, hashed)
    if row is None or not row.password_hash or not right:
        raise WrongPassword("User name and password do not belong together. Try again.")
    by_name, by_place, here = tried
    second = row.totp_enc is not None

    def note(tx: Connection) -> None:
        # An address is known once somebody came in from it: where a second step follows, the
        # password alone must not lift what stops guesses at the code.
        tx.execute(_RIGHT, {"ids": [by_name, by_place] if second else tried})
        if second:
            tx.execute(_TAKE_BACK, {"id": here})

    db.transact(note)
    return Known(row.id, row.ref, row.username, second)


def _attempt(tx: Connection, name: str, place: str, *, now: datetime) -> list[int]:
    """Write an attempt down, as wrong until it turns out right. Raises `TooManyAttempts`.

    Whoever guesses at a name makes only the own address wait; the owner comes in from another one,
    and from one used within a day also while the name is guessed at from everywhere (ADR 93).
    """
    place = _network(place)
    tx.execute(_FORGET, {"before": now - DAY})
    by_name, by_place = (
        vault.digest(tx, "sign_in_name", name), vault.digest(tx, "sign_in_place", place)
    )  # fmt: skip
    here = vault.digest(tx, "sign_in_name_at_place", json.dumps([name, place]))
    if tx.dialect.name == "postgresql":
        # Those who come at once are counted one after the other; SQLite has one writer anyway.
        for digest in sorted((by_name, by_place)):
            tx.execute(_LOCK, {"digest": digest})
    known = tx.execute(_KNOWN_HERE, {"digest": here}).first() is not None
    for until in (
        _waits_here(tx, here, now=now),
        _waits(tx, by_place, MOST_PER_PLACE, WINDOW, now=now),
        None if known else _waits(tx, by_name, MOST_PER_NAME, DAY, now=now),
    ):
        if until is not None:
            raise TooManyAttempts(until)
    return [
        tx.execute(_ATTEMPT, {"digest": digest, "at": now, "succeeded": False}).scalar_one()
        for digest in (by_name, by_place, here)
    ]


def _network(place: str) -> str:
    """An address as it is counted: one of IPv6 by its network, all of which one person may have."""
    try:
        address = ip_address(place)
    except ValueError:
        return place
    if isinstance(address, IPv4Address):
        return place
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else str(ip_network((address, 64), strict=False))


def _waits_here(tx: Connection, digest: str, *, now: datetime) -> datetime | None:
    """Until when a name waits at one address: longer after each wrong attempt of the last hour."""
    asked = {"digest": digest, "since": now - timedelta(hours=1), "most": FREE_TRIES + 4}
    wrong = tx.execute(_FAILURES, asked).scalars().all()
    if len(wrong) < FREE_TRIES:
        return None
    until: datetime = wrong[0] + min(WINDOW, timedelta(minutes=2 ** (len(wrong) - FREE_TRIES)))
    return until if until > now else None


def _waits(
    tx: Connection, digest: str, most: int, window: timedelta, *, now: datetime
) -> datetime | None:
    """Until when there are too many wrong attempts within the window."""
    asked = {"digest": digest, "since": now - window, "most": most}
    wrong = tx.execute(_FAILURES, asked).scalars().all()
    return wrong[-1] + window if len(wrong) == most else None


def ticket_for(tx: Connection, known: Known, *, now: datetime) -> str:
    """What stands in the form between password and code: who, until when, and our seal."""
    until = str(int((now + TICKET_HOLDS).timestamp()))
    row = tx.execute(_ACCOUNT, {"username": known.username}).one_or_none()
    return f"{known.username}:{until}:{_ticket_seal(tx, row, until)}"


def _ticket_seal(tx: Connection, row: Any | None, until: str) -> str:
    """Our seal on a ticket: of this account, with the password it had and the second step it has.

    So a new password, or a second step that was replaced, ends the tickets of before.
    """
    said = [row.ref, row.password_hash, _hash_of_token(str(row.totp_enc))] if row else ["nobody"]
    return vault.digest(tx, "sign_in_ticket", json.dumps([*said, until]))


def check_code(db: Database, ticket: str, code: str, *, place: str, now: datetime) -> Known:
    """Whose code this is: a one-time code or an unused recovery code.

    Raises `WrongPassword` (a ticket that is too old among it), `TooManyAttempts`.
    """
    wrong = WrongPassword("The code is not right, or too old. Try again.")
    name, _, rest = ticket.partition(":")
    until, _, seal = rest.partition(":")
    with db.read() as tx:
        row = tx.execute(_ACCOUNT, {"username": name}).one_or_none()
        right = _ticket_seal(tx, row, until)
    if row is None or row.totp_enc is None or not secrets.compare_digest(seal, right):
        raise wrong
    if not until.isdigit() or datetime.fromtimestamp(int(until), UTC) < now:
        raise wrong
    tried = db.transact(lambda tx: _attempt(tx, name, place, now=now))

    def use(tx: Connection) -> bool:
        good = _take_totp(tx, row.id, row.totp_enc, code, now=now) or _take_recovery(
            tx, row.id, code, now=now
        )
        if good:
            tx.execute(_RIGHT, {"ids": tried})
        return good

    if not db.transact(use):
        raise wrong
    return Known(row.id, row.ref, row.username, second_step=True)


def note_signed_in(tx: Connection, known: Known, role: str, *, now: datetime) -> None:
    """Write into the access log that somebody signed in."""
    append(tx, [AccessRow(SYSTEM_SCOPE, now, known.ref, role, SIGNED_IN)], now=now)


# --- the second step -----------------------------------------------------------------------------


def new_totp_secret() -> str:
    """A secret for an authenticator app, in base32."""
    return pyotp.random_base32()


def totp_address(secret: str, username: str) -> str:
    """What the QR code holds that an authenticator app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="Overlev")


def replace_second_step(
    db: Database,
    known: Known,
    secret: str,
    code: str,
    *,
    old: str,
    place: str,
    now: datetime,
    also: Callable[[Connection], object],
) -> list[str]:
    """`set_second_step` for somebody at a screen, `also` in the same transaction.

    Guesses at the old code count as those at sign-in do. Raises `BadInput`, `TooManyAttempts`.
    """
    tried: list[int] = []
    if known.second_step:
        tried = db.transact(lambda tx: _attempt(tx, known.username, place, now=now))

    def turn_on(tx: Connection) -> list[str]:
        codes = set_second_step(tx, known.id, secret, code, old=old, now=now)
        if tried:
            tx.execute(_RIGHT, {"ids": tried})
        also(tx)
        return codes

    return db.transact(turn_on)


def set_second_step(
    tx: Connection, account_id: int, secret: str, code: str, *, old: str = "", now: datetime
) -> list[str]:
    """Turn the second step on, proved by a code; returns the recovery codes, shown this once.

    One that is on already is replaced only by whoever has a code of it (`old`, a one-time or a
    recovery code): a session left open on a screen must not be enough. Raises `BadInput`.
    """
    step = _step_of(secret, code, now)
    if step is None:
        raise BadInput(
            "wrong_code", "The code is not right: use the newest one of the app.", "code"
        )
    sealed = tx.execute(
        select(account.c.totp_enc).where(account.c.id == account_id)
    ).scalar_one_or_none()
    if sealed is not None:
        # Else a code that was used already would count again.
        same = open_with(vault.ring_of(tx), sealed, aad=_aad(account_id)).decode() == secret
        if same or not (
            _take_totp(tx, account_id, sealed, old, now=now)
            or _take_recovery(tx, account_id, old, now=now)
        ):
            raise BadInput(
                "wrong_code", "The code is not right: use the newest one of the app.", "old"
            )
    sealed = seal_with(vault.ring_of(tx), secret.encode(), aad=_aad(account_id))
    tx.execute(update(account).where(account.c.id == account_id).values(totp_enc=sealed))
    tx.execute(delete(totp_used).where(totp_used.c.account_id == account_id))
    tx.execute(insert(totp_used), {"account_id": account_id, "step": step})
    return new_recovery_codes(tx, account_id)


def seal_second_factors_anew(tx: Connection, ring: KeyRing) -> None:
    """Under the present key of a ring that still holds those before it."""
    sealed = select(account.c.id, account.c.totp_enc).where(account.c.totp_enc.is_not(None))
    for row in tx.execute(sealed.with_for_update()).all():
        secret = open_with(ring, row.totp_enc, aad=_aad(row.id))
        anew = seal_with(ring, secret, aad=_aad(row.id))
        tx.execute(update(account).where(account.c.id == row.id).values(totp_enc=anew))


def new_recovery_codes(tx: Connection, account_id: int) -> list[str]:
    """Ten new codes in place of all earlier ones; only their hashes are kept."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    codes = [
        "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))
        for _ in range(RECOVERY_CODES)
    ]
    tx.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))
    tx.execute(
        insert(recovery_code),
        [{"account_id": account_id, "digest": _hash_of(code)} for code in codes],
    )
    return codes


def has_second_step(tx: Connection, account_id: int) -> bool:
    """Whether a code is asked for when this account signs in."""
    sealed = tx.execute(
        select(account.c.totp_enc).where(account.c.id == account_id)
    ).scalar_one_or_none()
    return sealed is not None


def _take_totp(tx: Connection, account_id: int, sealed: bytes, code: str, *, now: datetime) -> bool:
    secret = open_with(vault.ring_of(tx), sealed, aad=_aad(account_id)).decode()
    step = _step_of(secret, code, now)
    if step is None:
        return False
    try:
        with tx.begin_nested():
            tx.execute(insert(totp_used), {"account_id": account_id, "step": step})
    except IntegrityError:
        return False
    old = totp_used.c.step < step - 10
    tx.execute(delete(totp_used).where(totp_used.c.account_id == account_id, old))
    return True


def _take_recovery(tx: Connection, account_id: int, code: str, *, now: datetime) -> bool:
    used = tx.execute(
        update(recovery_code)
        .where(
            recovery_code.c.account_id == account_id,
            recovery_code.c.digest == _hash_of(code),
            recovery_code.c.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return used.rowcount == 1


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The step of 30 s that a code stands for: this one, the one before or the next."""
    digits = "".join(code.split())
    if len(digits) != 6 or not digits.isascii() or not digits.isdigit():
        return None
    here = int(now.timestamp()) // STEP
    totp = pyotp.TOTP(secret)
    for step in (here, here - 1, here + 1):
        if secrets.compare_digest(totp.generate_otp(step), digits):
            return step
    return None


def _aad(account_id: int) -> bytes:
    return f"{_TOTP}:{account_id}".encode()


def _hash_of(code: str) -> str:
    return sha256("".join(code.lower().split()).encode()).hexdigest()


# --- passwords and invitations -------------------------------------------------------------------


def check_new_password(password: str, again: str, *, username: str) -> None:
    """Raises `BadInput` for a password that is too short, too long, the name, or typed twice."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadInput(
            "weak_password", f"A password has at least {SHORTEST_PASSWORD} characters.", "password"
        )
    if len(password) > LONGEST_PASSWORD or username.lower() in password.lower():
        raise BadInput(
            "weak_password",
            f"A password has at most {LONGEST_PASSWORD} characters and is not the user name.",
            "password",
        )
    if password != again:
        raise BadInput("not_the_same", "The two passwords are not the same.", "again")


def hash_of_password(password: str) -> str:
    """The password as it is stored; slow on purpose, so never inside a transaction."""
    return _hasher.hash(password)


def set_password(
    tx: Connection, account_id: int, hashed: str, *, keep_session: str = "", now: datetime
) -> None:
    """A new password; every other session of the account ends, and its open invitations."""
    tx.execute(update(account).where(account.c.id == account_id).values(password_hash=hashed))
    _end_ways_in(tx, account_id, but=keep_session, now=now)


def shut_out(tx: Connection, username: str, *, now: datetime) -> None:
    """End every session and open invitation of an account: its password was reset."""
    named = account.c.username == username.strip().lower()
    for account_id in tx.execute(select(account.c.id).where(named)).scalars().all():
        _end_ways_in(tx, account_id, now=now)


def _end_ways_in(tx: Connection, account_id: int, *, but: str = "", now: datetime) -> None:
    end_others(tx, account_id, but=but, now=now)
    mine = (invitation.c.account_id == account_id, invitation.c.used_at.is_(None))
    tx.execute(update(invitation).where(*mine).values(used_at=now))


def invite(tx: Connection, username: str, *, now: datetime) -> str:
    """A link's secret for somebody's first sign-in, good once within seven days."""
    row = tx.execute(_ACCOUNT, {"username": username.strip().lower()}).one_or_none()
    if row is None:
        raise NotFound(f"There is no active account {username!r}.")
    token = secrets.token_urlsafe(24)
    tx.execute(
        insert(invitation),
        {
            "digest": _hash_of_token(token),
            "account_id": row.id,
            "made_at": now,
            "expires_at": now + INVITED_FOR,
        },
    )
    return token


def invited(tx: Connection, token: str, *, now: datetime) -> Known:
    """Whose invitation this is. Raises `InvitationGone`."""
    row = tx.execute(
        select(account.c.id, account.c.ref, account.c.username, account.c.totp_enc)
        .join(invitation, invitation.c.account_id == account.c.id)
        .where(
            invitation.c.digest == _hash_of_token(token),
            invitation.c.used_at.is_(None),
            invitation.c.expires_at > now,
            account.c.disabled_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        raise _no_invitation()
    return Known(row.id, row.ref, row.username, row.totp_enc is not None)


def accept_invitation(tx: Connection, token: str, hashed: str, *, now: datetime) -> Known:
    """Set the first password by an invitation, once. Raises `InvitationGone`."""
    known = invited(tx, token, now=now)
    used = tx.execute(
        update(invitation)
        .where(invitation.c.digest == _hash_of_token(token), invitation.c.used_at.is_(None))
        .values(used_at=now)
    )
    if used.rowcount == 0:
        raise _no_invitation()
    set_password(tx, known.id, hashed, now=now)
    return known


def _hash_of_token(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _no_invitation() -> InvitationGone:
    return InvitationGone(
        "This invitation cannot be used: it was used before, or is older than seven days. Ask for "
        "a new one."
    )
