"""What an import changes of people who are known, in words: what was and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime

from sqlalchemy import Connection

from cases import organisation, people, queries, worklist
from cases.access import Viewer
from cases.model import ReleaseKind
from cases.roster_named import Update
from core.clock import local_date
from web.i18n import Translate
from web.pages.dates import Dates
from web.pages.words import in_language

Line = tuple[str, str, str]
"""What is changed, the old value and the new; "" where it is not shown or was not known."""


def changes(
    tx: Connection,
    viewer: Viewer,
    updates: Iterable[Update],
    dates: Dates,
    translate: Translate,
    *,
    now: datetime,
) -> list[tuple[str, str, str, list[Line]]]:
    """Number, name, case and lines of each update of a case that the viewer may see, with its log.

    A case of another unit, or one that is hidden, is left out: it is counted, and no more.
    """
    told = list(updates)
    seen = queries.cases_by_refs(tx, viewer, [each.before.ref for each in told])
    told = [each for each in told if each.before.ref in seen and each.who is not None]
    worklist.looked_at(tx, viewer, worklist.LISTED, [each.before.ref for each in told], now=now)
    units = organisation.unit_names(tx, local_date(now))
    return [
        (
            each.who.inmate_no,
            each.who.name,
            each.before.ref,
            [
                *_of_case(each, units, dates, translate),
                *_of_person(each, dates, translate),
            ],
        )
        for each in told
        if each.who is not None
    ]


def _of_case(update: Update, units: dict[str, str], dates: Dates, _: Translate) -> Iterator[Line]:
    before, after, word = update.before, update.after, in_language(_)
    if after.released_at != before.released_at:
        yield _("Løslatt"), dates.time(before.released_at), dates.time(after.released_at)
    elif (after.release_on, after.release_kind) != (before.release_on, before.release_kind):
        yield (
            _("Løslatelsesdato"),
            _dated(before.release_on, before.release_kind, dates, word),
            _dated(after.release_on, after.release_kind, dates, word),
        )
    else:
        # A weaker date, beside the one in force.
        old, new = ({each.kind: each.on for each in case.release_dates} for case in (before, after))
        for kind in (kind for kind in new if new[kind] != old.get(kind)):
            yield (
                _("Løslatelsesdato"),
                _dated(old.get(kind), kind, dates, word),
                _dated(new[kind], kind, dates, word),
            )
    if after.admitted_at != before.admitted_at:
        yield _("Innsatt"), dates.time(before.admitted_at), dates.time(after.admitted_at)
    was, becomes = before.open_transfer, after.open_transfer
    if becomes is not None and becomes != was:
        here, there = before.unit, becomes.to_unit
        yield _("Overføring foreslås"), units.get(here, here), units.get(there, there)
    elif was is not None and becomes is None and after.released_at is None:
        yield _("Overføring trekkes"), units.get(was.to_unit, was.to_unit), ""


def _dated(
    on: date | None, kind: ReleaseKind | None, dates: Dates, word: Callable[[str, str | None], str]
) -> str:
    if on is None or kind is None:
        return ""
    return f"{dates.day(on)} ({word('release_kind', kind.value).lower()})"


def _of_person(update: Update, dates: Dates, _: Translate) -> Iterator[Line]:
    said, who, before, word = update.said, update.who, update.before, in_language(_)
    if said is None or who is None:
        return
    name = people.after_change(who, said).name
    if name != who.name:
        yield _("Navn"), who.name, name
    if said.born_on is not None and said.born_on != who.born_on:
        old = dates.long_day(who.born_on) if who.born_on is not None else ""
        yield _("Født"), old, dates.long_day(said.born_on)
    if said.language is not None and said.language != before.language:
        yield _("Språk"), word("language", before.language), word("language", said.language)
    # Of these, that they change and no more: they are shown on no page.
    if said.national_id is not None and said.national_id != who.national_id:
        yield _("Fødselsnummer"), "", ""
    if said.phone is not None:
        yield _("Mobilnummer"), "", ""
    if said.protection is not None and said.protection is not before.protection:
        yield _("Adressesperre"), "", ""
