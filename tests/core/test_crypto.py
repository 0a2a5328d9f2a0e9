from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import crypto
from core.crypto import CannotDecrypt, KeyRing, UnknownKey, decrypt, encrypt
from core.errors import UnsafeSettings

KEY = bytes(range(32))
SECRET = "a long secret that somebody made at random"
OTHER = "another long secret that came a year later"
RING = KeyRing.derive(SECRET)
IDS_OF_SECRET = ["master-5ou5dcadgw", "mac-pmp46rakgz", "lookup-dlmzddqghq"]
DIGEST_OF_SECRET = "xbsj73ch4nqlrgtgnrnisobjrxge3tev"


@given(st.binary(max_size=300), st.binary(max_size=30))
def test_what_is_sealed_opens_with_its_key_and_place(plain: bytes, aad: bytes) -> None:
    assert decrypt(KEY, encrypt(KEY, plain, aad=aad), aad=aad) == plain


@given(st.binary(max_size=60), st.data())
def test_one_flipped_bit_anywhere_and_it_does_not_open(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(encrypt(KEY, plain, aad=b"row 1"))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8

    with pytest.raises(CannotDecrypt):
        decrypt(KEY, bytes(sealed), aad=b"row 1")


@pytest.mark.parametrize("keep", [0, 1, 12, 28])
def test_a_value_cut_short_does_not_open(keep: int) -> None:
    with pytest.raises(CannotDecrypt):
        decrypt(KEY, encrypt(KEY, b"", aad=b"")[:keep], aad=b"")


def test_a_value_moved_to_another_row_or_another_key_does_not_open() -> None:
    sealed = encrypt(KEY, b"Kari", aad=b"person 1")

    with pytest.raises(CannotDecrypt):
        decrypt(KEY, sealed, aad=b"person 2")
    with pytest.raises(CannotDecrypt):
        decrypt(bytes(32), sealed, aad=b"person 1")


def test_the_same_value_sealed_twice_looks_different() -> None:
    assert encrypt(KEY, b"Kari", aad=b"") != encrypt(KEY, b"Kari", aad=b"")


def test_the_same_secret_gives_the_same_ring_on_every_machine() -> None:
    assert KeyRing.derive(SECRET) == RING
    assert KeyRing.derive(SECRET).digest("phone", "1") == RING.digest("phone", "1")
    # Fixed for ever: a change here would lock every installation out.
    assert [RING.master.id, RING.mac.id, RING.lookup.id] == IDS_OF_SECRET
    assert RING.digest("phone", "1") == DIGEST_OF_SECRET


def test_a_newer_secret_goes_first_and_the_older_stays_for_what_it_made() -> None:
    rotated = KeyRing.derive(f"{OTHER}, {SECRET}")

    assert rotated.master == KeyRing.derive(OTHER).master
    assert rotated.key(RING.master.id) == RING.master
    assert rotated.key(RING.mac.id) == RING.mac
    assert rotated.digest("phone", "1") == RING.digest("phone", "1")


@pytest.mark.parametrize("secret", ["", "short", f"{SECRET},", f"{SECRET},{SECRET}"])
def test_a_weak_or_doubled_secret_is_refused_unquoted(secret: str) -> None:
    with pytest.raises(UnsafeSettings) as refused:
        KeyRing.derive(secret)

    assert SECRET not in str(refused.value)


def test_a_ring_is_written_and_read_whole() -> None:
    ring = KeyRing.generate().with_new_master().with_new_mac()

    assert KeyRing.from_json(ring.to_json()) == ring


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"format": 2}', '{"format":1,"mac":[]}'])
def test_what_is_no_ring_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a key ring"):
        KeyRing.from_json(text)


def test_a_damaged_ring_is_refused_without_telling_its_secrets() -> None:
    ring = KeyRing.generate()
    written = json.loads(ring.to_json())
    written["master"][0]["secret"] = written["master"][0]["secret"][:-8]

    with pytest.raises(ValueError, match="not a key ring") as refused:
        KeyRing.from_json(json.dumps(written))
    assert refused.value.__cause__ is None


def test_rotation_adds_a_key_and_keeps_the_old_ones() -> None:
    ring = KeyRing.generate()
    rotated = ring.with_new_master().with_new_mac()

    assert rotated.master != ring.master
    assert rotated.mac != ring.mac
    assert rotated.key(ring.master.id) == ring.master
    assert rotated.key(ring.mac.id) == ring.mac
    assert rotated.lookup == ring.lookup


def test_only_a_key_out_of_use_can_be_forgotten() -> None:
    ring = KeyRing.generate()
    rotated = ring.with_new_master()

    assert not rotated.without(ring.master.id).holds(ring.master.id)
    for in_use in (rotated.master, rotated.mac, rotated.lookup):
        with pytest.raises(ValueError, match="rotate first"):
            rotated.without(in_use.id)
    with pytest.raises(UnknownKey):
        rotated.without("master-unknown")


def test_a_key_never_shows_in_a_repr() -> None:
    ring = KeyRing.generate()

    for key in (ring.master, ring.mac, ring.lookup):
        assert repr(key.secret) not in repr(ring)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_digests_meet_only_for_the_same_kind_and_value(
    kind: str, value: str, other_kind: str, other_value: str
) -> None:
    same = (kind, value) == (other_kind, other_value)

    assert (RING.digest(kind, value) == RING.digest(other_kind, other_value)) is same


def test_digests_of_another_installation_are_unrelated() -> None:
    assert RING.digest("phone", "1") != KeyRing.derive(OTHER).digest("phone", "1")


def test_a_reference_is_ten_random_base32_characters() -> None:
    refs = {crypto.new_ref() for _ in range(5_000)}

    assert len(refs) == 5_000
    assert all(len(ref) == 10 for ref in refs)
    assert set("".join(refs)) == set("abcdefghijklmnopqrstuvwxyz234567")


def test_a_pseudonym_is_beyond_guessing() -> None:
    assert len(crypto.new_pseudonym()) == 26
    assert crypto.new_pseudonym() != crypto.new_pseudonym()
