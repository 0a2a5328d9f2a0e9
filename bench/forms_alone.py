"""Cards in a process that imports nothing else: what printing them needs by itself.

Reads a pickled list of cards from its input; tells the seconds of CPU of the first, and the memory
at most in kB.
"""

from __future__ import annotations

import json
import pickle
import resource
import sys
import time

from forms.card import card_pdf


def main() -> None:
    """Print the cards one by one."""
    many = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the benchmark that started us
    began = time.process_time()
    card_pdf(many[0])
    took = time.process_time() - began
    for each in many:
        card_pdf(each)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"first": took, "peak": peak}))


if __name__ == "__main__":
    main()
