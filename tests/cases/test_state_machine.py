"""Random lives: every verb in any order, and what must hold after each step.

After every step a case is what the rules give for its facts, its events tell the same story, and
the outbox is what is wanted; of the house holds what `lives.always` says; at the end the chains
verify and every figure equals its recount, also as of earlier moments.

`OVERLEV_TEST_SEQUENCES` says how many runs of 50 steps SQLite gets (a tenth of it on Postgres);
the acceptance asks for 2,000. Without it a hundred and ten, always the same ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cases import roster
from tests.cases.lives.running import VERBS, copies_of_one, live, new_each_time, sequences
from tests.cases.roster_files import ReadHere
from tests.databases import Databases

LONG = "OVERLEV_TEST_SEQUENCES" in os.environ


@pytest.mark.timeout(0 if LONG else 600)
def test_whatever_is_done_in_whatever_order_the_rules_hold(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(roster, "parse_in_child", ReadHere)
    engine = "sqlite" if "sqlite" in request.node.name else "postgres"
    runs_on = (copies_of_one if engine == "sqlite" else new_each_time)(databases, tmp_path)
    many = sequences(engine)

    seen = live(runs_on, tmp_path, many=many, seed=not LONG)

    met = {name for name in seen if not name.endswith(" refused")}
    print("\n".join(f"{name}: {seen[name]}" for name in sorted(seen)))  # noqa: T201 - shown by -s
    # Chance decides what a short run meets; only a long one must have met all of it.
    assert len(met) >= len(VERBS) // 3, "the runs got nowhere"
    if many >= 500:
        assert met >= VERBS, f"never met: {sorted(VERBS - met)}"
