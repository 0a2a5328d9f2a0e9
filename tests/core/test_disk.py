"""A disk that refuses is told with what it says and the way out."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core.disk import writable
from core.errors import UnsafeSettings


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.EROFS, "check the path and rights"),
        (errno.EACCES, "check the path and rights"),
        (errno.ENOSPC, "make room"),
        (errno.EDQUOT, "make room"),
    ],
)
def test_the_way_out_follows_from_what_the_disk_says(number: int, way_out: str) -> None:
    with pytest.raises(UnsafeSettings) as told, writable(Path("/data")):
        raise OSError(number, os.strerror(number))

    assert told.value.detail == (
        f"/data cannot be made or written ({os.strerror(number)}): {way_out}"
    )
