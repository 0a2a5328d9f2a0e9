"""What each step is for and where it comes from, and how the pages can be used by everybody."""

from __future__ import annotations

from datetime import date
from typing import Final

from starlette.responses import Response

from cases.model import Step
from cases.package import national
from web.pages.help_sections import SECTIONS, section_about
from web.pages.rendering import page
from web.pages.visit import Pages, Visited, came_from
from web.policy import public

router: Final = Pages()

STATED_ON: Final = date(2026, 11, 26)
"""When the accessibility statement was last held against the pages, and the help last worded."""


@router.get("/help")
@public()
def help_page(visit: Visited) -> Response:
    """The four steps, and each kind of page; the contents lead with the one that was left."""
    package = national()
    steps = [
        (
            step.value,
            package.step_labels(step).in_language(visit.language),
            [
                rule.labels.in_language(visit.language)
                for rule in package.tasks
                if rule.step is step
            ],
        )
        for step in Step
    ]
    return page(
        visit,
        "pages/help.html",
        steps=steps,
        sections=SECTIONS,
        nearest=section_about(came_from(visit.request).partition("?")[0]),
        stated_on=STATED_ON,
    )


@router.get("/accessibility")
@public()
def accessibility(visit: Visited) -> Response:
    """The accessibility statement."""
    return page(visit, "pages/accessibility.html", stated_on=STATED_ON)
