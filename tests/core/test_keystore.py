from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from core import keystore
from core.crypto import CannotDecrypt, KeyRing, UnknownKey, new_pseudonym
from core.errors import UnsafeSettings
from core.keystore import KeyDestroyed, KeyStore, destroyed, person_key

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
RING = KeyRing.derive("a secret that is only good for tests of the key store")
KARI, OLA, AISHA = (new_pseudonym() for _ in range(3))


@pytest.fixture
def store(engine_url: str) -> Iterator[KeyStore]:
    made = KeyStore(engine_url, RING)
    made.prepare()
    yield made
    made.close()


@pytest.fixture
def fresh(store: KeyStore, engine_url: str) -> Iterator[KeyStore]:
    """The same store as another process sees it, with nothing remembered."""
    other = KeyStore(engine_url, RING)
    yield other
    other.close()


def test_every_person_has_a_key_of_their_own(store: KeyStore, fresh: KeyStore) -> None:
    made = store.create_many([KARI, OLA], now=NOW)

    assert len(set(made.values())) == 2
    assert all(len(key) == 32 for key in made.values())
    assert fresh.get_many([KARI, OLA, AISHA]) == made
    assert fresh.get(KARI) == store.get(KARI) == made[KARI]


def test_keys_are_wrapped_where_they_lie(store: KeyStore) -> None:
    key = store.create_many([KARI], now=NOW)[KARI]
    with store._db.read() as tx:
        row = tx.execute(select(person_key)).one()

    assert key not in row.wrapped
    assert (row.master_id, row.created_at) == (RING.master.id, NOW)


def test_a_destroyed_key_is_gone_for_everybody(store: KeyStore, fresh: KeyStore) -> None:
    store.create_many([KARI, OLA], now=NOW)

    assert store.destroy(KARI)
    assert not store.destroy(KARI)
    for asked in (store, fresh):
        with pytest.raises(KeyDestroyed):
            asked.get(KARI)
        assert set(asked.get_many([KARI, OLA])) == {OLA}


def test_a_process_forgets_who_was_erased_elsewhere(store: KeyStore, fresh: KeyStore) -> None:
    store.create_many([KARI], now=NOW)
    fresh.get(KARI)
    store.destroy(KARI)
    fresh.forget([KARI])

    with pytest.raises(KeyDestroyed):
        fresh.get(KARI)


def test_no_second_key_is_made_for_the_same_person(store: KeyStore, fresh: KeyStore) -> None:
    key = store.create_many([KARI], now=NOW)[KARI]
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.create_many([OLA, KARI], now=NOW)

    assert fresh.get_many([KARI, OLA]) == {KARI: key}


def test_a_key_copied_to_another_persons_row_does_not_open(
    store: KeyStore, fresh: KeyStore
) -> None:
    store.create_many([KARI, OLA], now=NOW)
    with store._db.write() as tx:
        wrapped = tx.execute(
            select(person_key.c.wrapped).where(person_key.c.pseudonym == KARI)
        ).scalar_one()
        tx.execute(update(person_key).where(person_key.c.pseudonym == OLA).values(wrapped=wrapped))

    with pytest.raises(CannotDecrypt):
        fresh.get(OLA)


def test_rotating_the_master_key_keeps_every_persons_key(
    store: KeyStore, engine_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.keystore.BATCH", 4)
    made = store.create_many([new_pseudonym() for _ in range(10)], now=NOW)
    rotated = RING.with_new_master()
    store.use_ring(rotated)

    assert store.rewrap_all() == 10
    assert store.rewrap_all() == 0
    assert store.master_ids() == {rotated.master.id}
    after = KeyStore(engine_url, rotated.without(RING.master.id))
    assert after.get_many(made) == made
    after.close()


def test_a_master_key_forgotten_too_early_is_named(store: KeyStore, engine_url: str) -> None:
    store.create_many([KARI], now=NOW)
    after = KeyStore(engine_url, RING.with_new_master().without(RING.master.id))

    with pytest.raises(UnknownKey, match=RING.master.id):
        after.get(KARI)
    after.close()


def test_a_store_made_with_other_secrets_is_refused(store: KeyStore, engine_url: str) -> None:
    other = KeyStore(engine_url, KeyRing.generate())

    with pytest.raises(UnsafeSettings, match="other secrets"):
        other.prepare()
    other.close()


def test_preparing_again_changes_nothing(store: KeyStore, fresh: KeyStore) -> None:
    key = store.create_many([KARI], now=NOW)[KARI]
    fresh.prepare()

    assert fresh.get(KARI) == key


def test_a_ring_of_another_installation_is_no_rotation(store: KeyStore) -> None:
    with pytest.raises(ValueError, match="lookup"):
        store.use_ring(KeyRing.generate())


def test_memory_holds_the_last_used_keys_only(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.keystore.REMEMBERED", 3)
    made = store.create_many([new_pseudonym() for _ in range(5)], now=NOW)

    assert list(store._known) == list(made)[2:]
    assert store.get_many(made) == made
    assert len(store._known) == 3


def test_everybody_with_a_key_can_be_listed(store: KeyStore) -> None:
    store.create_many([KARI, OLA, AISHA], now=NOW)

    assert list(store.pseudonyms()) == sorted([KARI, OLA, AISHA])


def test_on_disk_a_destroyed_key_leaves_no_bytes_behind(tmp_path: Path) -> None:
    store = KeyStore(f"sqlite:///{tmp_path / 'keys.db'}", RING)
    store.prepare()
    store.create_many([new_pseudonym() for _ in range(50)] + [KARI], now=NOW)
    with store._db.read() as tx:
        wrapped = tx.execute(
            select(person_key.c.wrapped).where(person_key.c.pseudonym == KARI)
        ).scalar_one()

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in sorted(tmp_path.iterdir()))

    assert wrapped in on_disk()
    store.destroy(KARI)
    assert wrapped not in on_disk()
    store.close()


def test_the_store_remembers_whom_it_forgot_and_takes_no_such_key_back(store: KeyStore) -> None:
    store.create_many([KARI, OLA], now=NOW)
    backed_up = list(store.written_out())
    store.destroy(KARI, now=NOW)
    store.destroy(OLA)
    with store._db.write() as tx:
        tx.execute(delete(destroyed).where(destroyed.c.pseudonym == OLA))

    taken, gone = store.take_in(backed_up)

    assert (taken, gone) == (1, set())
    assert store.destroyed() == {KARI}
    assert set(store.get_many([KARI, OLA])) == {OLA}


def test_keys_made_with_other_secrets_are_not_taken_in(store: KeyStore) -> None:
    with pytest.raises(UnsafeSettings, match="other secrets"):
        store.take_in(['{"ring": "lookup-of-another"}'])


def test_a_key_destroyed_by_another_process_is_soon_forgotten(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.create_many([KARI], now=NOW)
    with store._db.write() as tx:
        tx.execute(delete(person_key))

    assert set(store.get_many([KARI])) == {KARI}
    monkeypatch.setattr(keystore, "REMEMBERED_FOR", 0.0)
    assert store.get_many([KARI]) == {}


def test_the_file_of_keys_is_for_its_owner_alone(tmp_path: Path) -> None:
    store = KeyStore(f"sqlite:///{tmp_path / 'keys.db'}", RING)
    store.prepare()

    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    store.close()
