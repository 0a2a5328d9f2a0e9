"""Reminders of tertial reports, as the calendar tells them; without Prefect's server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select

from cases import accounts, staff_contact
from cases.access import Viewer
from cases.installation import Installation
from cases.model import Role
from cases.tables import account, digest
from core.clock import frozen_clock
from notifications.digest import report_text, reports_text
from notifications.lint import faults
from reports.lifecycle import submit
from reports.tertial import Period
from reports.waiting import reminder_days
from tests.people import at

# Prefect and what it brings warn of their own future.
pytestmark = pytest.mark.filterwarnings("default")

T2 = Period.parse("2026-T2")
DUE = at("2026-09-18 08:05")
LEAD = Viewer("lead", Role.UNIT_LEAD, frozenset({"A"}), frozenset({2}))


def told(house: Installation, now: datetime) -> int:
    from flows import house as of_flows
    from flows.calendar_flows import remind_of_reports

    of_flows.use(replace(house, clock=frozen_clock(now)))
    return remind_of_reports()


def whom(house: Installation) -> list[str]:
    with house.db.read() as tx:
        rows = tx.execute(
            select(account.c.username)
            .join(digest, digest.c.account == account.c.ref)
            .where(digest.c.state == "sent", digest.c.via == "sms")
            .order_by(digest.c.slot_at, account.c.username)
        )
        return list(rows.scalars())


def test_whoever_submits_is_reminded_once_and_the_national_owner_at_the_end(
    house: Installation,
) -> None:
    with house.db.write() as tx:
        for name, role, units in (
            ("lead-a", "unit_lead", ["A"]),
            ("both", "coordinator", ["A", "B"]),
            ("nurse-a", "health", ["A"]),
            ("owner", "directorate", []),
        ):
            accounts.add(tx, name, name, role, units, password=None, now=at("2026-01-01 00:00"))
            staff_contact.set_contact(tx, name, phone="+4799900001")
    first = reminder_days(T2)[0]
    morning = at(f"{first} 08:05")

    assert told(house, morning.replace(hour=0)) == 0, "not before its time"
    assert told(house, morning) == 2
    assert told(house, morning) == 0, "twice does nothing more"
    assert whom(house) == ["both", "lead-a"]

    with house.db.write() as tx:
        submit(tx, LEAD, T2, "A", None, now=at("2026-09-10 10:00"))
    assert told(house, DUE) == 2
    assert whom(house) == ["both", "lead-a", "both", "owner"]


def test_what_a_reminder_says_passes_the_lint_of_messages() -> None:
    for language in ("nb", "nn", "en"):
        one = report_text("2026-T2", T2.due_on, "https://overlev.example", language=language)
        many = reports_text("2026-T2", T2.due_on, "https://overlev.example", 3, language=language)
        for text in (one, many):
            assert faults(text.sms) == ()
            assert "18.09.2026" in text.sms
