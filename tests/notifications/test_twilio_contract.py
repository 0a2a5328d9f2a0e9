"""The sender against Twilio's own published description: its calls are valid, its answers are read.

A server made from the description (`shared/data/twilio_api_v2010.json`, beside the checkout) takes
only calls that the description allows and answers with the description's own examples. What our
stand-in answers must fit the same schemas, or the other tests would rest on an invention.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest

from notifications.delivered import STATUSES
from notifications.sender import Found, Outcome, SendRequest, SendResult, Sought, Trace
from notifications.twilio_sender import TwilioAccount, TwilioSender
from tests.notifications.standin import SID, TOKEN, StandIn, resource

DESCRIPTION: Final = Path(__file__).parents[2].parent / "shared/data/twilio_api_v2010.json"
ACCOUNT: Final = TwilioAccount(SID, TOKEN, "+4759440000", "https://overlev.example")
REQUEST: Final = SendRequest("a" * 32, "+4799900042", "Du har en avtale", 3600)
pytestmark = pytest.mark.skipif(
    not DESCRIPTION.is_file(), reason=f"Twilio's published description is not at {DESCRIPTION}"
)


@cache
def description() -> dict[str, Any]:
    """The description, its `nullable` in the words of JSON Schema."""
    whole: dict[str, Any] = json.loads(DESCRIPTION.read_text("utf-8"))
    return _null(whole)  # type: ignore[no-any-return]


def _null(part: Any) -> Any:
    if isinstance(part, list):
        return [_null(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {name: _null(value) for name, value in part.items()}
    if part.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def fits(value: Any, schema: dict[str, Any]) -> None:
    """Raise `ValidationError` unless the value is what the schema says."""
    whole = {**copy.copy(schema), "components": description()["components"]}
    jsonschema.Draft7Validator(whole).validate(value)


def operation(method: str, path: str) -> dict[str, Any]:
    """The one operation of a path. Raises `KeyError`."""
    for template, methods in description()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), path) and method in methods:
            found: dict[str, Any] = methods[method]
            return found
    raise KeyError(f"{method} {path} is not described")


def check_form(asked: dict[str, Any], form: list[tuple[str, str]]) -> None:
    """A form holds described fields only, each of its kind, and those that must be there."""
    content = asked["requestBody"]["content"]["application/x-www-form-urlencoded"]
    schema = content["schema"]
    given: dict[str, Any] = {}
    for name, value in form:
        kind = schema["properties"][name].get("type")
        given[name] = int(value) if kind == "integer" else value
    fits(given, schema)
    missing = set(schema.get("required", ())) - given.keys()
    assert not missing, missing


def check_query(asked: dict[str, Any], query: list[tuple[str, str]]) -> None:
    described = {each["name"]: each for each in asked["parameters"] if each["in"] == "query"}
    for name, value in query:
        schema = described[name]["schema"]
        fits(int(value) if schema["type"] == "integer" else value, schema)


class Described(ThreadingHTTPServer):
    """Answers with the description's examples; `faults` are calls it does not allow."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: list[str] = []
        self.calls: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Described

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer("post", parse_qsl(body, keep_blank_values=True, strict_parsing=True))

    def do_GET(self) -> None:
        self._answer("get", [])

    def _answer(self, method: str, form: list[tuple[str, str]]) -> None:
        parts = urlsplit(self.path)
        query = parse_qsl(parts.query, keep_blank_values=True)
        self.server.calls.append(f"{method} {parts.path}")
        try:
            asked = operation(method, parts.path)
            if method == "post":
                check_form(asked, form)
            check_query(asked, query)
        except Exception as wrong:  # noqa: BLE001 - the test shows it
            self.server.faults.append(repr(wrong))
            self._send(400, {"code": 20001, "message": "not as described", "status": 400})
            return
        (status, answer), *_ = asked["responses"].items()
        examples = answer["content"]["application/json"]["examples"]
        body = copy.deepcopy(next(iter(examples.values()))["value"])
        if method == "get" and any(name == "PageToken" for name, _ in query):
            body["next_page_uri"] = None  # else the one example would be the next page for ever
        self._send(int(status), body)

    def _send(self, status: int, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def described() -> Iterator[Described]:
    server = Described()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def sender(server: Described, **more: Any) -> TwilioSender:
    return TwilioSender(
        replace(ACCOUNT, api_base=f"http://127.0.0.1:{server.server_address[1]}", **more)
    )


@pytest.mark.parametrize("name", ["+4759440000", "MG" + "1" * 32, "Overlev"])
def test_sending_is_a_call_as_described_and_its_answer_is_read(
    described: Described, name: str
) -> None:
    answer = sender(described, sender=name).send(REQUEST)

    assert described.faults == []
    assert answer.outcome is Outcome.ACCEPTED
    assert re.fullmatch("SM[0-9a-f]{32}", answer.provider_id or "")


def test_looking_up_is_a_call_as_described_and_its_answer_is_read(described: Described) -> None:
    about = Sought("a" * 32, datetime(2050, 1, 1, tzinfo=UTC), REQUEST.to, REQUEST.body)

    found = sender(described).look_up(about)

    assert described.faults == []
    assert found == Found(Trace.ABSENT)
    assert len(described.calls) == 2  # the example has a next page, which was asked for


def test_erasing_is_a_call_as_described(described: Described) -> None:
    assert sender(described).erase("SM" + "1" * 32)
    assert described.faults == []
    assert described.calls == [f"post /2010-04-01/Accounts/{SID}/Messages/SM{'1' * 32}.json"]


def test_a_call_that_is_not_as_described_is_noticed(described: Described) -> None:
    """The check itself bites: this is no messaging service's id."""
    answer = sender(described, sender="MG" + "x" * 32).send(REQUEST)

    assert len(described.faults) == 1
    assert answer == SendResult(Outcome.REFUSED, code="20001")


def test_what_the_stand_in_answers_is_as_described(tmp_path: Path) -> None:
    with StandIn(tmp_path) as stand_in:
        made = stand_in.accept({"To": REQUEST.to, "Body": REQUEST.body, "From": "+4759440000"})
    fits(resource(made), {"$ref": "#/components/schemas/api.v2010.account.message"})


def test_every_status_of_a_message_to_somebody_is_known() -> None:
    described = set(description()["components"]["schemas"]["message_enum_status"]["enum"])

    assert described - STATUSES.keys() == {"receiving", "received"}  # of messages from somebody
