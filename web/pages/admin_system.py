"""Settings in force, without any secret, and how the system stands."""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr
from sqlalchemy import Connection, func, select
from starlette.responses import Response

from cases import noticed, organisation
from cases.units import ADMINISTERING
from core.clock import local_date
from core.settings import FILE_SUFFIX, Settings, is_secret, settings_table
from notifications.message import MessageState
from notifications.reasons import Reason
from notifications.tables import outbox
from web.health import health_of
from web.pages.rendering import page
from web.pages.setting_words import MEANINGS, OR_A_FILE
from web.pages.visit import Pages, Visited
from web.policy import allow

WAITING: Final = (MessageState.NEEDS_PERSON.value, MessageState.UNKNOWN.value)

ONLY_SHOWN: Final = {
    MessageState.ACCEPTED.value: "shown",
    MessageState.WANTED.value: "to_show",
    MessageState.SENDING.value: "to_show",
}
"""What a state is called where messages are only shown."""

router: Final = Pages()


@router.get("/admin/settings")
@allow(ADMINISTERING)
def settings_page(visit: Visited) -> Response:
    """Every setting with its value; of a secret only whether there is one."""
    settings = visit.house.settings
    fields = Settings.model_fields
    rows = []
    for name, (row_name, default, _) in zip(fields, settings_table(), strict=False):
        value = getattr(settings, name)
        meaning = visit.translate(MEANINGS[name])
        if is_secret(fields[name]):
            meaning += " " + visit.translate(OR_A_FILE, name=row_name + FILE_SUFFIX)
        hidden = is_secret(fields[name]) or isinstance(value, SecretStr)
        rows.append(
            {
                "name": row_name,
                "meaning": meaning,
                "secret": hidden,
                "set": value not in (None, ""),
                "value": "" if hidden or value is None else str(value),
                "usual": str(value) == default or (value is None and not default),
            }
        )
    return page(visit, "pages/admin_settings.html", rows=rows)


@router.get("/admin/health")
@allow(ADMINISTERING)
def health_page(visit: Visited) -> Response:
    """Heartbeats, the line to the SMS provider, what waits for a person; the doctor when asked."""
    house = visit.house
    found = health_of(house)
    with house.db.read() as tx:
        provider = house.settings.twilio_account_sid is not None
        counts = _messages(tx, provider=provider)
        nobody = noticed.unstaffed(tx, now=visit.now)
        units = organisation.unit_names(tx, local_date(visit.now))
    examined = list(house.examine()) if visit.asked("examine") and house.examine else None
    return page(
        visit,
        "pages/admin_health.html",
        health=found,
        stands=found.messages,
        provider=provider,
        counts=counts,
        nobody=nobody,
        units=units,
        waiting=sum(counts.get(state, 0) for state in WAITING),
        states=[*(each.value for each in MessageState), *dict.fromkeys(ONLY_SHOWN.values())],
        may_examine=house.examine is not None,
        examined=examined,
    )


def _messages(tx: Connection, *, provider: bool) -> dict[str, int]:
    """How many messages stand in which state, in the words of their page. Nobody's in particular.

    What was shown was not sent; nor will be what waits where there is no `provider`.
    """
    was_shown = outbox.c.reason == Reason.SHOWN.value
    counts: dict[str, int] = {}
    for state, shown, count in tx.execute(
        select(outbox.c.state, was_shown, func.count()).group_by(outbox.c.state, was_shown)
    ):
        only_shown = shown if state == MessageState.ACCEPTED.value else not provider
        told = ONLY_SHOWN.get(state, state) if only_shown else state
        counts[told] = counts.get(told, 0) + count
    return counts
