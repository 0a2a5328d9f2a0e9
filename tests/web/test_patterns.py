"""Parts that repeat: filled in they are what the template itself would have written."""

from __future__ import annotations

from itertools import product

import pytest

from web.i18n import LANGUAGES
from web.pages.rendering import PATTERNS, environment, part

NASTY = "<b> \"quoted\" & 'so' %(name)s \ue000name\ue001 Łukasz"
WORDS = {
    "ref": "abcdefgh23",
    "name": NASTY,
    "number": "T4711",
    "label": "Samtale & mer",
    "unit": "Bergen <fengsel>",
    "due": "3 dager over",
    "until": "om 12 dager",
    "whose": 'Kari "K" Nordmann',
    "snooze": "ons. 25.11.",
    "by": "Ola & Kari",
    "giver": "Siri <b>",
}
BUTTONS = [
    {"code": code, "answers": answers, "ready": ready}
    for code, answers, ready in product(
        ("offer_answered", "intake_talk", "appointments_confirmed", "talk_held"),
        ((), ("at_risk", "unknown")),
        (False, True),
    )
]
TODOS = [
    kind | {"late": late, "assigned": assigned, "given": late}
    for kind, late, assigned in product(BUTTONS, (False, True), ("", "me", "named", "other"))
]
ROWS = [
    {
        "code": code, "owner": "health", "answers": (), "late": bit, "mine": mine,
        "tidies": tidies, "releases": bit, "many": not bit, "release": release,
        "assigned": assigned, "snoozed": bit, "ticked": bit, "resume": not bit,
        "given": mine, "named": mine, "stays": not mine,
    }
    for code, bit, mine, tidies, release, assigned in product(
        ("offer_answered", "talk_held"), (False, True), (False, True), (False, True),
        ("", "done", "late", "to_come"), ("", "me", "named", "other"),
    )
]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "kinds"), [("acts", BUTTONS), ("todo", TODOS), ("deadline", ROWS)]
)
def test_a_part_filled_in_is_what_its_template_writes(
    language: str, name: str, kinds: list[dict[str, object]]
) -> None:
    made = environment(language)
    words = {word: WORDS[word] for word in PATTERNS[name]}
    for kind in kinds:
        filled = part(language, name)(*words.values(), **kind)

        assert filled == made.get_template(f"parts/{name}.html").render(words | kind)


def test_a_word_is_escaped_and_never_taken_for_a_mark() -> None:
    acts = part("nb", "acts")

    written = acts("abcdefgh23", NASTY, "\ue000ref\ue001", code="talk_held", answers=(), ready=True)

    assert "<b>" not in written
    assert "&lt;b&gt;" in written
    assert "\ue000name\ue001" in written
