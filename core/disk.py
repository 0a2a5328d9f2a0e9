"""A disk that refuses, told in one line with the way out: no fault of ours, and not to be guessed.

Of its own, so that whoever needs nothing else of the data folder loads nothing else.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.errors import UnsafeSettings

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Make or write something in `path`. Raises `UnsafeSettings` where the disk refuses."""
    try:
        yield
    except OSError as failed:
        way_out = "make room" if failed.errno in _NO_ROOM else "check the path and rights"
        raise UnsafeSettings(
            f"{path} cannot be made or written ({failed.strerror}): {way_out}"
        ) from failed
