"""`python -m web.i18n`: bring the catalogues up to date with templates and code."""

from __future__ import annotations

import sys

from web.i18n.extraction import renew

if __name__ == "__main__":
    lacking = renew()
    sys.stdout.write(
        "".join(f"{language}: {count} to translate\n" for language, count in lacking.items())
    )
