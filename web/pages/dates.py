"""Dates and times as Norwegians write them, and how far away they are. PURE: `now` is given.

Everything is shown on the Norwegian wall clock: "ons. 25.11.2026 kl. 15.00".
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from core.clock import local, local_date
from core.weekdays import WEEKDAYS
from web.i18n import Translate

_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_LONG_MONTHS: Final = {
    "nb": (
        "januar", "februar", "mars", "april", "mai", "juni",
        "juli", "august", "september", "oktober", "november", "desember",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip


class Dates:
    """How a language writes dates. `now` tells what today is, and whether a year is needed."""

    def __init__(self, language: str, translate: Translate, now: datetime) -> None:
        self._language = language
        self._ = translate
        self._now = now
        self._today = local_date(now)
        self._weekdays = WEEKDAYS.get(language, WEEKDAYS["nb"])
        # Deadlines of a list fall together: each is worded once a page.
        self._due: dict[datetime | str, str] = {}

    def day(self, on: date | str | None) -> str:
        """`ons. 25.11.`, with the year where it is another one."""
        if on is None:
            return ""
        on = date.fromisoformat(on) if isinstance(on, str) else on
        weekday = self._weekdays[on.weekday()]
        same_year = on.year == self._today.year
        if self._language == "en":
            return f"{weekday} {on.day} {_MONTHS[on.month - 1]}" + (
                "" if same_year else f" {on.year}"
            )
        return f"{weekday} {on.day}.{on.month}." + ("" if same_year else f"{on.year}")

    def on(self, at: datetime | str) -> date:
        """The Norwegian day of an instant."""
        return local_date(_instant(at))

    def long_day(self, on: date) -> str:
        """`onsdag`-less long form: `25. november 2026`."""
        if self._language == "en":
            return f"{on.day} {_LONG_MONTHS['en'][on.month - 1]} {on.year}"
        return f"{on.day}. {_LONG_MONTHS['nb'][on.month - 1]} {on.year}"

    def clock(self, at: datetime | str) -> str:
        """`15.00`."""
        here = local(_instant(at))
        dot = ":" if self._language == "en" else "."
        return f"{here.hour:02}{dot}{here.minute:02}"

    def time(self, at: datetime | str | None) -> str:
        """`ons. 25.11. kl. 15.00`."""
        if at is None:
            return ""
        at = _instant(at)
        on = local(at).date()
        if self._language == "en":
            return f"{self.day(on)}, {self.clock(at)}"
        return f"{self.day(on)} kl. {self.clock(at)}"

    def due(self, at: datetime | str) -> str:
        """How a deadline stands: `3 dager over`, `i dag kl. 15.00`, `i morgen kl. 15.00`, a day."""
        said = self._due.get(at)
        if said is None:
            said = self._due[at] = self._worded(_instant(at))
        return said

    def _worded(self, at: datetime) -> str:
        days = (local(at).date() - self._today).days
        if at < self._now:
            if days == 0:
                return self._("i dag kl. %(clock)s", clock=self.clock(at))
            return self.over(at)
        if days == 0:
            return self._("i dag kl. %(clock)s", clock=self.clock(at))
        if days == 1:
            return self._("i morgen kl. %(clock)s", clock=self.clock(at))
        return self.time(at)

    def over(self, at: datetime | str) -> str:
        """`3 dager over fristen`."""
        days = (self._today - local(_instant(at)).date()).days
        if days < 1:
            return self._("over fristen i dag")
        return self._("1 dag over") if days == 1 else self._("%(days)s dager over", days=days)

    def until(self, on: date | str) -> str:
        """`om 12 dager`, `i dag`, `i morgen`, `i går`, `for 3 dager siden`."""
        on = date.fromisoformat(on) if isinstance(on, str) else on
        days = (on - self._today).days
        if days in (-1, 0, 1):
            return (self._("i går"), self._("i dag"), self._("i morgen"))[days + 1]
        if days > 0:
            return self._("om %(days)s dager", days=days)
        return self._("for %(days)s dager siden", days=-days)

    def ending(self, text: str) -> str:
        """A date at the end of a sentence, with one full stop."""
        return text if text.endswith(".") else f"{text}."

    def before_today(self, on: date | str) -> bool:
        """Whether a day has passed."""
        on = date.fromisoformat(on) if isinstance(on, str) else on
        return on < self._today

    def ago(self, at: datetime | str) -> str:
        """`i dag kl. 09.12`, `i går kl. 14.00`, or the day and time."""
        at = _instant(at)
        days = (self._today - local(at).date()).days
        if days == 0:
            return self._("i dag kl. %(clock)s", clock=self.clock(at))
        if days == 1:
            return self._("i går kl. %(clock)s", clock=self.clock(at))
        return self.time(at)

    def is_past(self, at: datetime | str | None) -> bool:
        """Whether an instant lies before now."""
        return at is not None and _instant(at) < self._now


def _instant(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def for_input(at: datetime) -> str:
    """An instant as `<input type=datetime-local>` takes it: local, to the minute."""
    return local(at).strftime("%Y-%m-%dT%H:%M")


def yesterday(now: datetime) -> datetime:
    """The same clock time yesterday: what "it happened yesterday" stands for."""
    return now - timedelta(days=1)
