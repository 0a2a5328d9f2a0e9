"""Units and staff of a demo: every unit of the project, an account of every role in each."""

from __future__ import annotations

import csv
from datetime import datetime
from importlib.resources import files
from io import StringIO

from sqlalchemy import Connection

from cases import accounts, organisation


def units_and_staff(tx: Connection, password: str, *, now: datetime) -> list[accounts.DemoAccount]:
    """Put them in. All accounts share one password: it is printed, and nobody here is real.

    Nobody but a demo gets here: a real installation's database is refused before. Accounts that are
    there already are those of an `init` that was cut short before it showed their password, or of a
    second folder over one database: they stay, with the new password.
    """
    written = (files("app.demo") / "units.csv").read_text("utf-8-sig")
    organisation.import_units(tx, csv.DictReader(StringIO(written), delimiter=";"), now=now)
    return accounts.demo_accounts(tx, password, now=now)
