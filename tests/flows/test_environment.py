"""What Prefect is started with, and what its file says: read without Prefect."""

from __future__ import annotations

import ast
import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flows import environment

ROOT = Path(__file__).parents[2]


def hours(field: str) -> set[int]:
    """The hours of a cron line."""
    found: set[int] = set()
    for part in field.split(","):
        first, _, last = part.partition("-")
        assert first.isdigit(), "an hour that is not written out could be any"
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_no_schedule_lies_where_a_night_of_the_clock_change_would_move_it() -> None:
    said = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))
    schedules = [each for one in said["deployments"] for each in one.get("schedules", ())]

    assert len(schedules) == 7
    for each in schedules:
        assert each["timezone"] == "Europe/Oslo"
        assert not hours(each["cron"].split()[1]) & {1, 2, 3}, each["cron"]


def test_every_deployment_names_a_flow_that_is_there() -> None:
    said = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))

    for each in said["deployments"]:
        file, _, name = each["entrypoint"].partition(":")
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
            if isinstance(node, ast.AsyncFunctionDef)
        }
        assert name in functions, each["entrypoint"]


def test_a_server_of_our_own_calls_nobody_and_listens_to_this_machine_alone(
    tmp_path: Path,
) -> None:
    environ: dict[str, str] = {}
    environment.for_a_server_of_our_own(tmp_path, 4321, environ)

    assert environ["DO_NOT_TRACK"] == "1"
    assert environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environ["PREFECT_SERVER_UI_V2_ENABLED"] == "false"
    assert environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] == "false"
    assert environ["PREFECT_SERVER_API_HOST"] == "127.0.0.1"
    assert environ["PREFECT_API_URL"] == "http://127.0.0.1:4321/api"
    assert environ["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert environ["PREFECT_API_AUTH_STRING"] == environ["PREFECT_SERVER_API_AUTH_STRING"]
    file = tmp_path / "prefect" / environment.AUTH_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert environment.auth_string(tmp_path) == environ["PREFECT_API_AUTH_STRING"]


def test_a_server_started_by_itself_calls_nobody_either() -> None:
    environ: dict[str, str] = {}
    environment.for_a_server(environ)

    assert environ.items() >= {**environment.CLIENT, **environment.SERVER}.items()
    assert not environ.keys() & environment.AMONG_SEVERAL.keys(), "one alone needs no messenger"


def test_one_of_several_keeps_nothing_in_its_own_memory_that_the_others_must_know() -> None:
    environ = {environment.MESSENGER_URL: "redis://10.0.0.3:6379/0"}
    environment.for_a_server(environ)
    told = subprocess.run(
        [sys.executable, "-P", "-c", _WHAT_LIES_IN_MEMORY],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert environ[environment.DOCKET_URL] == "redis://10.0.0.3:6379/0"
    assert told.stdout.split() == []


_WHAT_LIES_IN_MEMORY = """
from prefect.settings import get_current_settings

def look(value, name):
    if isinstance(value, dict):
        for each, inner in value.items():
            look(inner, f"{name}.{each}")
    elif isinstance(value, str) and (value.endswith(".memory") or value.startswith("memory:")):
        print(name)

look(get_current_settings().model_dump(), "settings")
"""


def test_what_is_set_already_is_respected(tmp_path: Path) -> None:
    environ = {"PREFECT_LOGGING_TO_API_ENABLED": "true", "PREFECT_HOME": "/elsewhere"}
    environment.for_a_server_of_our_own(tmp_path, 4321, environ)

    assert environ["PREFECT_LOGGING_TO_API_ENABLED"] == "true"
    assert environ["PREFECT_HOME"] == "/elsewhere"


@pytest.mark.parametrize(
    "floor", ["app", "cases", "core", "forms", "notifications", "reports", "web"]
)
def test_nobody_but_flows_loads_prefect(floor: str) -> None:
    for file in (ROOT / floor).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            named = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [each.name for each in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            assert not any(name.split(".")[0] == "prefect" for name in named), file


def test_a_client_of_our_own_server_trusts_a_certificate_to_which_nobody_has_the_key(
    tmp_path: Path,
) -> None:
    environ: dict[str, str] = {}
    environment.for_a_server_of_our_own(tmp_path, 4321, environ)

    trusted = ssl.create_default_context(cafile=environ["PREFECT_API_SSL_CERT_FILE"])

    assert len(trusted.get_ca_certs()) == 1
    assert "PREFECT_API_SSL_CERT_FILE" not in environment.CLIENT, "others' servers have their own"
