"""Forms that are shown again with what was typed, what is wrong and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from core.clock import parse_date, parse_instant
from core.errors import BadInput, NotAllowed, NotFound, Refused
from web.i18n import marked
from web.pages.once import once
from web.pages.refusals import reason_of
from web.pages.visit import Visit

Errors = dict[str, str]
"""Field → what is wrong with it; the empty name stands for the form as a whole."""

_NORWEGIAN_DATE: Final = re.compile(
    r"([0-9]{1,2})[./ -]([0-9]{1,2})[./ -]([0-9]{2}|[0-9]{4})", re.ASCII
)


def tried(visit: Visit, verb: Callable[[Connection], str]) -> Response | Errors:
    """Do what a form asks for; where that is refused, the errors to show it with again.

    Another's case, and a role that has no business here, are no mistakes in a form: they raise.
    """
    try:
        return once(visit, verb)
    except BadInput as wrong:
        return {_field_of(visit, wrong): worded(visit, wrong)}
    except (NotFound, NotAllowed):
        raise
    except Refused as refused:
        return {"": reason_of(visit.translate, refused)}


_CALLED: Final = {
    "done_at": "at",
    "happened_at": "at",
    "held_at": "at",
    "released_at": "at",
    "closed_at": "at",
    "starts_at": "at",
    "call_booked_at": "call_at",
}
"""What verbs call a field, and what it is called in a form."""


def _field_of(visit: Visit, wrong: BadInput) -> str:
    """The field of the form that is at fault, empty where it is none of them."""
    name = wrong.field or ""
    return name if name in visit.form else _CALLED.get(name, name)


_BY_REASON: Final = {
    "empty": marked("Skriv noe her."),
    "too_long": marked("Det er for langt."),
    "bad_date": marked("Skriv datoen slik: 24.12.2026."),
    "bad_time": marked("Skriv dato og klokkeslett."),
    "not_ticked": marked("Kryss av for dette, eller tøm feltet: ellers blir det ikke med."),
    "lot_without_spray": marked("Svar at sprayen ble gitt, eller tøm feltet."),
    "bad_lot": marked("Skriv lot-nummeret slik det står på sprayen."),
    "two_times": marked(
        "Du valgte «I går» og skrev et annet tidspunkt."
        " Velg «Et annet tidspunkt», eller tøm feltet."
    ),
    "in_past": marked("Tidspunktet må ligge fram i tid."),
    "in_future": marked("Tidspunktet er ikke kommet ennå."),
    "before_admission": marked("Det er før innsettelsen."),
    "after_release": marked("Det er etter løslatelsen."),
    "before_release": marked("Det er før løslatelsen."),
    "out_of_range": marked("Verdien er utenfor det som er mulig."),
    "unknown_code": marked("Velg en av mulighetene."),
    "missing": marked("Dette må fylles ut."),
    "weak_password": marked("Minst tolv tegn, og ikke brukernavnet."),
    "not_the_same": marked("De to er ikke like."),
    "wrong_code": marked("Koden stemmer ikke. Bruk den nyeste i appen."),
    "same_time": marked("Avtalen er på dette tidspunktet allerede."),
    "unknown_colleague": marked("Velg en som arbeider i samme enhet."),
    "unknown_unit": marked("Enheten finnes ikke."),
    "bad_username": marked("Bruk bokstaver a–z, tall, punktum og bindestrek."),
    "bad_code": marked("Bruk 2 til 40 små bokstaver a–z, tall og bindestrek."),
    "bad_name": marked("Skriv et navn på høyst 200 tegn."),
    "unit_missing": marked("Velg minst én enhet."),
    "bad_contact_phone": marked("Oppgi et norsk nummer som er gratis eller koster som vanlig."),
    "ends_the_case": marked(
        "Kryss av at du vet at saken avsluttes, eller la personen svare på tilbudet først."
    ),
    "nothing_new": marked("Ingenting er endret. Skriv det som er riktig."),
    "no_number": marked("Skriv et telefonnummer, eller tøm feltet."),
    "nobody_chosen": marked("Ingen er valgt. Kryss av for dem som skal være med."),
    "day_has_passed": marked("Dagen er passert. Rett den, eller kryss av for at gruppen er holdt."),
    "no_reason": marked("Velg en grunn."),
    "no_answer": marked("Velg ett svar."),
    "number_in_text": marked("Skriv om arbeidet, ikke om en person: lange tall kan ikke stå her."),
}


def worded(visit: Visit, wrong: BadInput) -> str:
    """What is wrong with a field, in the reader's words."""
    text = _BY_REASON.get(wrong.reason)
    return visit.translate(text) if text else reason_of(visit.translate, wrong)


def required(visit: Visit, *names: str) -> Errors:
    """The errors of fields that were left empty."""
    return {name: visit.translate(_BY_REASON["missing"]) for name in names if not visit.typed(name)}


def day_in(visit: Visit, name: str) -> date | None:
    """A date as people write it, 24.12.2026 or 2026-12-24; None where nothing was typed.

    Raises `BadInput` with the field's name.
    """
    text = visit.typed(name)
    if not text:
        return None
    written = _NORWEGIAN_DATE.fullmatch(text)
    if written is not None:
        year = written[3] if len(written[3]) == 4 else f"20{written[3]}"
        text = f"{year}-{int(written[2]):02}-{int(written[1]):02}"
    return parse_date(text, field=name)


def time_in(visit: Visit, name: str) -> datetime | None:
    """A date with a clock time, from one field or from `NAME-on` and `NAME-at`.

    Raises `BadInput` with the field's name.
    """
    text = visit.typed(name)
    if not text:
        return None
    return parse_instant(text.replace(" ", "T"), field=name)


def chosen(values: Mapping[str, str], **defaults: str) -> dict[str, str]:
    """What was typed, with what stands there at first."""
    return {**defaults, **values}
