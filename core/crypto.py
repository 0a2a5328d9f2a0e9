"""Keys and what is done with them: sealing values, blind look-ups, random references.

Three kinds of keys, none of them ever in the domain database:
- master keys wrap the key of each person (`core.keystore`);
- MAC keys sign the log chains (`core.chain`);
- one lookup key makes blind indexes: equal values meet, and nobody without the key can guess them.
Master and MAC keys have ids and can be rotated: a new one is added and becomes current, older ones
stay for what they made. The lookup key cannot be rotated without computing every index anew.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import OverlevError, UnsafeSettings

KEY_BYTES: Final = 32
REF_CHARACTERS: Final = 10
PSEUDONYM_CHARACTERS: Final = 26
LEAST_SECRET_CHARACTERS: Final = 32

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_DIGEST_BYTES: Final = 20  # 32 base32 characters; 160 bits are beyond any chance meeting


class CannotDecrypt(OverlevError):
    """Not made with this key for this row, cut short, or altered."""

    message_key = "error.cannot_decrypt"


class UnknownKey(OverlevError):
    """A row names a key that the ring does not hold."""

    message_key = "error.unknown_key"


@dataclass(frozen=True, slots=True)
class Key:
    """A secret with a public name. The id says nothing about the secret."""

    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of one installation; the first of `masters` and of `macs` is the current one."""

    masters: tuple[Key, ...]
    macs: tuple[Key, ...]
    lookup: Key
    _by_id: dict[str, Key] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.masters or not self.macs:
            raise ValueError("a key ring needs at least one master key and one MAC key")
        every = (*self.masters, *self.macs, self.lookup)
        by_id = {key.id: key for key in every}
        if len(by_id) != len(every) or any(len(key.secret) != KEY_BYTES for key in every):
            raise ValueError(f"every key of a ring has its own id and {KEY_BYTES} bytes")
        object.__setattr__(self, "_by_id", by_id)

    @classmethod
    def generate(cls) -> KeyRing:
        """A new ring of random keys."""
        return cls((_random_key("master"),), (_random_key("mac"),), _random_key("lookup"))

    @classmethod
    def derive(cls, secret_key: str) -> KeyRing:
        """The ring of `OVERLEV_SECRET_KEY`: always the same for the same secret (HKDF-SHA256).

        Several secrets may stand there, divided by commas, newest first: the first is current, the
        others are kept for what they made, and the lookup key is always that of the last.
        Raises `UnsafeSettings` for a secret shorter than 32 characters.
        """
        written = [part.strip() for part in secret_key.split(",")]
        if any(len(part) < LEAST_SECRET_CHARACTERS for part in written):
            raise UnsafeSettings(
                f"OVERLEV_SECRET_KEY is shorter than {LEAST_SECRET_CHARACTERS} characters:"
                " make one with `python3 -c 'import secrets; print(secrets.token_hex(32))'`"
            )
        if len(set(written)) != len(written):
            raise UnsafeSettings("OVERLEV_SECRET_KEY names the same secret twice: keep it once")
        return cls(
            tuple(_derived_key("master", part) for part in written),
            tuple(_derived_key("mac", part) for part in written),
            _derived_key("lookup", written[-1]),
        )

    @property
    def master(self) -> Key:
        """The master key new things are wrapped with."""
        return self.masters[0]

    @property
    def mac(self) -> Key:
        """The MAC key new log rows are sealed with."""
        return self.macs[0]

    def key(self, key_id: str) -> Key:
        """The key of that id. Raises `UnknownKey`."""
        try:
            return self._by_id[key_id]
        except KeyError:
            raise UnknownKey(
                f"key {key_id} is not in the key ring: put back the secrets it was made with"
            ) from None

    def holds(self, key_id: str) -> bool:
        return key_id in self._by_id

    def digest(self, kind: str, value: str) -> str:
        """Blind index: 32 base32 characters, equal for equal (kind, value), else unrelated.

        The caller brings the value to its one written form first. Kinds keep, say, a phone number
        and a prison number with the same digits apart.
        """
        framed = f"{len(kind)}:{kind}{value}".encode()
        mac = keyed_hash(self.lookup.secret, framed)
        return _base32(mac[:_DIGEST_BYTES])

    def with_new_master(self) -> KeyRing:
        """Rotate: a new current master key; `KeyStore.rewrap_all` then moves everything to it."""
        return replace(self, masters=(_random_key("master"), *self.masters))

    def with_new_mac(self) -> KeyRing:
        """Rotate: a new current MAC key. Older ones stay as long as rows they sealed do."""
        return replace(self, macs=(_random_key("mac"), *self.macs))

    def without(self, key_id: str) -> KeyRing:
        """Forget a master or MAC key that nothing uses any more; the current one stays.

        Raises `UnknownKey`, and `ValueError` for a current key or the lookup key.
        """
        if self.key(key_id) in (self.master, self.mac, self.lookup):
            raise ValueError("a key in use cannot be forgotten: rotate first")
        return replace(self, masters=_except(self.masters, key_id), macs=_except(self.macs, key_id))

    def to_json(self) -> str:
        """The whole ring, secrets included: for `secrets.json` and the recovery print only."""
        return json.dumps(
            {
                "format": 1,
                "master": [_written(key) for key in self.masters],
                "mac": [_written(key) for key in self.macs],
                "lookup": _written(self.lookup),
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> KeyRing:
        """Read what `to_json` wrote. Raises `ValueError`, without quoting the text."""
        try:
            read = json.loads(text)
            if read["format"] != 1:
                raise ValueError
            return cls(
                tuple(_read(key) for key in read["master"]),
                tuple(_read(key) for key in read["mac"]),
                _read(read["lookup"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            # The cause would carry pieces of the secrets into a traceback.
            raise ValueError("this is not a key ring written by Overlev") from None


def keyed_hash(secret: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 under a key of the ring, for log rows and blind look-ups."""
    keyed = _keyed(secret).copy()
    keyed.update(message)
    return keyed.digest()


@lru_cache(maxsize=16)
def _keyed(secret: bytes) -> hmac.HMAC:
    # Keying takes as long as hashing a row. Only keys of the ring come here, never a person's.
    return hmac.new(secret, digestmod="sha256")


def encrypt(key: bytes, plaintext: bytes, *, aad: bytes) -> bytes:
    """Seal with AES-256-GCM: one version byte, a random nonce of 12 bytes, the sealed bytes.

    `aad` names the row and column, so that a value moved to another row does not open.
    The cipher is made anew each time (1 µs): a cache would keep erased keys alive.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def decrypt(key: bytes, sealed: bytes, *, aad: bytes) -> bytes:
    """Open what `encrypt` made with the same key and `aad`. Raises `CannotDecrypt`."""
    if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES or sealed[:1] != _VERSION:
        raise CannotDecrypt("a stored value is cut short or of an unknown form: see the backup")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], aad)
    except InvalidTag:
        raise CannotDecrypt(
            "a stored value does not open with its key: it was altered, moved or made with another"
        ) from None


def new_ref() -> str:
    """An opaque reference: 10 random base32 characters (50 bits), in lower case.

    Lower case because references stand in URLs and in run and artifact names, which take no other.
    The caller's unique index decides; at a million references a chance meeting is 1 in 2,000.
    """
    return _random_characters(REF_CHARACTERS)


def new_pseudonym() -> str:
    """The name a person has in every table: 26 random base32 characters (130 bits)."""
    return _random_characters(PSEUDONYM_CHARACTERS)


def _random_characters(count: int) -> str:
    # Eight of 256 bytes stand for each of 32 characters, so every character is as likely.
    return secrets.token_bytes(count).translate(_CHARACTER_OF_BYTE).decode("ascii")


def _base32(digest: bytes) -> str:
    """Base32 in lower case of `_DIGEST_BYTES` bytes; several times quicker than the library's."""
    number = int.from_bytes(digest, "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_CHARACTER_OF_BYTE: Final = _ALPHABET.encode() * 8
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(_DIGEST_BYTES * 8 - 10, -1, -10))


def _random_key(purpose: str) -> Key:
    return Key(f"{purpose}-{new_ref()}", secrets.token_bytes(KEY_BYTES))


def _derived_key(purpose: str, secret: str) -> Key:
    made = HKDF(SHA256(), KEY_BYTES, salt=b"overlev", info=purpose.encode()).derive(secret.encode())
    # The id comes from the key itself, so that every machine with the secret gives the same one;
    # a hash of 256 random-looking bits tells nothing.
    named = base64.b32encode(sha256(b"overlev key id" + made).digest()).decode("ascii").lower()
    return Key(f"{purpose}-{named[:REF_CHARACTERS]}", made)


def _except(keys: Iterable[Key], key_id: str) -> tuple[Key, ...]:
    return tuple(key for key in keys if key.id != key_id)


def _written(key: Key) -> dict[str, str]:
    return {"id": key.id, "secret": base64.b64encode(key.secret).decode("ascii")}


def _read(written: dict[str, str]) -> Key:
    return Key(str(written["id"]), base64.b64decode(written["secret"], validate=True))
