"""Where cases become papers: the card of appointments as a viewer may print it, and its calendar.

`forms` knows no case, so the fields of a paper are chosen here, by the viewer's role and the
person's consents (`cases.consents`): without them a card shows a time and a generic place, and
health staff print the whole one. Every paper about a person is a row in the access log, written
in the caller's transaction: commit before a byte leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases import contacts, history, people, queries, rules, sessions, vault
from cases.access import Viewer, acts_in, check_may_open_cases
from cases.consents import consent_in_force, role_sees_details, sees_details
from cases.journal import AccessRow, append
from cases.model import Appointment, AppointmentStatus, Case, ConsentPurpose, Phase, Role
from cases.queries import visible_binds, visible_cases
from cases.tables import access_log, case_
from cases.views import SEES_CONSENTS
from cases.wanted import touched_at
from core.errors import NotFound, Refused
from core.keystore import KeyDestroyed
from forms import card as card_form
from forms import entries, texts
from forms.card import Mark, TimeInHand
from forms.entries import Entry
from forms.overdose import Overdose

PRINTED: Final = "time_in_hand_printed"
OVERDOSE_PRINTED: Final = "overdose_printed"
CALENDAR_READ: Final = "calendar_read"
"""What the access log calls it."""

_EARLIER_PRINTS: Final = (
    select(access_log.c.at, access_log.c.role)
    .where(access_log.c.case_ref == bindparam("ref"), access_log.c.verb == PRINTED)
    .order_by(access_log.c.id)
)
_RELEASED_ON: Final = select(case_.c.id).where(
    case_.c.unit == bindparam("unit"),
    case_.c.release_on == bindparam("release_on"),
    case_.c.phase != Phase.CLOSED.value,
)


@dataclass(frozen=True, slots=True)
class Promised:
    """What a card says of one appointment, as far as the viewer may know it."""

    starts_at: datetime
    whom: str | None
    place: str | None
    phone: str | None


def time_in_hand(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    *,
    now: datetime,
    language: str | None = None,
    national: str,
) -> TimeInHand:
    """The card of one case, in the person's language unless another is named; the print logged.

    `national` is the neutral number where the unit has none of its own.

    Raises `CaseNotFound`, `NotAllowed`, `CaseClosed`, and `Refused` for an erased person.
    """
    case = queries.case_by_ref(tx, viewer, ref)
    rules.check_open(case)
    [card] = _cards(tx, viewer, [case], national, now=now, language=language)
    append(tx, [_printed(viewer, case, now)], now=now)
    return card


def cards_of_releases(
    tx: Connection,
    viewer: Viewer,
    unit: str,
    release_on: date,
    *,
    now: datetime,
    national: str,
) -> list[TimeInHand]:
    """The cards of everybody of a unit whose release date in force is that day.

    Who has no confirmed appointment and whose unit has no number to name is left out by nobody:
    printing says so. Raises `NotFound` for another unit.
    """
    check_may_open_cases(viewer)
    if not acts_in(viewer, unit):
        raise NotFound("There is no such unit here. Check its code.")
    found = tx.execute(
        _RELEASED_ON.where(visible_cases(viewer)),
        {"unit": unit, "release_on": release_on} | visible_binds(viewer),
    )
    cases = queries.cases_by_ids(tx, viewer, [row.id for row in found])
    return _run(tx, viewer, cases.values(), national, now=now)


def cards_of_session(
    tx: Connection,
    viewer: Viewer,
    session_ref: str,
    *,
    now: datetime,
    national: str,
) -> list[TimeInHand]:
    """The cards of everybody on the list of a group session. Raises `SessionNotFound`."""
    session = sessions.session_of(tx, viewer, session_ref)
    cases = queries.cases_by_refs(tx, viewer, (each.case_ref for each in session.attendance))
    return _run(tx, viewer, cases.values(), national, now=now)


def overdose(
    tx: Connection, viewer: Viewer, ref: str, *, now: datetime, language: str | None = None
) -> Overdose:
    """The overdose card in the person's language, or another; the print logged."""
    case = queries.case_by_ref(tx, viewer, ref)
    append(tx, [_access(viewer, case, OVERDOSE_PRINTED, now)], now=now)
    return Overdose(language or case.language, now)


def calendar_file(
    tx: Connection, viewer: Viewer, ref: str, *, now: datetime, language: str | None = None
) -> bytes:
    """The appointments of a case for a calendar: neutral titles and times, nothing else.

    Called-off ones that lie ahead are in it as cancelled, so that a calendar drops them.
    """
    case = queries.case_by_ref(tx, viewer, ref)
    rules.check_open(case)
    title = texts.words("card", language or case.language)["entry"]
    kept = [each for each in case.appointments if each.starts_at > now and _told(each)]
    made = entries.ics(
        [entry_of(case, each) for each in sorted(kept, key=_by_time)], title=title, made_at=now
    )
    append(tx, [_access(viewer, case, CALENDAR_READ, now)], now=now)
    return made


def upcoming(tx: Connection, viewer: Viewer, case: Case, *, now: datetime) -> list[Promised]:
    """The confirmed appointments that lie ahead, as far as the viewer may know them."""
    ahead = sorted((each for each in case.appointments if _holds(each, now)), key=_by_time)
    return [_promised(tx, viewer, case, each) for each in ahead]


def last_print(tx: Connection, case: Case) -> datetime | None:
    """When the card of a case was printed last, None if never."""
    printed = [row.at for row in tx.execute(_EARLIER_PRINTS, {"ref": case.ref})]
    return printed[-1] if printed else None


def card_in_force(tx: Connection, case: Case) -> datetime | None:
    """When the card that the person goes by was printed, None if none ever was.

    The last one that says where the appointments are; only where there is none, the last that
    hides it. One that hides stands in for none that tells, and whoever printed it makes no card of
    the health service new.
    """
    printed = list(tx.execute(_EARLIER_PRINTS, {"ref": case.ref}))
    whole = [row.at for row in printed if _told_all(case, Role(row.role), row.at)]
    return whole[-1] if whole else printed[-1].at if printed else None


def prints_whole(viewer: Viewer, case: Case, *, now: datetime) -> bool:
    """Whether the card that this viewer prints says of every appointment where it is."""
    return _told_all(case, viewer.role, now)


def _told_all(case: Case, role: Role, at: datetime) -> bool:
    """Whether the card that a role printed then said where each appointment is.

    By the kinds and by the consents as they stand: what is no longer shared counts as hidden.
    """
    return all(
        role_sees_details(role, case, each.kind)
        for each in case.appointments
        if each.confirmed_at is not None and each.confirmed_at <= at < each.starts_at
    )


def is_outdated(case: Case, printed_at: datetime, *, now: datetime) -> bool:
    """Whether a card printed then says what is no longer so of an appointment that is to come.

    One was confirmed since, or one that was confirmed was moved or called off.
    """
    return any(
        each.confirmed_at is not None and touched_at(each) > printed_at
        for each in case.appointments
        if each.starts_at > now and each.status in _ON_A_CARD
    )


_ON_A_CARD: Final = frozenset(
    {AppointmentStatus.CONFIRMED, AppointmentStatus.MOVED, AppointmentStatus.CANCELLED}
)


def entry_of(case: Case, appointment: Appointment) -> Entry:
    """The calendar entry of an appointment: the same for every one that stands in its place."""
    by_id = {each.id: each for each in case.appointments}
    first, moves = appointment, 0
    while first.moved_from is not None and first.moved_from in by_id:
        first, moves = by_id[first.moved_from], moves + 1
    cancelled = appointment.status is AppointmentStatus.CANCELLED
    return Entry(first.id, 2 * moves + cancelled, appointment.starts_at, cancelled)


def _run(
    tx: Connection, viewer: Viewer, cases: Iterable[Case], national: str, *, now: datetime
) -> list[TimeInHand]:
    open_ones = [case for case in cases if case.phase is not Phase.CLOSED]
    cards = _cards(tx, viewer, open_ones, national, now=now, language=None)
    append(tx, [_printed(viewer, case, now) for case in open_ones], now=now)
    return sorted(cards, key=lambda each: each.label)


def _cards(
    tx: Connection,
    viewer: Viewer,
    cases: list[Case],
    national: str,
    *,
    now: datetime,
    language: str | None,
) -> list[TimeInHand]:
    identities = people.identities_of(tx, [case.person for case in cases])
    cards = []
    for case in cases:
        if case.person not in identities:
            raise Refused("The person is erased: there is nothing left to print.")
        label = identities[case.person].inmate_no
        number = contacts.number_for_case(tx, case.ref) or national
        card = _card(tx, viewer, case, now=now, language=language or case.language)
        cards.append(replace(card, label=label, contact_phone=number))
    return cards


def _card(
    tx: Connection, viewer: Viewer, case: Case, *, now: datetime, language: str
) -> TimeInHand:
    earlier_at = [row.at for row in tx.execute(_EARLIER_PRINTS, {"ref": case.ref})]
    before = _before(tx, viewer, case, earlier_at[-1]) if earlier_at else None
    ahead = sorted((each for each in case.appointments if _holds(each, now)), key=_by_time)
    shown = ahead[: card_form.MOST]
    said = tuple(_appointment(tx, viewer, case, each, before) for each in shown)
    # One that hides where to go does not stand in for one that may have said it.
    replaces = all(each.whom is not None for each in said)
    return TimeInHand(
        language=language,
        appointments=said,
        contact_phone=None,
        printed_at=now,
        sms=_is_told_how_to_stop(viewer, case),
        gone=_gone(case, ahead, before, now=now),
        number=len(earlier_at) + 1,
        earlier_at=earlier_at[-1] if earlier_at and replaces else None,
        more=len(ahead) - len(shown),
    )


def _appointment(
    tx: Connection,
    viewer: Viewer,
    case: Case,
    each: Appointment,
    before: Mapping[str, Promised] | None,
) -> card_form.Appointment:
    entry = entry_of(case, each)
    promised = _promised(tx, viewer, case, each)
    mark = Mark.SAME
    if before is not None:
        mark = Mark.NEW if entry.uid not in before else mark
        mark = Mark.CHANGED if before.get(entry.uid, promised) != promised else mark
    return card_form.Appointment(entry, promised.whom, promised.place, promised.phone, mark)


def _before(
    tx: Connection, viewer: Viewer, case: Case, printed_at: datetime
) -> dict[str, Promised]:
    """What the card printed last promised, by calendar entry, as far as this viewer may know it."""
    then = history.fold_case(tx, case.ref, as_of=printed_at)
    if then is None:
        return {}
    then = replace(then, language=case.language)
    return {
        entry_of(then, each).uid: _promised(tx, viewer, case, each)
        for each in then.appointments
        if _holds(each, printed_at)
    }


def _promised(tx: Connection, viewer: Viewer, case: Case, each: Appointment) -> Promised:
    if not sees_details(viewer, case, each.kind):
        return Promised(each.starts_at, None, None, None)
    try:
        said = vault.unseal(tx, case.person, vault.DETAILS, each.details)
    except KeyDestroyed:
        return Promised(each.starts_at, None, None, None)
    return Promised(each.starts_at, said.get("with"), said.get("place"), said.get("phone"))


def _gone(
    case: Case,
    ahead: list[Appointment],
    before: Mapping[str, Promised] | None,
    *,
    now: datetime,
) -> tuple[datetime, ...]:
    """Times that the card before named and that hold no longer; what has passed is left out."""
    held = {entry_of(case, each).uid: each.starts_at for each in ahead}
    return tuple(
        sorted(
            promised.starts_at
            for uid, promised in (before or {}).items()
            if promised.starts_at > now and held.get(uid) != promised.starts_at
        )
    )


def _holds(each: Appointment, now: datetime) -> bool:
    return each.status is AppointmentStatus.CONFIRMED and each.starts_at > now


def _told(each: Appointment) -> bool:
    return each.status in (AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELLED)


def _by_time(each: Appointment) -> tuple[datetime, str]:
    return each.starts_at, each.id


def _is_told_how_to_stop(viewer: Viewer, case: Case) -> bool:
    """Whether the card says how messages stop: always, where its absence would tell of a no."""
    if viewer.role not in SEES_CONSENTS:
        return True
    return consent_in_force(case, ConsentPurpose.SMS) is not None


def _printed(viewer: Viewer, case: Case, now: datetime) -> AccessRow:
    return _access(viewer, case, PRINTED, now)


def _access(viewer: Viewer, case: Case, verb: str, now: datetime) -> AccessRow:
    return AccessRow(case.unit, now, viewer.account, viewer.role.value, verb, case_ref=case.ref)
