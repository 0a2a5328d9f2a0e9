"""The one-page short form of an unplanned release: ten minutes, ticked by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from forms.document import Document, Fields, Signatures, Ticks
from forms.texts import words

_REASONS: Final = ("court", "fine_paid", "appeal", "other")
_MEASURES: Final = ("risk_talk", "signs_and_113", "short_training", "spray", "card")
_RECEIVERS: Final = ("health", "nav", "municipality")


@dataclass(frozen=True, slots=True)
class ShortFormSheet:
    """An empty form for one person; `call_at` is when a call is suggested."""

    language: str
    unit: str
    case_ref: str
    inmate_no: str
    call_at: datetime | None
    printed_at: datetime


def document(form: ShortFormSheet) -> Document:
    """The form."""
    said = words("staff", form.language)
    when = said.dates.at_of(form.call_at) if form.call_at else ""
    call = f"{said['call']} ({said.filled('call_suggested', when=when)})" if when else said["call"]
    return Document(
        title=said["short_form_title"],
        words=said,
        staff=said,
        made_at=form.printed_at,
        footer=f"{form.case_ref} · "
        + said.filled("printed", date=said.dates.date_of(form.printed_at)),
        blocks=(
            Fields(
                (
                    (said["unit"], form.unit),
                    (said["inmate_no"], form.inmate_no),
                    (said["short_form_released"], ""),
                )
            ),
            Ticks(said["short_form_reason"], tuple(said[f"reason_{each}"] for each in _REASONS)),
            Ticks(said["short_form_offer"], (said["yes"], said["no"])),
            Ticks(said["done_on"], tuple(said[each] for each in _MEASURES)),
            Ticks(call, (said["yes"], said["no"])),
            Fields(((said["phone"], ""),)),
            Ticks(said["sharing"], tuple(said[f"sharing_{each}"] for each in _RECEIVERS)),
            Signatures((said["signature"],)),
        ),
    )
