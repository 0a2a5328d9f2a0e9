"""One import in a process of its own, so that its memory is its own: prints what it took as JSON.

Run by `bench.importing` as `python -m bench.import_once DATABASE_URL KEYS_FILE ROSTER`.
"""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import sys
import time
from pathlib import Path

from bench.clock import NOW
from bench.measure import pace, settle, strain_of_run
from bench.places import SECRET
from bench.run import GARBAGE_AFTER
from cases.access import OPERATOR
from cases.roster import import_roster
from cases.vault import Secrets
from core.crypto import KeyRing
from core.db import Database
from core.keystore import KeyStore


class _Memory:
    """The most memory the parsing child has had; looked at after every chunk of rows.

    Not `ru_maxrss`: a new process inherits there what its parent had.
    """

    def __init__(self) -> None:
        self.child_peak = 0
        self._looks = 0

    def look(self) -> None:
        self._looks += 1
        if self._looks % 10 == 0:
            pace()
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
        for child in children.split():
            self.child_peak = max(self.child_peak, _peak(int(child)))


def _peak(process: int) -> int:
    """Kilobytes of memory a process had at most, 0 when it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) if found else 0


def main(url: str, keys_file: str, roster: str) -> None:
    """Import, and print rows, seconds and kilobytes."""
    gc.set_threshold(GARBAGE_AFTER)
    settle(looks=60)
    ring = KeyRing.derive(SECRET)
    keys = KeyStore(f"sqlite:///{keys_file}", ring)
    db = Database(url, secrets=Secrets(ring, keys), patience=30)
    memory = _Memory()
    wall, cpu = time.perf_counter(), time.process_time()
    result = import_roster(
        db, Path(roster), OPERATOR, now=NOW, demo=True, progress=lambda _read, _all: memory.look()
    )
    took, own = time.perf_counter() - wall, time.process_time() - cpu
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "rows": result.rows,
                "created": result.created,
                "unchanged": result.unchanged,
                "rejected": len(result.rejected),
                "wall": took,
                "strain": strain_of_run(),
                "cpu": own,
                "child_cpu": child.ru_utime + child.ru_stime,
                "peak": _peak(os.getpid()),
                "child_peak": memory.child_peak,
            }
        )
    )
    db.close()
    keys.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
