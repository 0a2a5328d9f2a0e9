"""Lays out what npm brought: style, htmx and fonts, each file where its floor reads it.

Run at installation as `python -m app.assets`, with the standard library alone. None of it stands in
the repository: `package-lock.json` names versions and digests, npm brings them.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

VENDOR: Final = "web/static/vendor"
"""Served by the web as they are."""

FONTS: Final = "forms/fonts"
"""Set into PDFs."""

_INTER: Final = "@fontsource/inter/files/inter-{subset}-{weight}-normal.woff2"
_NOTO: Final = "@expo-google-fonts/{family}/{weight}/{name}_{weight}.ttf"

LAID_OUT: Final[dict[str, tuple[str, ...]]] = {
    VENDOR: (
        "htmx.org/dist/htmx.min.js",
        "@digdir/designsystemet-css/dist/src/index.css",
        "@digdir/designsystemet-css/dist/theme/designsystemet.css",
        *(
            _INTER.format(subset=subset, weight=weight)
            for subset in ("latin", "latin-ext")
            for weight in (400, 500, 600)
        ),
    ),
    FONTS: (
        *(
            _NOTO.format(family=family, weight=weight, name=name)
            for family, name in (
                ("noto-sans", "NotoSans"),
                ("noto-naskh-arabic", "NotoNaskhArabic"),
                ("noto-emoji", "NotoEmoji"),
            )
            for weight in ("400Regular", "700Bold")
        ),
    ),
}
"""Folder → files below `node_modules`; each lies in its folder under its own name."""


def lay_out(root: Path = ROOT) -> list[Path]:
    """Copy every file of `LAID_OUT`; returns what lies there now. Raises `FileNotFoundError`."""
    there: list[Path] = []
    for folder, files in LAID_OUT.items():
        fresh = root / f"{folder}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for file in files:
            shutil.copyfile(root / "node_modules" / file, fresh / Path(file).name)
        shutil.rmtree(root / folder, ignore_errors=True)
        fresh.rename(root / folder)
        there += sorted((root / folder).iterdir())
    return there


if __name__ == "__main__":
    sys.exit(0 if lay_out() else 1)
