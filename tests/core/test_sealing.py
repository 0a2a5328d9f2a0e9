"""What is sealed under the master key."""

from __future__ import annotations

import pytest

from core.crypto import CannotDecrypt, KeyRing, UnknownKey
from core.sealing import open_with, seal_with


def test_what_is_sealed_opens_with_its_name_and_with_no_other() -> None:
    ring = KeyRing.generate()
    sealed = seal_with(ring, b"rows", aad=b"upload:1")

    assert b"rows" not in sealed
    assert open_with(ring, sealed, aad=b"upload:1") == b"rows"
    with pytest.raises(CannotDecrypt):
        open_with(ring, sealed, aad=b"upload:2")


def test_a_rotated_ring_opens_what_it_sealed_before() -> None:
    ring = KeyRing.generate()
    sealed = seal_with(ring, b"rows", aad=b"a")

    assert open_with(ring.with_new_master(), sealed, aad=b"a") == b"rows"
    with pytest.raises(UnknownKey):
        open_with(KeyRing.generate(), sealed, aad=b"a")
