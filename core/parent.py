"""A process of ours that ends when the one that started it is gone, however that ended.

The parent keeps the writing end of the child's standard input; when it dies the kernel closes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from typing import Final

MARK: Final = "OVERLEV_BOOTSTRAP_PARENT"
"""Set in the environment of children of the supervisor."""

COUNTED_TOGETHER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Set where several children count together: Prometheus' client then counts in files of that
folder, which whoever is asked adds up."""


def is_child(environ: Mapping[str, str]) -> bool:
    """Whether this process was started by the supervisor."""
    return bool(environ.get(MARK))


def end_with_parent() -> None:
    """From now on, end as by SIGTERM when the parent is gone."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
