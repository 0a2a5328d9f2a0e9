"""One import in a process of its own, so that its memory is its own: prints what it took as JSON.

Run by `bench.importing` as `python -m bench.import_once DATABASE_URL KEYS_FILE ROSTER`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from bench.clock import NOW
from bench.places import SECRET
from cases.access import OPERATOR
from cases.roster import import_roster
from cases.vault import Secrets
from core.crypto import KeyRing
from core.db import Database
from core.keystore import KeyStore


def main(url: str, keys_file: str, roster: str) -> None:
    """Import, and print rows, seconds and kilobytes."""
    ring = KeyRing.derive(SECRET)
    keys = KeyStore(f"sqlite:///{keys_file}", ring)
    db = Database(url, secrets=Secrets(ring, keys), patience=30)
    wall = time.perf_counter()
    result = import_roster(db, Path(roster), OPERATOR, now=NOW, demo=True)
    took = time.perf_counter() - wall
    own = resource.getrusage(resource.RUSAGE_SELF)
    child = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "rows": result.rows,
                "created": result.created,
                "unchanged": result.unchanged,
                "rejected": len(result.rejected),
                "wall": took,
                "cpu": own.ru_utime + own.ru_stime,
                "child_cpu": child.ru_utime + child.ru_stime,
                "peak": own.ru_maxrss,
                "child_peak": child.ru_maxrss,
            }
        )
    )
    db.close()
    keys.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
