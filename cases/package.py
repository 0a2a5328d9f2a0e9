"""A package: the four steps, their tasks and every deadline as data, checked when it is read.

The format is described at the top of `packages/national-1.toml`; beyond it, a task with forms may
name its `usual_form`, and a table `[appointments]` says what `appointments_confirmed` requires. A
package is an immutable value; an overlay of a unit (`cases.overlay`) makes another one from it. A
mistake in a file is refused with file, line and rule, so that it stops an administrator today and
not a nurse on a Friday.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path

from cases.checklist import (
    CORE_TASKS,
    NATIONAL_REQUIREMENT,
    Labels,
    Ladder,
    Package,
    Requirement,
    StepRule,
    TaskRule,
    lead_of,
)
from cases.package_file import PackageError, source_of
from cases.package_reading import read_package
from cases.terms import Anchor, Later, Term


def load_package(source: Path | str, *, name: str = "package") -> Package:
    """Read and check a package from a file, or from the text itself.

    `name` stands for the file in errors about a text. Raises `PackageError` at the first rule that
    is broken, with file, line and rule.
    """
    return read_package(source_of(source, name))


@lru_cache(maxsize=1)
def national() -> Package:
    """The national package that comes with Overlev."""
    bundled = resources.files("cases") / "packages" / "national-1.toml"
    return load_package(bundled.read_text(encoding="utf-8"), name="national-1.toml")


__all__ = [
    "CORE_TASKS",
    "NATIONAL_REQUIREMENT",
    "Anchor",
    "Labels",
    "Ladder",
    "Later",
    "Package",
    "PackageError",
    "Requirement",
    "StepRule",
    "TaskRule",
    "Term",
    "lead_of",
    "load_package",
    "national",
]
