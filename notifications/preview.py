"""How a message will look: for whoever edits or approves a text, on the web and in the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from notifications import texts
from notifications.lint import Fault, faults
from notifications.segments import Segments, segments


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendered text with what it costs and what is wrong with it.

    `told` is what the discretion lint found; with anything in it the text is never sent.
    """

    template: str
    language: str
    version: int
    status: str
    source: str
    body: str
    size: Segments
    told: tuple[Fault, ...]

    @property
    def is_draft(self) -> bool:
        """Whether nobody has approved the text yet."""
        return self.status == texts.Approval.DRAFT


def preview(
    template: str,
    language: str,
    *,
    starts_at: datetime,
    contact_phone: str,
    names: tuple[str, ...] = (),
) -> Preview:
    """The text in this language (Bokmål where there is none) for something that starts then.

    `names` are looked for in it too: units, persons. Raises `BadInput` as `texts.render` does, but
    not for what the lint finds.
    """
    made = texts.render(
        template, language, starts_at=starts_at, contact_phone=contact_phone, preview=True
    )
    return Preview(
        template=made.template.name,
        language=made.template.language,
        version=made.template.version,
        status=made.template.status.value,
        source=made.template.source,
        body=made.body,
        size=segments(made.body),
        told=faults(made.body, names),
    )
