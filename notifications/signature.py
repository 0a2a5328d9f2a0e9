"""Whether a webhook comes from Twilio: its signature, old (SHA-1) and new (SHA-256). Pure.

Twilio signs the full address followed by the sorted form fields. Without the settings header the
key is the account's auth token and the hash SHA-1; with it (a Webhook Rule matched the address)
the key is a SharedKey's secret and the hash the one the header names. Several secrets may be in
force at once, so that a key can be rotated. Source:
https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys, read 2026-11-25; the tests compare
with the SDK's own validator.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from typing import Final
from urllib.parse import urlsplit, urlunsplit

HEADER: Final = "X-Twilio-Signature"
SETTINGS_HEADER: Final = "X-Twilio-Webhooks-Signature-Settings"

_HASHES: Final = {"HMAC_SHA1": sha1, "HMAC_SHA256": sha256}
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """What webhooks may be signed with."""

    auth_token: str = field(repr=False)
    shared: tuple[str, ...] = field(default=(), repr=False)


def is_signed(
    url: str,
    fields: Sequence[tuple[str, str]],
    *,
    signature: str | None,
    settings: str | None,
    keys: SigningKeys,
) -> bool:
    """Whether `signature` is one over `url` and `fields` by a key of ours."""
    if not signature or not signature.isascii():
        return False
    algorithm = _algorithm(settings)
    if algorithm not in _HASHES:
        return False
    # A SHA-256 signature by the auth token is no weaker than the SHA-1 one by it.
    secrets = (keys.auth_token,) if not settings else (*keys.shared, keys.auth_token)
    signed = _fields(fields)
    return any(
        hmac.compare_digest(_signature(secret, address + signed, algorithm), signature)
        for secret in secrets
        if secret
        for address in _with_and_without_port(url)
    )


def sign(secret: str, url: str, fields: Sequence[tuple[str, str]], algorithm: str) -> str:
    """The signature by `secret` with `HMAC_SHA1` or `HMAC_SHA256`."""
    return _signature(secret, url + _fields(fields), algorithm)


def _signature(secret: str, signed: str, algorithm: str) -> str:
    mac = hmac.new(secret.encode(), signed.encode(), _HASHES[algorithm])
    return base64.b64encode(mac.digest()).decode("ascii")


def _fields(fields: Sequence[tuple[str, str]]) -> str:
    return "".join(name + value for name, value in sorted(set(fields)))


def _algorithm(settings: str | None) -> str:
    for part in (settings or "").split(","):
        name, divider, value = part.partition("=")
        if divider and name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def _with_and_without_port(url: str) -> tuple[str, ...]:
    # Twilio signs some addresses with the port and some without.
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return (
        urlunsplit(parts._replace(netloc=host)),
        urlunsplit(parts._replace(netloc=f"{host}:{port}")),
    )
