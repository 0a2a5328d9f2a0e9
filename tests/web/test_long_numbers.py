"""A number longer than any database takes is refused or passed over, as any other that is wrong."""

from __future__ import annotations

import pytest

from tests.web.conftest import Desk

LONG = ("9" * 30, "9" * 5_000)


@pytest.mark.parametrize("number", LONG, ids=["long", "longer than Python reads"])
@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("coordinator", "/overdue?page={}", 200),
        ("nurse", "/naloxone?unit=A&ask={}", 200),
        ("nurse", "/naloxone?unit=A&said=undo/{}", 200),
        ("directorate", "/tertial?revision={}", 404),
    ],
)
def test_in_an_address(on_sqlite: Desk, who: str, path: str, status: int, number: str) -> None:
    assert on_sqlite.of(who).get(path.format(number)).status == status


@pytest.mark.parametrize("number", LONG, ids=["long", "longer than Python reads"])
@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"do": "record", "kind": "received", "count": "{}"}, 422),
        ({"do": "undo/{}", "sure": "{}"}, 404),
        ({"do": "undo/{}"}, 404),
    ],
)
def test_in_a_form(on_sqlite: Desk, typed: dict[str, str], status: int, number: str) -> None:
    nurse = on_sqlite.of("nurse")
    nurse.get("/naloxone?unit=A")

    said = {name: text.format(number) for name, text in typed.items()}

    assert nurse.send("/naloxone", {"unit": "A", **said}).status == status
