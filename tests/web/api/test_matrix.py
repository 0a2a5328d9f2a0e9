"""Every route × every role × every unit, read from the application itself: nothing leaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from cases import appointments, people, service, sessions, transfers
from cases.access import CASE_ROLES, OPERATOR
from cases.appointments import Booking
from cases.model import Case, Role
from cases.service import Admission, TaskDone
from cases.vault import Identity
from tests.cases.desk import UNSTAFFED, Desk, oslo
from tests.databases import Databases
from tests.web.office import MADE, NOW, ROLES, Office, opened
from web.api import PREFIX
from web.policy import policy_of, routes_of

NAME = "Zebulon"
NUMBER = "987001"
PLACE = "Kanarifuglveien 4"
ANSWER = "at_risk"
UNKNOWN = "a" * 10
OUTSIDE = (Role.DIRECTORATE, Role.ADMIN)
"""The roles that have no case."""


@dataclass
class Things:
    """One of each thing there is in unit a."""

    case: str
    transfer: str
    appointment: str
    session: str

    def of(self, template: str) -> str:
        """A path with this unit's things in it."""
        return template.format(
            ref=self.case,
            transfer=self.transfer,
            answer="revoke",
            appointment=self.appointment,
            session=self.session,
            task="talk_held",
            form="time-in-hand",
            unit="a",
            period="2026-T3",
        )


NOTHING = Things(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/cases/search"): {"name": NAME},
    ("POST", "/cases/{ref}/tasks/{task}"): {"outcome": "done"},
    ("DELETE", "/cases/{ref}/tasks/{task}"): {"reason": "not_done"},
    ("POST", "/cases/{ref}/participation"): {"answer": "accepted"},
    ("POST", "/cases/{ref}/consents"): {"purpose": "sms", "given": True},
    ("POST", "/cases/{ref}/release-dates"): {"on": "2026-12-24", "kind": "confirmed"},
    ("POST", "/cases/{ref}/release"): {"unplanned": "court", "short_form": {"card": True}},
    ("POST", "/cases/{ref}/close"): {"reason": "died"},
    ("POST", "/cases/{ref}/transfers"): {"unit": "b"},
    ("POST", "/transfers/{transfer}/{answer}"): None,
    ("POST", "/cases/{ref}/appointments"): {
        "kind": "OTHER",
        "starts_at": "2026-12-29T10:00",
        "with": "Noen",
        "place": "Et sted",
    },
    ("PATCH", "/appointments/{appointment}"): {"status": "cancelled"},
    ("POST", "/cases/{ref}/naloxone"): {"kind": "refill"},
    ("POST", "/units/{unit}/naloxone"): {"kind": "received", "quantity": 2},
    ("POST", "/sessions"): {"unit": "a", "task": "talk_held", "starts_at": "2026-09-11T10:00"},
    ("POST", "/sessions/{session}/attendance"): {"present": [], "held_at": "2026-09-10T10:00"},
}
QUERIES = {
    "/sessions": {"unit": "a", "first": "2026-09-01T00:00"},
    "/cases": {"unit": "a"},
    "/overdue": {"unit": "a"},
    "/tertials/{period}": {"view": "unit", "unit": "a"},
    # As pages, so that what stands on the paper can be read here.
    "/cases/{ref}/forms/{form}": {"format": "html"},
    "/sessions/{session}/forms/attendance": {"format": "html"},
    "/units/{unit}/forms/cards": {"on": "2026-12-28"},
}
OF_NO_UNIT = {"/cases", "/overdue", "/cases/search", "/transfers", "/imports"}
"""What shows another unit's staff nothing of this one, and is theirs all the same."""


def routes(office: Office) -> Iterator[tuple[str, str, Any]]:
    """The routes of the interface as (method, template, endpoint), from the application."""
    for path, methods, endpoint in routes_of(office.app):
        if path.startswith(PREFIX) and not path.endswith("openapi.json"):
            for method in sorted(methods):
                yield method, path.removeprefix(PREFIX), endpoint


def asked(
    office: Office, method: str, template: str, things: Things, by: tuple[Any, ...] | None
) -> Response:
    more: dict[str, Any] = {}
    if template == "/imports":
        more["files"] = {"file": ("roster.csv", b"innsattnr;enhet;innsatt\n", "text/csv")}
    if method == "GET" and template in QUERIES:
        more["params"] = QUERIES[template]
    return office.ask(method, things.of(template), BODIES.get((method, template)), by=by, **more)


def furnish(desk: Desk) -> Things:
    """A person of unit a with one of each thing."""

    def admit(tx: Any) -> Case:
        identity = Identity(NUMBER, NAME, "Kanari", date(1990, 2, 3))
        who = people.register(tx, people.NewPerson(identity), now=MADE)
        admission = Admission(
            who.ref,
            who.counted_as,
            "a",
            oslo("2026-09-01 06:00"),
            release_on=date(2026, 12, 28),
        )
        return service.admit(tx, OPERATOR, admission, now=oslo("2026-09-01 08:00"))

    case = desk.do(admit)
    ref = case.ref
    desk.do(service.answer_offer, OPERATOR, ref, "accepted", now=oslo("2026-09-02 08:00"))
    talk = TaskDone("intake_talk", None, None, ANSWER)
    desk.do(service.complete_task, OPERATOR, ref, talk, now=oslo("2026-09-02 09:00"))
    booking = Booking("GP", oslo("2026-12-29 10:00"), "Fastlege", PLACE, status="confirmed")
    case = desk.do(appointments.book, OPERATOR, ref, booking, now=oslo("2026-09-03 09:00"))
    case = desk.do(transfers.propose_transfer, OPERATOR, ref, "b", now=oslo("2026-09-04 09:00"))
    session = desk.do(
        sessions.plan_session,
        OPERATOR,
        "a",
        "talk_held",
        oslo("2026-09-10 10:00"),
        now=oslo("2026-09-04 09:00"),
    )
    return Things(ref, case.transfers[0].id, case.appointments[0].id, session.ref)


@pytest.fixture
def place(databases: Databases, tmp_path: Path) -> Iterator[tuple[Office, Things]]:
    url = databases.create(migrated=True, filled=UNSTAFFED)
    with opened(url, tmp_path) as office:
        yield office, furnish(office.desk)
    databases.drop(url)


def test_every_route_of_the_interface_is_in_the_matrix(place: tuple[Office, Things]) -> None:
    office, _ = place
    there = {(method, template) for method, template, _ in routes(office)}
    with_body = {(method, template) for method, template in there if method != "GET"}

    assert with_body - set(BODIES) == {("POST", "/imports")}
    assert set(BODIES) <= there
    assert len(there) >= 20


def test_nobody_gets_anything_without_being_signed_in(place: tuple[Office, Things]) -> None:
    office, things = place
    for method, template, _ in routes(office):
        answer = asked(office, method, template, things, None)

        assert answer.status_code == 401, (method, template, answer.text)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def roles_of(endpoint: Callable[..., Any]) -> frozenset[Role]:
    roles = policy_of(endpoint).roles
    assert roles is not None, "open to anybody at all"
    return roles


def test_roles_without_cases_are_refused_before_anything_is_looked_up(
    place: tuple[Office, Things],
) -> None:
    office, things = place
    for method, template, endpoint in routes(office):
        if not roles_of(endpoint) <= CASE_ROLES:
            continue
        for role in OUTSIDE:
            answers = [asked(office, method, template, each, (role,)) for each in (things, NOTHING)]

            assert [each.status_code for each in answers] == [403, 403], (method, template)
            assert answers[0].content == answers[1].content


def test_another_units_things_do_not_exist(place: tuple[Office, Things]) -> None:
    office, things = place
    before = office.desk.case(things.case)
    for method, template, endpoint in routes(office):
        for role in ROLES:
            by = (role, "c")
            answer = asked(office, method, template, things, by)
            told = answer.text
            where = (method, template, role, answer.status_code, told)

            if template in OF_NO_UNIT:
                assert answer.status_code in (200, 403, 422), where
            elif role not in roles_of(endpoint):
                # Refused for the role, before anything is looked up.
                unknown = asked(office, method, template, NOTHING, by)
                assert (answer.status_code, unknown.content) == (403, answer.content), where
            else:
                assert answer.status_code == 404, where
                if "{" in template:
                    unknown = asked(office, method, template, NOTHING, by)
                    assert "{unit}" in template or unknown.content == answer.content, where
            for canary in (NAME, NUMBER, PLACE, ANSWER, things.case, things.appointment):
                assert canary not in told, where

    assert office.desk.case(things.case) == before


def test_in_their_own_unit_everybody_gets_an_answer_of_their_own(
    place: tuple[Office, Things],
) -> None:
    office, things = place
    given: dict[tuple[str, str], dict[Role, int]] = {}
    for role in ROLES:
        for method, template, _ in routes(office):
            answer = asked(office, method, template, things, (role, "a"))
            where = (method, template, role, answer.status_code, answer.text)

            assert answer.status_code in (200, 201, 403, 409, 422), where
            given.setdefault((method, template), {})[role] = answer.status_code
            if role not in (Role.HEALTH, Role.HEALTH_LEAD):
                assert ANSWER not in answer.text, where
                assert PLACE not in answer.text, where

    # Each route is somebody's: refused to some, done for others.
    for route, statuses in given.items():
        if route[1] != "/imports":  # the file is empty
            assert set(statuses.values()) & {200, 201, 409}, (route, statuses)
    assert given["POST", "/cases/{ref}/release-dates"][Role.OFFICER] == 403
    assert given["PATCH", "/appointments/{appointment}"][Role.OFFICER] == 403
    assert given["POST", "/cases/{ref}/participation"][Role.COORDINATOR] == 403


def test_what_a_role_sees_of_a_case_is_a_form_of_its_own(place: tuple[Office, Things]) -> None:
    office, things = place
    seen = {role: office.get(f"/cases/{things.case}", by=(role, "a")).json() for role in ROLES}

    assert {role for role in ROLES if "answers" in seen[role]} == {Role.HEALTH, Role.HEALTH_LEAD}
    assert {role for role in ROLES if "consents" not in seen[role]} == {Role.OFFICER}
    (mine,) = seen[Role.HEALTH]["appointments"]
    (theirs,) = seen[Role.OFFICER]["appointments"]
    assert (mine["kind"], mine["place"]) == ("GP", PLACE)
    assert (theirs["kind"], theirs["with"], theirs["starts_at"]) == (
        None,
        None,
        "2026-12-29T10:00:00+01:00",
    )
    assert NOW > MADE
