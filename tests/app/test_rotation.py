"""New keys of the installation: everybody's data opens with them, and not with the old ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from cases.installation import open_installation
from cases.signing_in import _aad
from cases.tables import account
from core.alone import among_others
from core.crypto import KeyRing
from core.keystore import KeyStore
from core.sealing import open_with, seal_with
from core.settings import load_settings
from tests.app.shell import Shell

NOW = "2026-09-02T09:00"
KARI = "101000"
OLD, NEW = ("a long secret that somebody made at random " + each for each in ("1", "2"))


@pytest.fixture
def environ(any_house: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in any_house.env.items():
        monkeypatch.setenv(name, value or "")


def ring_of(shell: Shell) -> KeyRing:
    return KeyRing.from_json((shell.folder / "secrets.json").read_text("utf-8"))


def keys_under(shell: Shell, ring: KeyRing) -> set[str]:
    keys = KeyStore(load_settings(data=shell.folder).keys_url_in_use, ring)
    try:
        return keys.master_ids()
    finally:
        keys.close()


def name_of(shell: Shell, folder: Path) -> str:
    shell("subject-access", KARI, "-o", folder / "all.json", "--json", now=NOW)
    told: str = (folder / "all.json").read_text("utf-8")
    (folder / "all.json").unlink()
    return told


@pytest.mark.usefixtures("environ")
def test_everybody_is_wrapped_anew_and_backups_from_before_open_still(
    any_house: Shell, tmp_path: Path
) -> None:
    old = ring_of(any_house)
    with open_installation(load_settings(data=any_house.folder)) as house:
        sealed = seal_with(old, b"a second factor", aad=_aad(1))
        house.db.transact(
            lambda tx: tx.execute(update(account).where(account.c.id == 1).values(totp_enc=sealed))
        )
    any_house("backup", tmp_path / "kept")
    assert "--yes" in any_house("key", "rotate", code=2).err

    told = any_house("key", "rotate", "--yes")

    new = ring_of(any_house)
    assert told.out == f"keys of 120 persons wrapped anew under {new.master.id}\n"
    assert keys_under(any_house, new) == {new.master.id}
    assert (new.masters[1:], new.macs[1:], new.lookup) == (old.masters, old.macs, old.lookup)
    with open_installation(load_settings(data=any_house.folder)) as house, house.db.read() as tx:
        sealed = tx.execute(select(account.c.totp_enc).where(account.c.id == 1)).scalar_one()
    assert sealed.startswith(new.master.id.encode())
    assert open_with(new, sealed, aad=_aad(1)) == b"a second factor"
    assert "Ahmed" in name_of(any_house, tmp_path)
    any_house("complete", KARI, "intake_talk", now=NOW)
    assert "OK" in any_house("audit", "verify").out
    assert "WRONG  keys" not in any_house("doctor", now=NOW, code=0).out

    any_house("restore", tmp_path / "kept", "--force")
    assert "Ahmed" in name_of(any_house, tmp_path)
    assert any_house.task(KARI, "intake_talk", now=NOW)["state"] != "done"


def test_nothing_is_rotated_while_somebody_holds_the_old_keys(house: Shell) -> None:
    before = (house.folder / "secrets.json").read_text("utf-8")
    with among_others(house.folder):
        assert "stop them all" in house("key", "rotate", "--yes", code=2).err
    assert (house.folder / "secrets.json").read_text("utf-8") == before


def test_a_secret_from_outside_is_renewed_there_and_then_everybody_is_wrapped_anew(
    tmp_path: Path,
) -> None:
    shell = Shell(tmp_path / "data", {"OVERLEV_SECRET_KEY": OLD})
    shell("init")
    assert "put a new secret before" in shell("key", "rotate", "--yes", code=2).err

    people = ["lookup-of-one", "lookup-of-two"]
    keys = KeyStore(f"sqlite:///{shell.folder / 'keys.db'}", KeyRing.derive(OLD))
    made = keys.create_many(people, now=datetime(2026, 9, 1, tzinfo=UTC))
    keys.close()
    both = Shell(shell.folder, {"OVERLEV_SECRET_KEY": f"{NEW},{OLD}"})
    with among_others(both.folder):  # whoever runs knows both by now
        told = both("key", "rotate", "--yes").out

    ring = KeyRing.derive(f"{NEW},{OLD}")
    assert told.startswith(f"keys of 2 persons wrapped anew under {ring.master.id}")
    assert keys_under(both, ring) == {ring.master.id}
    keys = KeyStore(f"sqlite:///{shell.folder / 'keys.db'}", ring)
    assert keys.get_many(people) == made
    keys.close()
