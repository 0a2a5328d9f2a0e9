"""A full disk: what was acknowledged stays, all others are told to wait, and it heals by itself.

The database lies on a tmpfs with 2 MB of room, which only root can mount.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cases.model import TaskState
from tests.cases.desk import UNSTAFFED, make_many
from tests.databases import SqliteFiles
from tests.disks import small_disk
from tests.web.office import OFFICER, Office, opened

ROOM = 2 * 1024 * 1024
CASES = 40


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path) as made:
        yield made


@pytest.fixture
def office(sqlite_files: SqliteFiles, disk: Path) -> Iterator[Office]:
    made = Path(sqlite_files.create(migrated=True, filled=UNSTAFFED).removeprefix("sqlite:///"))
    placed = disk / "overlev.db"
    shutil.copyfile(made, placed)
    with opened(f"sqlite:///{placed}", disk) as office:
        yield office


def test_on_a_full_disk_nothing_acknowledged_is_lost_and_it_goes_on_when_there_is_room(
    office: Office, disk: Path
) -> None:
    refs = [case.ref for case in make_many(office.desk, CASES)]
    filler = disk / "filler"
    filler.write_bytes(b"x" * max(0, shutil.disk_usage(disk).free - ROOM))

    def complete(ref: str) -> int:
        answer = office.post(
            f"/cases/{ref}/tasks/talk_held", {"outcome": "done"}, by=OFFICER, key=f"k-{ref}"
        )
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
            assert answer.json()["type"] == "urn:overlev:problem:busy"
        return answer.status_code

    def use_up() -> None:
        with (disk / "more").open("ab") as more:
            while shutil.disk_usage(disk).free:
                more.write(b"x" * 4096)
                more.flush()

    answered = {ref: complete(ref) for ref in refs[: CASES // 4]}
    with suppress(OSError):  # the last bytes are contended for
        use_up()
    answered |= {ref: complete(ref) for ref in refs[CASES // 4 :]}
    assert set(answered.values()) == {200, 503}
    assert office.client.request("GET", "/healthz").status_code == 200

    filler.unlink()
    for ref, status in answered.items():
        done = office.desk.case(ref).task("talk_held")
        assert done is not None
        assert (done.state is TaskState.DONE) == (status == 200), (ref, status)
    assert [complete(ref) for ref in refs] == [200] * CASES, "without a restart"
    with office.desk.db.read() as tx:
        assert tx.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
