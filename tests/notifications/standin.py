"""A stand-in for Twilio: a real HTTP server on loopback that keeps its own truth, and misbehaves.

Its truth is a file with a line for every message it accepted, written before it answers. Faults
are drawn from a seed, each call for itself:

    hang_after    accepts, and never answers (until the client gives up)
    error_before  500, nothing accepted          error_after   accepts, then 500
    too_fast      429 with Retry-After           reset_after   accepts, answers half, resets
    broken        accepts, answers no JSON       slow          accepts, answers after a while
    refused       400 with a code, nothing accepted

What was accepted appears in lists after `lag` seconds, in pages. Run as a program it is a process
of its own: `python -m tests.notifications.standin FOLDER` with settings as JSON on stdin; it
prints its port.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

SID: Final = "AC" + "0" * 32
TOKEN: Final = "a-token-of-the-stand-in"
FAULTS: Final = (
    "hang_after",
    "error_before",
    "error_after",
    "too_fast",
    "reset_after",
    "broken",
    "slow",
)


@dataclass(slots=True)
class Manners:
    """How the stand-in behaves. `share` of calls go wrong, by one of `faults`."""

    share: float = 0.0
    faults: tuple[str, ...] = FAULTS
    list_share: float = 0.0
    lag: float = 0.0
    hang: float = 1.0
    slow: float = 0.2
    latency: float = 0.0
    retry_after: int = 1
    limit: float | None = None
    seed: int = 1
    refuse: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """Numbers that are refused: status and code."""


class StandIn:
    """The server. `sent()` is the truth, in the order of acceptance."""

    def __init__(self, folder: Path, manners: Manners | None = None) -> None:
        self.manners = manners or Manners()
        self.truth = folder / "truth.jsonl"
        self.truth.touch()
        self.messages: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.redacted: list[str] = []
        self._lock = threading.Lock()
        self._draw = random.Random(self.manners.seed)
        self._window: list[float] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stand_in = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.truth.read_text().splitlines()]

    def draw_fault(self) -> str | None:
        with self._lock:
            if self.manners.limit is not None and self._too_many():
                return "too_fast"
            if self._draw.random() >= self.manners.share:
                return None
            return self._draw.choice(self.manners.faults)

    def list_fails(self) -> bool:
        with self._lock:
            return self._draw.random() < self.manners.list_share

    def _too_many(self) -> bool:
        now = time.monotonic()
        self._window = [at for at in self._window if now - at < 1.0]
        if len(self._window) >= (self.manners.limit or 0):
            return True
        self._window.append(now)
        return False

    def accept(self, form: dict[str, str]) -> dict[str, Any]:
        with self._lock:
            made = {
                "sid": f"SM{len(self.messages) + 1:032x}",
                "to": form["To"],
                "from": form.get("From"),
                "messaging_service_sid": form.get("MessagingServiceSid"),
                "body": form["Body"],
                "status_callback": form.get("StatusCallback"),
                "at": time.time(),
            }
            self.messages.append(made)
            with self.truth.open("a") as file:
                file.write(json.dumps(made) + "\n")
        return made

    def listed(self, to: str) -> list[dict[str, Any]]:
        seen_before = time.time() - self.manners.lag
        with self._lock:
            return [m for m in reversed(self.messages) if m["to"] == to and m["at"] <= seen_before]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    stand_in: StandIn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed in mid-call: that is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        path = urlsplit(self.path).path
        house = self.server.stand_in
        house.calls.append(("POST", path))
        if not self._signed_in():
            return
        if path.endswith("/Messages.json"):
            self._create(form)
        elif "/Messages/" in path:
            sid = path.rsplit("/", 1)[1].removesuffix(".json")
            known = next((m for m in house.messages if m["sid"] == sid), None)
            if known is None:
                self._answer(404, {"code": 20404, "message": "not found", "status": 404})
                return
            known["body"] = form.get("Body", known["body"])
            house.redacted.append(sid)
            self._answer(200, resource(known))
        else:
            self._answer(404, {"code": 20404, "message": "not found", "status": 404})

    def _create(self, form: dict[str, str]) -> None:
        house = self.server.stand_in
        manners = house.manners
        if manners.latency:
            time.sleep(manners.latency)
        if form.get("To") in manners.refuse:
            status, code = manners.refuse[form["To"]]
            self._answer(status, {"code": code, "message": "refused", "status": status})
            return
        match house.draw_fault():
            case None:
                self._answer(201, resource(house.accept(form)))
            case "error_before":
                self._answer(500, {"code": 20500, "message": "internal", "status": 500})
            case "error_after":
                house.accept(form)
                self._answer(500, {"code": 20500, "message": "internal", "status": 500})
            case "too_fast":
                self._answer(
                    429,
                    {"code": 20429, "message": "too many requests", "status": 429},
                    {"Retry-After": str(manners.retry_after)},
                )
            case "hang_after":
                house.accept(form)
                time.sleep(manners.hang)
                self.close_connection = True
            case "reset_after":
                whole = json.dumps(resource(house.accept(form))).encode()
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(whole)))
                self.end_headers()
                self.wfile.write(whole[: len(whole) // 2])
                self.wfile.flush()
                self._reset()
            case "broken":
                house.accept(form)
                self._send(201, b'{"sid": "SM', {})
            case "slow":
                made = house.accept(form)
                time.sleep(manners.slow)
                self._answer(201, resource(made))
            case "refused":
                self._answer(400, {"code": 21211, "message": "invalid To", "status": 400})
            case other:
                raise AssertionError(other)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        house = self.server.stand_in
        house.calls.append(("GET", parts.path))
        if not self._signed_in():
            return
        if house.list_fails():
            self._answer(503, {"code": 20503, "message": "unavailable", "status": 503})
            return
        size, page = int(asked.get("PageSize", "50")), int(asked.get("Page", "0"))
        found = house.listed(asked["To"])
        shown = found[page * size : (page + 1) * size]
        more = len(found) > (page + 1) * size
        uri = f"{parts.path}?To={asked['To'].replace('+', '%2B')}&PageSize={size}&Page="
        self._answer(
            200,
            {
                "messages": [resource(each) for each in shown],
                "uri": self.path,
                "first_page_uri": f"{uri}0",
                "next_page_uri": f"{uri}{page + 1}&PageToken=PT{page + 1}" if more else None,
                "previous_page_uri": f"{uri}{page - 1}" if page else None,
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(len(shown) - 1, 0),
            },
        )

    def _signed_in(self) -> bool:
        import base64

        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        if base64.b64decode(given).decode() == f"{SID}:{TOKEN}":
            return True
        self._answer(401, {"code": 20003, "message": "Authenticate", "status": 401})
        return False

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), headers or {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """A connection that ends with RST, not with a goodbye."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def resource(message: dict[str, Any]) -> dict[str, Any]:
    """A message as the published description has it."""
    made_at = format_datetime(datetime.fromtimestamp(message["at"], UTC))
    uri = f"/2010-04-01/Accounts/{SID}/Messages/{message['sid']}"
    return {
        "account_sid": SID,
        "api_version": "2010-04-01",
        "body": message["body"],
        "date_created": made_at,
        "date_sent": None,
        "date_updated": made_at,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": message["from"],
        "messaging_service_sid": message["messaging_service_sid"],
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": message["sid"],
        "status": "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message["to"],
        "uri": f"{uri}.json",
    }


def main() -> None:
    """Serve until stdin ends."""
    folder = Path(sys.argv[1])
    told = json.loads(sys.stdin.readline())
    manners = Manners(**{**told, "faults": tuple(told.get("faults", FAULTS))})
    with StandIn(folder, manners) as standing:
        print(standing.port, flush=True)  # noqa: T201 - its caller reads it
        sys.stdin.read()


def settings_of(manners: Manners) -> str:
    """The line that `main` reads."""
    return json.dumps(asdict(manners)) + "\n"


if __name__ == "__main__":
    main()
