"""Sealing what belongs to no person's key: under the master key, whose id goes in front.

So a rotated ring still opens what an earlier key of it sealed, as long as it holds that key.
"""

from __future__ import annotations

from core.crypto import KeyRing, decrypt, encrypt

_END: bytes = b"\0"


def seal_with(ring: KeyRing, body: bytes, *, aad: bytes) -> bytes:
    """The body sealed under the ring's present master key; `aad` names what it is and whose."""
    return ring.master.id.encode() + _END + encrypt(ring.master.secret, body, aad=aad)


def open_with(ring: KeyRing, sealed: bytes, *, aad: bytes) -> bytes:
    """What `seal_with` sealed. Raises `CannotDecrypt`, `UnknownKey`."""
    key_id, _, body = sealed.partition(_END)
    return decrypt(ring.key(key_id.decode("ascii", "replace")).secret, body, aad=aad)
