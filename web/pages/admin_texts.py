"""The texts that are sent to released people: as they are, what they cost, and a text tried out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from cases import organisation
from cases.units import ADMINISTERING
from core.clock import local_date
from notifications import texts
from notifications.lint import faults
from notifications.preview import preview
from notifications.segments import segments
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.policy import allow

LONGEST: Final = 1000
"""Characters of a text that is tried out."""

router: Final = Pages()


@router.get("/admin/texts")
@allow(ADMINISTERING)
def texts_page(visit: Visited) -> Response:
    """Every text in every language, rendered."""
    return _page(visit)


@router.post("/admin/texts")
@allow(ADMINISTERING)
def try_out(visit: Visited) -> Response:
    """What the lint and the counting say of a text that somebody thinks of. Nothing is kept."""
    return _page(visit)


def _page(visit: Visit) -> Response:
    phone = visit.house.settings.contact_phone
    starts_at = visit.now + timedelta(days=7)
    shown = [
        preview(name, code, starts_at=starts_at, contact_phone=phone)
        for name in texts.PLACES
        for code, language in sorted(texts.languages().items(), key=_own_first)
        if name in language.templates
    ]
    typed = visit.form.get("text")
    text = typed[:LONGEST].replace("\r\n", "\n") if isinstance(typed, str) else ""
    context: dict[str, Any] = {"tried": None}
    if text.strip():
        with visit.house.db.read() as tx:
            named = organisation.unit_names(tx, local_date(visit.now))
        body = _filled(visit, text)
        context["tried"] = {
            "body": body,
            "size": segments(body),
            "told": faults(body, tuple(named.values())),
        }
    return page(
        visit,
        "pages/admin_texts.html",
        shown=shown,
        own=texts.OWN,
        text=text or texts.template_for(texts.APPOINTMENT_REMINDER, texts.FALLBACK).text,
        longest=LONGEST,
        **context,
    )


def _own_first(each: tuple[str, texts.Language]) -> tuple[bool, bool, str]:
    """Bokmål, what else is written here, and then the translations."""
    code = each[0]
    return code != texts.FALLBACK, code not in texts.OWN, code


def _filled(visit: Visit, text: str) -> str:
    """The text with its places filled in as a message would have them, in Bokmål's dates."""
    forms = texts.languages()[texts.FALLBACK]
    starts_at = visit.now + timedelta(days=7)
    values = {
        "day": forms.day_of(starts_at),
        "time": forms.time_of(starts_at),
        "phone": visit.house.settings.contact_phone,
    }
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
