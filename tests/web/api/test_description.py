"""The description of the interface is true: what schemathesis makes of it, role by role.

`OVERLEV_TEST_EXAMPLES=300` asks that many of each call and role, half of them well formed; without
it a few.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from cases.model import Role
from tests.cases.desk import UNSTAFFED
from tests.databases import SqliteFiles
from tests.web.api.test_matrix import Things, furnish
from tests.web.office import Office, opened
from web.api import PREFIX
from web.policy import routes_of

EXAMPLES = int(os.environ.get("OVERLEV_TEST_EXAMPLES", "0"))
FEW = 2
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
PAPERS = {"application/pdf", "text/html", "text/calendar"}
"""What a form is answered as; it has no schema."""

EVERY_ROLE = [role for role in Role if role is not Role.OPERATOR]


@pytest.fixture(scope="module")
def place(
    sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Office, Things]]:
    url = sqlite_files.create(migrated=True, filled=UNSTAFFED)
    with opened(url, Path(tmp_path_factory.mktemp("office"))) as office:
        yield office, furnish(office.desk)
    sqlite_files.drop(url)


@pytest.fixture(scope="module")
def calls(place: tuple[Office, Things]) -> list[Any]:
    """Every call, well formed and malformed, as the description says they are."""
    office, _ = place
    described: Any = schemathesis.openapi.from_dict(office.get("/openapi.json", by=None).json())
    return [
        result.ok().as_strategy(generation_mode=mode)
        for result in described.get_all_operations()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    ]


def by_of(role: Role) -> tuple[Any, ...]:
    return (role,) if role in (Role.DIRECTORATE, Role.ADMIN) else (role, "a")


# What schemathesis draws from may ask the module `random`, which hypothesis warns about.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.timeout(0 if EXAMPLES else 180)
@pytest.mark.parametrize("role", EVERY_ROLE)
def test_no_call_of_any_role_is_a_fault_of_ours_nor_an_answer_of_another_form(
    place: tuple[Office, Things], calls: list[Any], role: Role
) -> None:
    office, things = place
    headers = {"Authorization": f"Bearer {office.token(*by_of(role))}"}
    known = {
        "ref": things.case,
        "transfer": things.transfer,
        "appointment": things.appointment,
        "session": things.session,
        "unit": "a",
        "task": "talk_held",
        "period": "2026-T3",
    }
    statuses: set[int] = set()
    chance = random.Random(1)

    def one(case: Any) -> None:
        # Else hardly a call would get past a reference that does not exist.
        if chance.random() < 0.7:
            for name in case.path_parameters or {}:
                if name in known:
                    case.path_parameters[name] = known[name]
        answer = _sent(
            office, case.as_transport_kwargs(base_url="http://127.0.0.1", headers=headers)
        )
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    for strategy in calls:
        _run(one, strategy)
    assert {401, 500}.isdisjoint(statuses)
    assert {403} <= statuses
    if role not in (Role.DIRECTORATE, Role.ADMIN):
        assert {200, 404, 422} <= statuses


def _run(check: Any, strategy: Any) -> None:
    @settings(
        max_examples=EXAMPLES // 2 or FEW,
        deadline=None,
        database=None,
        derandomize=not EXAMPLES,
        phases=(Phase.generate,) if not EXAMPLES else (Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: Any) -> None:
        check(data.draw(strategy))

    run()


def _sent(office: Office, asked: dict[str, Any]) -> Any:
    """The request as bytes, put together as it would go over the wire."""
    asked.pop("cookies", None)
    ready = requests.Request(**asked).prepare()
    body = ready.body.encode() if isinstance(ready.body, str) else ready.body
    return office.client.request(
        str(ready.method), str(ready.url), headers=dict(ready.headers), content=body
    )


def test_the_description_names_every_route_and_every_answer_has_a_form(
    place: tuple[Office, Things],
) -> None:
    office, _ = place
    told = office.get("/openapi.json", by=None)
    there = {
        (method.lower(), path)
        for path, methods, _ in routes_of(office.app)
        for method in methods
        if path.startswith(PREFIX) and not path.endswith("openapi.json")
    }

    assert told.status_code == 200
    paths = told.json()["paths"]
    assert {(method, path) for path, of in paths.items() for method in of} == there
    for path, of in paths.items():
        for method, operation in of.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            for status, answer in operation["responses"].items():
                if "/forms/" in path and status == "200":
                    assert set(answer["content"]) <= PAPERS, (method, path)
                    continue
                kind = "application/json" if status < "300" else "application/problem+json"
                assert list(answer["content"]) == [kind], (method, path, status)
                assert answer["content"][kind]["schema"], (method, path, status)


def test_a_case_has_a_form_for_each_kind_of_role(place: tuple[Office, Things]) -> None:
    office, _ = place
    described = office.get("/openapi.json", by=None).json()
    case = described["paths"][f"{PREFIX}/cases/{{ref}}"]["get"]["responses"]["200"]
    forms = [
        each["$ref"].rpartition("/")[2]
        for each in case["content"]["application/json"]["schema"]["anyOf"]
    ]

    assert forms == ["CaseOfHealth", "CaseOfCoordinator", "CaseOfOfficer"]
    schemas = described["components"]["schemas"]
    assert "answers" not in schemas["CaseOfCoordinator"]["properties"]
    assert "consents" not in schemas["CaseOfOfficer"]["properties"]
    assert all(schemas[form]["additionalProperties"] is False for form in forms)
