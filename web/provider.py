"""The identity provider that staff sign in through: OpenID Connect, code flow with PKCE.

What is believed is the ID token alone, and only one that the provider signed for us, for this
sign-in (nonce), now. Nothing of it is kept but a hash of issuer and subject, and nothing of it is
logged. Sources: OpenID Connect Core 1.0 section 3.1, RFC 7636 (PKCE), RFC 9207 (issuer in the
answer), RFC 9700 (best practice).
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cases.provided import Vouched
from core.settings import Settings
from web.vouching import BACK, Begun, NotVouched, Why

TIMEOUT: Final = 8.0
"""Seconds that the provider may be silent."""

LONGEST: Final = 16.0
"""Seconds that a whole answer may take: one that drips is never silent."""

MOST_BYTES: Final = 512 * 1024
KNOWN_FOR: Final = timedelta(hours=1)
KEYS_ANEW: Final = timedelta(minutes=1)
"""How often at most keys are fetched anew because a token names one that is not known."""

SILENT_FOR: Final = 15.0
"""Seconds for which a provider that did not answer is not asked again what it says of itself."""

TURN: Final = 0.3
"""Seconds to wait for one's turn to ask."""

AT_ONCE: Final = 12
"""Questions to it at a time: a silent one must leave threads for everybody else's work."""

MAY_LAG: Final = 60
"""Seconds that the provider's clock may differ from ours."""

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
"""Signatures with a key pair only: with a shared secret or none anybody could sign."""

MOST_GROUPS: Final = 1_000

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """What the provider said of itself."""

    said: dict[str, Any]
    keys: KeySet
    fetched_at: datetime


class Provider:
    """One identity provider as the settings name it; may be asked by several threads."""

    def __init__(self, settings: Settings, client: httpx.Client | None = None) -> None:
        if not settings.oidc_issuer or settings.oidc_client_secret is None:
            raise ValueError("no identity provider is set")
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id or ""
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._scope = settings.oidc_scope
        self._groups_claim = settings.oidc_groups_claim
        self._acr = settings.oidc_acr.split()
        self._public_url = settings.public_url or ""
        if client is None:
            client = httpx.Client(timeout=TIMEOUT, follow_redirects=False)
        self._client = client
        self._known: _Known | None = None
        self._lock = threading.Lock()
        self._silent_until = 0.0
        self._asking = threading.BoundedSemaphore(AT_ONCE)

    # --- there ---

    def way_out(self, next_page: str, *, now: datetime) -> tuple[str, Begun]:
        """The address to send a browser to, and what to remember. Raises `NotVouched`."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = Begun(state, nonce, verifier, next_page)
        more = {"acr_values": " ".join(self._acr)} if self._acr else {}
        address = prepare_grant_uri(
            self._endpoint("authorization_endpoint", now),
            client_id=self._client_id,
            response_type="code",
            redirect_uri=self._public_url + BACK,
            scope=self._scope,
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=create_s256_code_challenge(begun.verifier),
            code_challenge_method="S256",
            **more,
        )
        return str(address), begun

    def way_off(self) -> str | None:
        """The address where people sign out of the provider too, None where none is known."""
        known = self._known
        end = known.said.get("end_session_endpoint") if known is not None else None
        if not isinstance(end, str) or not self._may_ask(end):
            return None
        back = {
            "client_id": self._client_id,
            "post_logout_redirect_uri": f"{self._public_url}/sign-in",
        }
        return f"{end}{'&' if urlsplit(end).query else '?'}{urlencode(back)}"

    # --- and back ---

    def vouched(self, begun: Begun, answer: dict[str, str], *, now: datetime) -> Vouched:
        """Whom the provider's answer names. Raises `NotVouched`."""
        if not secrets.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise NotVouched(Why.NOT_PROVED, "the state is another one")
        known = self._of_itself(now)
        sure = known.said.get("authorization_response_iss_parameter_supported") is True
        if answer.get("iss", "" if sure else self._issuer) != self._issuer:
            raise NotVouched(Why.NOT_PROVED, "the answer names another issuer")
        if answer.get("error") in ("access_denied", "interaction_required", "login_required"):
            raise NotVouched(Why.CANCELLED, "the provider let nobody in")
        if answer.get("error") or not answer.get("code"):
            raise NotVouched(Why.NOT_PROVED, "the provider refused")
        tokens = self._tokens(answer["code"], begun, now)
        return self._read(str(tokens.get("id_token") or ""), tokens, begun, now)

    def _tokens(self, code: str, begun: Begun, now: datetime) -> dict[str, Any]:

        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._public_url + BACK,
            "code_verifier": begun.verifier,
        }
        endpoint = self._endpoint("token_endpoint", now)
        known = self._of_itself(now).said.get("token_endpoint_auth_methods_supported")
        auth: httpx.BasicAuth | None = None
        if isinstance(known, list) and "client_secret_basic" not in known:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        else:
            auth = httpx.BasicAuth(self._client_id, self._secret)
        return self._ask("POST", endpoint, data=form, auth=auth)

    def _read(self, written: str, tokens: dict[str, Any], begun: Begun, now: datetime) -> Vouched:

        try:
            token = self._opened(written, now)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self._issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "sub": {"essential": True},
                    "exp": {"essential": True},
                    "iat": {"essential": True},
                },
                {
                    "nonce": begun.nonce,
                    "client_id": self._client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(now=int(now.timestamp()), leeway=MAY_LAG)
        except (JoseError, ValueError, TypeError, KeyError) as wrong:
            raise NotVouched(Why.NOT_PROVED, f"the ID token: {type(wrong).__name__}") from None
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise NotVouched(Why.NOT_PROVED, "the ID token names nobody")
        if self._acr and claims.get("acr") not in self._acr:
            raise NotVouched(Why.NOT_PROVED, "the ID token was proved in a weaker way")
        return Vouched(
            issuer=self._issuer,
            subject=subject,
            username=_text(claims.get("preferred_username")),
            name=_text(claims.get("name")),
            groups=_groups(claims.get(self._groups_claim)),
        )

    def _opened(self, written: str, now: datetime) -> jwt.Token:
        """The token, if the provider signed it; new keys are fetched for one that is not known."""
        known = self._of_itself(now)
        said = known.said.get("id_token_signing_alg_values_supported")
        allowed = [each for each in ALGORITHMS if not isinstance(said, list) or each in said]
        try:
            return jwt.decode(written, known.keys, algorithms=allowed)
        except (JoseError, ValueError):
            if now - known.fetched_at < KEYS_ANEW:
                raise
        return jwt.decode(written, self._of_itself(now, anew=True).keys, algorithms=allowed)

    # --- what it says of itself ---

    def _endpoint(self, name: str, now: datetime) -> str:
        found = self._of_itself(now).said.get(name)
        if not isinstance(found, str) or not self._may_ask(found):
            raise NotVouched(Why.AWAY, f"the provider names no {name}")
        return found

    def _may_ask(self, address: str) -> bool:
        """Over https; in the clear only where the issuer itself is (a stand-in on this machine)."""
        parts = urlsplit(address)
        here = urlsplit(self._issuer)
        return bool(parts.hostname) and (
            parts.scheme == "https"
            or (parts.scheme == here.scheme == "http" and parts.hostname == here.hostname)
        )

    def _of_itself(self, now: datetime, *, anew: bool = False) -> _Known:

        known = self._known
        if known is not None and not anew and now - known.fetched_at < KNOWN_FOR:
            return known
        # Whoever comes while another asks must not stand in a line behind a provider that is
        # silent: the line would be every thread of the web. What was known still serves; whether
        # the provider stands by it shows when it is asked for the token.
        if not self._lock.acquire(timeout=0 if known is not None else TURN):
            if known is not None:
                return known
            raise NotVouched(Why.AWAY, "the provider is being asked and has not answered")
        try:
            newer = self._known
            if newer is not None and newer is not known:
                return newer
            if time.monotonic() < self._silent_until:
                raise NotVouched(Why.AWAY, "the provider did not answer a moment ago")
            try:
                self._known = self._fetched(now)
            except NotVouched:
                self._silent_until = time.monotonic() + SILENT_FOR
                raise
            return self._known
        except NotVouched:
            if known is None or anew:
                raise
            return known
        finally:
            self._lock.release()

    def _fetched(self, now: datetime) -> _Known:
        said = self._ask("GET", self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if said.get("issuer") != self._issuer:
            raise NotVouched(Why.AWAY, "the provider calls itself by another name")
        keys_at = said.get("jwks_uri")
        if not isinstance(keys_at, str) or not self._may_ask(keys_at):
            raise NotVouched(Why.AWAY, "the provider names no keys")
        try:
            keys = KeySet.import_key_set(self._ask("GET", keys_at))  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError):
            raise NotVouched(Why.AWAY, "the provider's keys cannot be read") from None
        return _Known(said, keys, now)

    def _ask(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        """An answer in JSON. Raises `NotVouched`: away, or for a form a refusal."""
        if not self._asking.acquire(timeout=TURN):
            raise NotVouched(Why.AWAY, "the provider has too many questions open")
        until = time.monotonic() + LONGEST
        try:
            with self._client.stream(
                method, address, headers={"accept": "application/json"}, **more
            ) as answer:
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise NotVouched(Why.AWAY, "the provider says too much")
                    if time.monotonic() > until:
                        raise NotVouched(Why.AWAY, "the provider speaks too slowly")
                status = answer.status_code
        except httpx.HTTPError as wrong:
            raise NotVouched(Why.AWAY, type(wrong).__name__) from None
        finally:
            self._asking.release()
        if method == "POST" and 400 <= status < 500:
            raise NotVouched(Why.NOT_PROVED, f"the provider answered {status} to the code")
        if status != 200:
            raise NotVouched(Why.AWAY, f"the provider answered {status}")
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NotVouched(Why.AWAY, "the provider answered no JSON")
        return found


def _text(claim: object) -> str:
    return claim[:200] if isinstance(claim, str) else ""


def _groups(claim: object) -> frozenset[str]:
    """The groups of a person; of what is no list of names, none."""
    named = [claim] if isinstance(claim, str) else claim
    if not isinstance(named, list) or len(named) > MOST_GROUPS:
        _log.warning("the ID token holds no list of groups that can be read")
        return frozenset()
    return frozenset(each for each in named if isinstance(each, str))
