"""Consent forms: taking part, sharing, SMS and research, each by itself or all on one paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.errors import BadInput
from forms.document import Block, Bullets, Document, Fields, Heading, Paragraph, Signatures, Ticks
from forms.texts import Words, words

PURPOSES: Final = ("participation", "sharing", "sms", "research")
_RECEIVERS: Final = ("health", "nav", "municipality")


@dataclass(frozen=True, slots=True)
class ConsentForm:
    """What is asked of whom. `inmate_no` empty: a form to write it on."""

    language: str
    purposes: tuple[str, ...]
    inmate_no: str
    unit: str
    printed_at: datetime


def document(form: ConsentForm) -> Document:
    """The form. Raises `BadInput` for a purpose there is not."""
    if unknown := [each for each in form.purposes if each not in PURPOSES]:
        raise BadInput(
            "unknown_purpose", f"consent is {', '.join(PURPOSES)}, not {unknown[0]!r}", "purpose"
        )
    said, staff = words("consent", form.language), words("staff", form.language)
    blocks: list[Block] = [
        Fields(((staff["inmate_no"], form.inmate_no), (staff["unit"], form.unit))),
        Paragraph(said["voluntary"], strong=True),
    ]
    for purpose in form.purposes:
        blocks += [Heading(said[f"{purpose}_title"]), Bullets(said.many(purpose))]
        blocks += _asked(said, purpose)
    blocks.append(Signatures((said["signed"], said["received_by"])))
    version = said.filled(
        "text_version", version=said.version, date=said.dates.date_of(said.dated_on)
    )
    return Document(
        title=said["title"],
        words=said,
        staff=staff,
        made_at=form.printed_at,
        footer=version,
        blocks=tuple(blocks),
    )


def _asked(said: Words, purpose: str) -> list[Block]:
    answers = (said["yes"], said["no"])
    if purpose == "participation":
        return [Ticks("", (*answers, said["not_now"]))]
    if purpose == "sharing":
        return [Ticks(said[f"sharing_{each}"], answers) for each in _RECEIVERS]
    return [Ticks("", answers)]
