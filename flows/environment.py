"""The settings of Prefect that Overlev starts its parts with; what is set already is respected.

Without importing Prefect, so that the supervisor stays small. Each line has its reason; most were
measured (ARCHITECTURE, docs/operations.md).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

from core import messenger

HOST: Final = "127.0.0.1"
PORT: Final = 4200
API_URL: Final = "PREFECT_API_URL"
SERVER_PORT: Final = "PREFECT_SERVER_API_PORT"
SERVER_HOST: Final = "PREFECT_SERVER_API_HOST"
AUTH_FILE: Final = "auth-string"

NOBODY: Final = Path(__file__).with_name("nobody.pem")
"""Whom a client of our own server trusts: a certificate to which nobody has the key.

That server speaks plain HTTP on loopback. Still every client of Prefect reads the authorities it
would trust, 30 ms of CPU for the usual 140 and 1 ms for this one, several times a run.
"""

KEPT_DAYS: Final = 7
"""How long Prefect keeps runs and events; cases are shown again before (`flows.show`)."""

CLIENT: Final[Mapping[str, str]] = {
    # Either alone still calls out.
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    # Else a client that finds no server silently starts one of its own.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    # A log line may hold what an exception says; our own log is the safe one.
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    # Nothing waits for Prefect: what does not answer soon does not answer.
    "PREFECT_API_REQUEST_TIMEOUT": "10",
    "PREFECT_CLIENT_MAX_RETRIES": "1",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
}

SERVER: Final[Mapping[str, str]] = {
    # The newer pages call an outside host from the browser.
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    # Without batches SQLite is "locked" for the next one: 1.1 instead of 5.1 runs a second.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "5",
    "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
    # Automations lose events and are not used.
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    # Nobody pauses, cancels or waits for concurrency by the second here.
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS": "300",
    "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_FOREMAN_WORK_QUEUE_LAST_POLLED_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_SERVICES_FOREMAN_DEPLOYMENT_LAST_POLLED_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "300",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": f"P{KEPT_DAYS}D",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{KEPT_DAYS}D",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED": "false",
}


MESSENGER_URL: Final = messenger.URL
"""Prefect's own setting: the Redis over which several servers speak with each other."""

DOCKET_URL: Final = "PREFECT_SERVER_DOCKET_URL"

AMONG_SEVERAL: Final[Mapping[str, str]] = {
    "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
    "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
}
"""What a server keeps in its own memory unless told otherwise; one that is forgotten is no error,
the servers then only do not know of each other there."""


def for_clients(environ: MutableMapping[str, str]) -> None:
    """Fill in what a process that speaks to Prefect needs, before it imports Prefect."""
    for name, value in CLIENT.items():
        environ.setdefault(name, value)


def for_a_server(environ: MutableMapping[str, str]) -> None:
    """Fill in what every Prefect server needs, before it imports Prefect.

    Where a Redis is named it is one of several: all that they must know of each other goes there.
    """
    for_clients(environ)
    for name, value in SERVER.items():
        environ.setdefault(name, value)
    between_them = environ.get(MESSENGER_URL)
    if between_them:
        for name, value in AMONG_SEVERAL.items():
            environ.setdefault(name, value)
        environ.setdefault(DOCKET_URL, between_them)


def for_a_server_of_our_own(folder: Path, port: int, environ: MutableMapping[str, str]) -> None:
    """Fill in what a Prefect server in the data folder, and its clients, need.

    The port goes by environment and not by flag, or the pages ask the wrong address.
    """
    home = folder / "prefect"
    home.mkdir(mode=0o700, exist_ok=True)
    auth = auth_string(folder)
    for_a_server(environ)
    address = f"http://{HOST}:{port}"
    environ.setdefault("PREFECT_HOME", str(home))
    environ.setdefault(SERVER_HOST, HOST)
    environ.setdefault("PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS", address)
    environ.setdefault("PREFECT_SERVER_API_AUTH_STRING", auth)
    environ.setdefault("PREFECT_API_AUTH_STRING", environ["PREFECT_SERVER_API_AUTH_STRING"])
    environ[SERVER_PORT] = str(port)
    environ["PREFECT_SERVER_UI_API_URL"] = f"{address}/api"
    environ[API_URL] = f"{address}/api"
    environ.setdefault("PREFECT_API_SSL_CERT_FILE", str(NOBODY))
    address_file(folder).write_text(f"{address}/api\n", "ascii")


def address_file(folder: Path) -> Path:
    """Where the address of a server of our own is noted, for `overlev doctor`."""
    return folder / "prefect" / "api-url"


def auth_string(folder: Path) -> str:
    """What Prefect's pages ask for, `overlev:<random>`: made once for a data folder."""
    file = folder / "prefect" / AUTH_FILE
    try:
        return file.read_text("ascii").strip()
    except FileNotFoundError:
        made = f"overlev:{secrets.token_urlsafe(18)}"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(made + "\n")
        return made
