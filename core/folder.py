"""The data folder: one installation's databases, keys and marker on disk.

    folder.json    {"format": 1, "demo": bool, "made_at": ISO}; written last: it marks a whole one
    secrets.json   the key ring (mode 0600), unless OVERLEV_SECRET_KEY is set
    overlev.db     the domain database, keys.db the key store, unless a Postgres was named

The folder is 0700. A demo folder is marked when it is made and stays one: only there may the clock
be moved (`--now`).
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from core.clock import iso_local, parse_instant
from core.crypto import KeyRing
from core.disk import writable
from core.errors import BadInput, UnsafeSettings

FORMAT: Final = 1
_MARKER: Final = "folder.json"
_SECRETS: Final = "secrets.json"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder that exists and was made by `create`."""

    path: Path
    demo: bool
    made_at: datetime

    @staticmethod
    def exists(path: Path) -> bool:
        """Whether a whole data folder stands there."""
        return (path / _MARKER).is_file()

    @classmethod
    def create(
        cls, path: Path, *, demo: bool, made_at: datetime, secret_key: str | None = None
    ) -> DataFolder:
        """Make the folder, with a new key ring unless a `secret_key` is given.

        Keys left by an attempt that was cut short are kept, never overwritten. Raises
        `UnsafeSettings` where a folder stands already or nothing can be written.
        """
        if cls.exists(path):
            raise UnsafeSettings(f"{path} is a data folder already: use it, or name another")
        cls.prepare(path, secret_key=secret_key)
        marker = {"format": FORMAT, "demo": demo, "made_at": iso_local(made_at)}
        with writable(path):
            _write_durably(path / _MARKER, json.dumps(marker))
        return cls.open(path)

    @classmethod
    def prepare(cls, path: Path, *, secret_key: str | None = None) -> KeyRing:
        """Everything of `create` but the marker, so that databases can be made before it.

        May be repeated: an attempt that was cut short goes on with the keys it left.
        """
        if secret_key:
            KeyRing.derive(secret_key)  # refuses a weak one before anything is made
        refuse_root_elsewhere(path)
        with writable(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not secret_key and not (path / _SECRETS).exists():
                _write_durably(path / _SECRETS, KeyRing.generate().to_json())
        return _ring_in(path, secret_key)

    @classmethod
    def open(cls, path: Path) -> DataFolder:
        """Raises `UnsafeSettings` if there is none, its marker is broken or its keys lie open."""
        try:
            marker = json.loads((path / _MARKER).read_text("utf-8"))
            form, demo, made_at = marker["format"], marker["demo"], marker["made_at"]
            folder = cls(path, demo is True, parse_instant(made_at))
        except (FileNotFoundError, NotADirectoryError):
            beside = path.with_name(f"{path.name}-demo")
            if (beside / _MARKER).is_file():
                raise UnsafeSettings(
                    f"{path} is no data folder, but a demo lies beside it: add `--data {beside}`"
                    f" after `overlev`, or make one with `overlev --data {path} init`"
                ) from None
            raise UnsafeSettings(
                f"{path} is no data folder: make one with `overlev --data {path} init`"
            ) from None
        except OSError as failed:
            raise UnsafeSettings(
                f"{path} cannot be read ({failed.strerror}): check the rights of the folder"
            ) from failed
        except (ValueError, KeyError, TypeError, AttributeError, BadInput):
            raise UnsafeSettings(
                f"{path / _MARKER} is damaged: restore the folder from a backup"
            ) from None
        if form != FORMAT:
            raise UnsafeSettings(f"{path} was made by a newer Overlev: install that version")
        refuse_root_elsewhere(path)
        folder.refuse_open_secrets()
        return folder

    @property
    def database_path(self) -> Path:
        return self.path / "overlev.db"

    @property
    def keys_path(self) -> Path:
        return self.path / "keys.db"

    @property
    def secrets_path(self) -> Path:
        return self.path / _SECRETS

    def refuse_open_secrets(self) -> None:
        """Raises `UnsafeSettings` when others on the machine can read the keys."""
        for file in (self.secrets_path, self.keys_path):
            with contextlib.suppress(FileNotFoundError):
                if stat.S_IMODE(file.stat().st_mode) & 0o077:
                    raise UnsafeSettings(
                        f"{file} can be read by others: run `chmod 600 {file}`, and rotate the keys"
                        " (`overlev key rotate`) if somebody may have read them"
                    )

    def ring(self, secret_key: str | None) -> KeyRing:
        """The key ring: derived from `OVERLEV_SECRET_KEY` if that is set, else `secrets.json`.

        Raises `UnsafeSettings` when both or neither are there, or the file is damaged.
        """
        return _ring_in(self.path, secret_key)

    @staticmethod
    def put_secrets(path: Path, ring: KeyRing) -> None:
        """Put a known ring into a folder that has no secrets yet, before `create`."""
        with writable(path):
            _write_durably(path / _SECRETS, ring.to_json())

    def keep_ring(self, ring: KeyRing) -> None:
        """Replace `secrets.json` by a rotated ring, whole or not at all."""
        with writable(self.path):
            _write_durably(self.secrets_path, ring.to_json())


def refuse_root_elsewhere(path: Path) -> None:
    """Raises `UnsafeSettings` for root in somebody else's folder.

    What root makes there (a lock, the heads of the logs) shuts its owner out, who is the service:
    it would find that out at its next start.
    """
    if os.geteuid() != 0 or not path.exists():
        return
    owner = path.stat().st_uid
    if owner != 0:
        name = _name_of(owner)
        raise UnsafeSettings(
            f"{path} belongs to {name}, and what root makes there shuts {name} out: run this as"
            f" that user, `runuser -u {name} -- …`"
        )


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # a user of another machine or container
        return f"#{user}"


def _ring_in(path: Path, secret_key: str | None) -> KeyRing:
    secrets_path = path / _SECRETS
    if secret_key:
        if secrets_path.exists():
            raise UnsafeSettings(
                f"OVERLEV_SECRET_KEY is set and {secrets_path} holds keys too:"
                " unset the variable, or move the file away if the folder is still empty"
            )
        return KeyRing.derive(secret_key)
    try:
        return KeyRing.from_json(secrets_path.read_text("utf-8"))
    except FileNotFoundError:
        raise UnsafeSettings(
            f"no keys: set OVERLEV_SECRET_KEY, or put {secrets_path} back from its backup"
        ) from None
    except (OSError, ValueError):
        raise UnsafeSettings(
            f"{secrets_path} cannot be read as keys: put it back from its backup"
        ) from None


def _write_durably(file: Path, text: str) -> None:
    """Write a private file so that a crash leaves the old one or the new one, never half."""
    half = file.with_name(f".{file.name}.new")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    half.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
