"""The cases of a demo, made after its first page is there: `python -m app.demo.later CASES SEED`.

Units and accounts are there already. One transaction: cut short it leaves nothing, and the next
start of the demo makes the cases then; a mark in the folder says that they are still to be made.
"""

from __future__ import annotations

import os
import sys

from sqlalchemy import func, select

from app.demo.pending import making, take_mark
from app.demo.progress import year_passing
from app.demo.year import live
from cases.installation import open_installation
from cases.tables import case_
from core.db import unhurried
from core.log import set_up_logging
from core.parent import end_with_parent, is_child
from core.settings import load_settings


def main() -> None:
    """Make them."""
    if is_child(os.environ):
        end_with_parent()
    set_up_logging()
    os.nice(5)  # whoever looks at the first page goes before
    cases, seed = int(sys.argv[1]), int(sys.argv[2])
    with open_installation(load_settings()) as house:
        with making(house.folder.path) as made, year_passing(cases) as told:

            def passing(passed: int, of: int) -> None:
                told(passed, of)
                made(100 * passed // of)

            with house.db.write() as tx:
                unhurried(tx)
                if tx.execute(select(func.count()).select_from(case_)).scalar_one() == 0:
                    live(tx, cases=cases, seed=seed, now=house.now(), progress=passing)
        take_mark(house.folder.path)
    print(f"The demo's {cases} cases are there: sign in", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
