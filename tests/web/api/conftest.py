"""The office, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cases.desk import UNSTAFFED
from tests.web.office import Office, opened


@pytest.fixture
def office(new_database_url: Callable[..., str], tmp_path: Path) -> Iterator[Office]:
    with opened(new_database_url(migrated=True, filled=UNSTAFFED), tmp_path) as office:
        yield office
