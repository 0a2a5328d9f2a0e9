"""Cards in a process that imports nothing else: what printing them needs by itself.

Reads a pickled list of cards from its input; tells the seconds of CPU of the first, and the memory
at most in kB.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from pathlib import Path

from forms.card import card_pdf


def main() -> None:
    """Print the cards one by one."""
    many = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the benchmark that started us
    began = time.process_time()
    card_pdf(many[0])
    took = time.process_time() - began
    for each in many:
        card_pdf(each)
    print(json.dumps({"first": took, "peak": peak()}))


def peak() -> int:
    """The memory at most of this program; `ru_maxrss` would count who started it as well."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("the system does not tell the memory at most")


if __name__ == "__main__":
    main()
