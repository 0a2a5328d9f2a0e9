"""The command: `python -m bench [name …] [--quick] [--full] [--profile] [--write]`."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Final

from bench.measure import Outcome, settle
from bench.places import places
from bench.results import printed, written
from bench.run import GARBAGE_AFTER, Run

BENCHMARKS: Final = {
    "completion": "bench.completion:completion",
    "sweep": "bench.sweeping:sweeping",
    "import": "bench.importing:importing",
    "tertial": "bench.tertials:tertials",
    "publish": "bench.publishing:publishing",
    "list": "bench.lists:lists",
    "session": "bench.sessions:group_sessions",
    "case": "bench.reading:one_case",
    "audit": "bench.audits:audits",
    "messages": "bench.messages:messages",
    "forms": "bench.forms:forms",
    "api": "bench.api:api",
    "pages": "bench.pages:pages",
}
"""Where each benchmark stands; loaded when it is run, so that one alone starts quickly."""

RESULTS: Final = Path(__file__).with_name("RESULTS.md")


def main(arguments: Sequence[str]) -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="a little of all, in some minutes")
    parser.add_argument("--full", action="store_true", help="up to a million cases")
    parser.add_argument("--profile", action="store_true", help="profiles also where goals are held")
    parser.add_argument("--write", action="store_true", help="renew those of bench/RESULTS.md")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), help="only this database")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.name if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}: take of {', '.join(BENCHMARKS)}")
    gc.set_threshold(GARBAGE_AFTER)
    engines = (asked.engine,) if asked.engine else ("sqlite", "postgres")
    outcomes: dict[str, Outcome] = {}
    settle()
    with places() as made:
        run = Run(made, asked.quick, asked.full, asked.profile, engines)
        for name in asked.name or BENCHMARKS:
            began = time.monotonic()
            outcomes[name] = _found(name)(run)
            print(printed(name, outcomes[name], seconds=time.monotonic() - began), flush=True)
            if asked.profile:
                for what, text in outcomes[name].profiles.items():
                    print(f"\n{what}\n{text}")
    if asked.write:
        how = "quick" if asked.quick else "full" if asked.full else "plain"
        before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
        page = written(outcomes, how=how, at=datetime.now(UTC), before=before, order=BENCHMARKS)
        RESULTS.write_text(page, encoding="utf-8")
        print(f"\nwritten to {RESULTS.parent.name}/{RESULTS.name}")
    return 0


def _found(name: str) -> Callable[[Run], Outcome]:
    module, _, function = BENCHMARKS[name].partition(":")
    benchmark: Callable[[Run], Outcome] = getattr(import_module(module), function)
    return benchmark


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
