"""Units and staff of a demo: every unit of the project, an account of every role in each."""

from __future__ import annotations

import csv
from datetime import datetime
from importlib.resources import files
from io import StringIO

from sqlalchemy import Connection, delete

from cases import accounts, organisation
from cases.tables import account, membership


def units_and_staff(tx: Connection, password: str, *, now: datetime) -> list[accounts.DemoAccount]:
    """Put them in. All accounts share one password: it is printed, and nobody here is real."""
    written = (files("app.demo") / "units.csv").read_text("utf-8-sig")
    organisation.import_units(tx, csv.DictReader(StringIO(written), delimiter=";"), now=now)
    # Nobody but a demo gets here: a real installation's database is refused before.
    _forget_unfinished(tx)
    return accounts.demo_accounts(tx, password, now=now)


def _forget_unfinished(tx: Connection) -> None:
    """Accounts left by an `init --demo` that was cut short: their password was never shown."""
    tx.execute(delete(membership))
    tx.execute(delete(account))
