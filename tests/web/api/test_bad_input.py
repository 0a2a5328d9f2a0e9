"""What a client may do wrong: each has a problem of its own, and none is a fault of ours."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from cases import accounts, tokens
from cases.model import Role
from core.errors import Busy
from tests.cases.desk import make_case
from tests.web.office import ADMIN, COORDINATOR, MADE, NOW, NURSE, OFFICER, Office
from web.limits import BODY_LIMIT

URN = "urn:overlev:problem:"
JSON = {"Content-Type": "application/json"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_wrong_an_expired_and_a_revoked_token_and_one_of_a_disabled_user_are_told_apart(
    office: Office,
) -> None:
    desk = office.desk
    later = NOW + timedelta(days=1)
    expiring = desk.do(tokens.add_token, "t", "coordinator", ["a"], now=MADE, expires_at=later)
    revoked = desk.do(tokens.add_token, "t", "coordinator", ["a"], now=MADE)
    last = desk.look(tokens.list_tokens)[-1]
    desk.do(tokens.revoke_token, last.id, now=NOW)
    desk.do(accounts.add, "kari", "", "officer", ["a"], password=None, now=MADE)
    personal = desk.do(tokens.add_token, "t", "officer", ["a"], now=MADE, username="kari")

    def problem(token: str) -> tuple[int, str]:
        answer = office.get("/cases", by=None, headers=bearer(token))
        if answer.status_code == 401:
            assert "invalid_token" in answer.headers["www-authenticate"]
        return answer.status_code, answer.json().get("type", "").removeprefix(URN)

    assert problem("ovl_nobody") == (401, "bad-token")
    assert problem("x" * 5000) == (401, "bad-token")
    assert problem(revoked) == (401, "bad-token")
    assert problem(expiring) == (200, "")
    assert problem(personal) == (200, "")
    desk.do(accounts.disable, "kari", now=NOW)
    assert problem(personal) == (401, "account-disabled")
    office.clock.now = later
    assert problem(expiring) == (401, "token-expired")


def test_a_token_of_a_person_is_logged_under_the_persons_name_and_no_wider_than_the_person(
    office: Office,
) -> None:
    desk = office.desk
    ref = desk.do(accounts.add, "kari", "", "officer", ["a"], password=None, now=MADE)
    token = desk.do(tokens.add_token, "t", "officer", ["a", "b"], now=MADE, username="kari")
    case, other = make_case(desk), make_case(desk, unit="b")

    def task(of: str) -> int:
        path = f"/cases/{of}/tasks/talk_held"
        return office.post(path, {"outcome": "done"}, by=None, headers=bearer(token)).status_code

    assert (task(case.ref), task(other.ref)) == (200, 404)
    done = desk.case(case.ref).task("talk_held")
    assert done is not None
    assert done.done_by == ref


def test_a_body_that_is_too_large_is_refused_while_it_arrives(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"
    large = b'{"outcome":"' + b"x" * BODY_LIMIT + b'"}'

    async def streamed() -> object:
        for start in range(0, len(large), 4096):
            yield large[start : start + 4096]

    declared = office.ask("POST", path, headers=JSON, content=large)
    arrived = office.ask("POST", path, headers=JSON, content=streamed())

    for answer in (declared, arrived):
        assert (answer.status_code, answer.json()["type"]) == (413, f"{URN}too-large")
        assert answer.json()["limit"] == BODY_LIMIT


NO_JSON = (
    b"{",
    b'{"outcome": "done"} trailing',
    b"\xff\xfe",
    b"[" * 20_000,
    b'{"outcome": NaN',
)
BAD: tuple[tuple[object, str | None], ...] = (
    ({"outcome": "done", "version": 2**63}, "version"),
    ({"outcome": "done", "version": -(2**80)}, "version"),
    ({"outcome": "done", "version": 1e300}, "version"),
    ({"outcome": "done", "version": True}, "version"),
    ({"outcome": "done", "form": "gro\0up"}, "form"),
    ({"outcome": "done", "form": "\ud800"}, "form"),
    ({"outcome": "done", "form": ""}, "form"),
    ({"outcome": "done", "form": "x" * 65}, "form"),
    ({"outcome": "done", "done_at": "yesterday"}, "done_at"),
    ({"outcome": "done", "done_at": 1757491200}, "done_at"),
    ({"outcome": "done", "done_at": "2027-01-01T00:00Z"}, "done_at"),
    ({"outcome": "done", "done_at": "0001-01-01T00:00Z"}, "done_at"),
    ({"outcome": "done", "extra": 1}, "extra"),
    ({}, "outcome"),
    ([], None),
    ("done", None),
    (None, None),
)


KINDS = (
    (str(2**63).encode(), "number-too-large"),
    (str(-(2**80)).encode(), "number-too-large"),
    (b"1e+300", "number-too-large"),
    (b"\\u0000", "nul-byte"),
)
"""What has a type of its own, by what is written in it."""


def test_what_is_no_json_is_no_fault_of_ours(office: Office) -> None:
    path = f"/cases/{make_case(office.desk).ref}/tasks/talk_held"
    for body in NO_JSON:
        answer = office.ask("POST", path, headers=JSON, content=body, by=OFFICER)

        told = answer.json()
        assert (answer.status_code, told["type"]) == (400, f"{URN}bad-json"), body[:40]
        assert told["detail"]


def test_a_number_of_thousands_of_digits_is_too_large_like_any_other(office: Office) -> None:
    path = f"/cases/{make_case(office.desk).ref}/tasks/talk_held"
    body = b'{"outcome": "done", "version": ' + b"9" * 5000 + b"}"
    answer = office.ask("POST", path, headers=JSON, content=body, by=OFFICER)

    told = answer.json()
    assert (answer.status_code, told["type"]) == (422, f"{URN}number-too-large")
    assert told["reason"] == "out_of_range"


def test_a_body_that_does_not_say_that_it_is_json_is_of_the_wrong_type(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"
    body = b'{"outcome": "done"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", None):
        headers = {"Content-Type": kind} if kind else {}
        answer = office.ask("POST", path, headers=headers, content=body, by=OFFICER)
        told = answer.json()
        assert (answer.status_code, told["type"]) == (415, f"{URN}unsupported-media-type"), kind
        assert "application/json" in told["detail"]
    assert office.desk.case(case.ref).version == case.version
    for kind in ("application/json; charset=utf-8", "application/merge-patch+json"):
        headers, stale = {"Content-Type": kind}, b'{"outcome": "done", "version": 9}'
        answer = office.ask("POST", path, headers=headers, content=stale, by=OFFICER)
        assert answer.status_code == 409, kind


def test_bad_input_is_told_by_field_and_reason(office: Office) -> None:
    case = make_case(office.desk)
    path = f"/cases/{case.ref}/tasks/talk_held"
    for body, field in BAD:
        written = json.dumps(body).encode()
        answer = office.ask("POST", path, headers=JSON, content=written, by=OFFICER)

        told = answer.json()
        kind = next((kind for part, kind in KINDS if part in written), "bad-input")
        assert (answer.status_code, told["type"]) == (422, f"{URN}{kind}"), body
        assert told["field"] == field, body
        assert told["reason"], body
    assert office.desk.case(case.ref).version == case.version


def test_nul_bytes_and_odd_letters_in_addresses_and_questions_find_nothing(office: Office) -> None:
    for path in ("/cases/a%00b", "/cases/%ED%A0%80", "/cases/" + "a" * 3000, "/cases/..%2f.."):
        assert office.get(path).status_code == 404, path
    for query in (
        {"unit": "a\0"},
        {"unit": "x" * 99},
        {"cursor": "\0"},
        {"cursor": "zz"},
        {"limit": "0"},
        {"limit": "9" * 40},
        {"due_before": "soon"},
        {"phase": "moon"},
        {"more": "1"},
    ):
        answer = office.get("/cases", params=query)
        assert answer.status_code == 422, (query, answer.text)
        assert answer.json()["field"] == next(iter(query))
    assert office.get("/tertials/2026-T9").json()["reason"] == "bad_period"
    assert office.post("/cases/search", {"name": "\0"}).status_code == 422
    assert office.post("/cases/search", {"name": "a", "inmate_no": "1"}).status_code == 422
    assert office.post("/cases/search", {"name": "!!"}).status_code == 422


def test_titles_are_norwegian_unless_another_language_is_asked_for(office: Office) -> None:
    def title(language: str | None) -> str:
        headers = {} if language is None else {"Accept-Language": language}
        return str(office.get("/cases/aaaaaaaaaa", headers=headers).json()["title"])

    assert title(None) == title("pl") == title("nb-NO, en;q=0.5") == "Saken finnes ikke her"
    assert title("nn") == "Saka finst ikkje her"
    assert title("en-GB,nb;q=0.3") == "There is no such case here"
    assert title(";;q=x,,") == "Saken finnes ikke her"


def test_a_busy_database_says_when_to_come_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> object:
        raise Busy(retry_after=7)

    office.token(*COORDINATOR)
    monkeypatch.setattr(type(office.desk.db), "transact", busy)
    answer = office.get("/cases")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json()["type"] == f"{URN}busy"


def test_a_fault_of_ours_tells_its_number_and_nothing_else(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("Kari Nordmann, 15079600155")

    office.token(*COORDINATOR)
    monkeypatch.setattr(type(office.desk.db), "transact", broken)
    answer = office.get("/cases")

    assert answer.status_code == 500
    assert answer.json()["type"] == f"{URN}fault"
    assert "Nordmann" not in answer.text
    assert answer.json()["fault"] in str([each.__dict__.get("fault") for each in caplog.records])
    assert answer.headers["cache-control"] == "no-store"


def test_every_answer_carries_the_headers_that_keep_it_where_it_belongs(office: Office) -> None:
    for answer in (
        office.get("/cases"),
        office.get("/cases/aaaaaaaaaa"),
        office.get("/nowhere"),
        office.ask("PUT", "/cases"),
        office.get("/cases", by=None),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert office.ask("PUT", "/cases").json()["type"] == f"{URN}method-not-allowed"
    assert office.get("/nowhere").json()["type"] == f"{URN}not-found"


def test_a_look_is_logged_before_its_answer_leaves(office: Office) -> None:
    case = make_case(office.desk)
    office.get(f"/cases/{case.ref}", by=NURSE)
    office.get("/cases", by=COORDINATOR)
    office.get(f"/cases/{case.ref}", by=ADMIN)

    with office.desk.db.read() as tx:
        rows = tx.execute(text("SELECT verb, role, case_ref FROM access_log ORDER BY id")).all()
    assert [tuple(row) for row in rows][-2:] == [
        ("case_read", "health", case.ref),
        ("cases_listed", "coordinator", None),
    ]
    assert Role.ADMIN.value not in {row.role for row in rows}
