"""The command: `python -m bench [name …] [--quick] [--full] [--profile] [--write]`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from bench.completion import completion
from bench.importing import importing
from bench.measure import Outcome
from bench.places import places
from bench.run import Run
from bench.sweeping import sweeping

BENCHMARKS: Final[dict[str, Callable[[Run], Outcome]]] = {
    "completion": completion,
    "sweep": sweeping,
    "import": importing,
}


def main(arguments: Sequence[str]) -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="a little of all, in half a minute")
    parser.add_argument("--full", action="store_true", help="up to a million cases")
    parser.add_argument("--profile", action="store_true", help="profiles also where goals are held")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), help="only this database")
    asked = parser.parse_args(arguments)
    outcomes: dict[str, Outcome] = {}
    for name in asked.name or BENCHMARKS:
        began = time.monotonic()
        with places() as made:
            run = Run(
                made,
                quick=asked.quick,
                full=asked.full,
                profile=asked.profile,
                engines=(asked.engine,) if asked.engine else ("sqlite", "postgres"),
            )
            outcomes[name] = BENCHMARKS[name](run)
        for line in outcomes[name].lines:
            print(line)
        for what, text in outcomes[name].profiles.items():
            print(what, text, sep="\n")
        print(f"{name}: {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
