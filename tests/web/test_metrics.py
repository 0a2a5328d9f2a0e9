"""What is counted for Prometheus: routes, queues, heartbeats; who may look; nothing of a person."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import Response
from pydantic import SecretStr

from cases import sweep
from cases.tables import heartbeat
from core.settings import Settings
from tests.cases.desk import UNSTAFFED
from tests.databases import Databases
from tests.web.api.test_matrix import NAME, NUMBER, furnish
from tests.web.application import application
from tests.web.office import NOW, NURSE, Client, Office, opened
from web.house import House


@pytest.fixture
def office(databases: Databases, tmp_path: Path) -> object:
    url = databases.create(migrated=True, filled=UNSTAFFED)
    with opened(url, tmp_path) as made:
        yield made
    databases.drop(url)


def look(office: Office, **headers: str) -> Response:
    return office.client.request("GET", "/metrics", headers=headers)


def value(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found is not None, (name, text)
    return float(found[1])


def test_requests_are_counted_by_the_template_of_their_route(office: Office) -> None:
    things = furnish(office.desk)
    office.get(f"/cases/{things.case}", by=NURSE)
    office.get("/cases/aaaaaaaaaa", by=NURSE)
    office.client.request("GET", f"/nowhere/{NUMBER}")
    office.client.request("BREW", "/")

    told = look(office).text

    route = 'method="GET",route="/api/v1/cases/{ref}"'
    assert value(told, f'overlev_requests_total{{{route},status="200"}}') == 1
    assert value(told, f'overlev_requests_total{{{route},status="404"}}') == 1
    assert value(told, f"overlev_request_seconds_count{{{route}}}") == 2
    assert 'method="other"' in told
    # Not the figures: some instant or other has the digits of any number.
    named = [line.rpartition(" ")[0] for line in told.splitlines()]
    for canary in (NAME, NUMBER, things.case):
        assert not [each for each in named if canary in each]


def test_what_waits_and_who_lives_is_asked_of_the_database(office: Office) -> None:
    furnish(office.desk)
    with office.desk.db.write() as tx:
        tx.execute(
            heartbeat.insert(),
            {"loop": "sweep", "worker": "w", "at": NOW - timedelta(seconds=90)},
        )
    before = look(office).text
    sweep.sweep(office.desk.db, now=NOW)

    after = look(office).text

    assert value(before, "overlev_database_up") == 1
    assert value(before, 'overlev_heartbeat_age_seconds{loop="sweep"}') == 90
    assert value(before, 'overlev_due{what="tasks"}') > 0
    assert value(after, 'overlev_due{what="tasks"}') == 0
    assert value(after, 'overlev_messages{state="needs_person"}') == 0


def test_only_this_machine_is_answered_and_not_what_a_proxy_on_it_passes_on(
    office: Office,
) -> None:
    assert look(office).status_code == 200
    passed_on = look(office, **{"X-Forwarded-For": "203.0.113.7"})
    assert passed_on.status_code == 404
    assert "overlev_requests" not in passed_on.text


def test_with_a_token_whoever_sends_it_is_answered_and_nobody_else(office: Office) -> None:
    settings = Settings(metrics_token=SecretStr("a-token-for-prometheus"))
    app: FastAPI = application(House(office.desk.db, office.clock, settings))
    client = Client(app)
    try:
        sent = {"Authorization": "Bearer a-token-for-prometheus", "X-Forwarded-For": "203.0.113.7"}
        assert client.request("GET", "/metrics", headers=sent).status_code == 200
        assert client.request("GET", "/metrics").status_code == 404
        wrong = {"Authorization": "Bearer another"}
        assert client.request("GET", "/metrics", headers=wrong).status_code == 404
    finally:
        client.close()
