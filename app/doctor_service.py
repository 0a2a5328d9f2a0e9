"""What `overlev doctor` asks of the running service: heartbeats, messages, Prefect, backups.

Nothing of it runs where nothing was started, and that is no fault: a line says so.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app.checks import Check
from cases import backup, heartbeats, provided
from cases.backup_owner import copies_in
from cases.installation import Installation
from cases.sending import NATIONAL_CONTACT, sender_of
from core import messenger
from core.chain import read_heads
from core.clock import iso_local, system_now
from core.errors import UnsafeSettings
from core.settings import group_rules
from flows import environment
from notifications import outbox
from notifications.standing import LineState, has_answered, standing

LOOPS: Final = ("sweep", "deliver", "show", heartbeats.PREFECT)
ASKED_WITHIN: Final = 5.0
BACKUP_EVERY: Final = timedelta(days=2)
_MENDS: Final = {
    "sweep": "start `overlev worker` (or `overlev up`) and see its log",
    "deliver": "start `overlev worker` (or `overlev up`) and see its log",
    "show": "see the worker's log; nothing that must happen depends on it",
    heartbeats.PREFECT: "start Prefect's server, or set PREFECT_API_URL of the worker",
}


def service(house: Installation) -> Iterator[Check]:
    """The loops by their heartbeats."""
    with house.db.read() as tx:
        found = heartbeats.health(tx, LOOPS, now=system_now())
    if all(each.at is None for each in found):
        yield Check("service", ok=True, says="no worker is running")
        return
    for each in found:
        told = iso_local(each.at) if each.at is not None else "never"
        says = f"last sign of life {told}"
        if not each.alive:
            says += f": {_MENDS[each.loop]}"
        yield Check(each.loop, ok=each.alive, says=says)


def messages(house: Installation) -> Iterator[Check]:
    """Whether messages can leave the house, and whether any waits for a person."""
    with house.db.read() as tx:
        found = standing(tx, now=house.now())
        waiting = outbox.why_people_are_waited_for(tx)
        known = has_answered(tx)
    if house.settings.twilio_account_sid is None:
        yield Check("messages", ok=True, says="no provider is set: they are shown, not sent")
    elif found.state is LineState.RESTS and found.until is not None:
        says = f"nothing is sent until {iso_local(found.until)}: {found.says}"
        yield Check("messages", ok=False, says=says)
    elif found.well and not known:
        says = "an SMS account is set, and has not answered a message yet: the first one tells"
        yield Check("messages", ok=True, says=says)
    else:
        says = found.says
        if found.state is LineState.ON_TRIAL:
            says += " (the next message tries it again)"
        yield Check("messages", ok=found.well, says=says)
    try:
        sender_of(house, sys.stderr)
    except UnsafeSettings as refused:
        yield Check("messages", ok=False, says=refused.detail)
    yield from _contact_number(house)
    if waiting:
        told = ", ".join(f"{reason} {count}" for reason, count in sorted(waiting.items()))
        # People's work, and no fault of the installation.
        yield Check("messages to decide", ok=True, says=f"{told}: see `overlev message waiting`")


def _contact_number(house: Installation) -> Iterator[Check]:
    """Whether messages and cards would name the number of the examples, which is somebody else's.

    A fault where messages are sent; before that it is told, and a demo may keep it.
    """
    number = house.settings.contact_phone
    if "".join(number.split()) != "".join(NATIONAL_CONTACT.split()) or house.folder.demo:
        return
    yield Check(
        "contact number",
        ok=house.settings.twilio_account_sid is None,
        says=f"{number} is the number of the examples, and stands on cards and in messages where a"
        " unit has none of its own: set OVERLEV_CONTACT_PHONE",
    )


def prefect(house: Installation) -> Iterator[Check]:
    """Whether Prefect answers, and is of the version that this one was tried with."""
    address = _address(house)
    if address is None:
        yield Check("Prefect", ok=True, says="none was started or named yet")
        return
    parts = urlsplit(address)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not local:
        yield Check("Prefect", ok=False, says="PREFECT_API_URL goes over the network: use https")
    try:
        there = _version(house, address)
    except urllib.error.HTTPError as refused:
        yield Check(
            "Prefect",
            ok=False,
            says=f"it answers {refused.code}: check PREFECT_API_AUTH_STRING",
        )
    except (OSError, ValueError):
        yield Check(
            "Prefect",
            ok=False,
            says="it does not answer: start it (`overlev up`); what is due is done without it",
        )
    else:
        ours = version("prefect")
        says = there if there == ours else f"it is {there}, ours is {ours}: run the same version"
        yield Check("Prefect", ok=there == ours, says=says)


def redis() -> Iterator[Check]:
    """Whether the Redis between several Prefect servers answers, where one is named."""
    if not os.environ.get(messenger.URL):
        return
    away = messenger.is_away()
    says = "it answers"
    if away:
        says = (
            "it does not answer: start it; until then nothing new is shown in Prefect, and what is"
            " due is done without it"
        )
    yield Check("Prefect's Redis", ok=not away, says=says)


def _address(house: Installation) -> str | None:
    if named := os.environ.get(environment.API_URL):
        return named
    try:
        return environment.address_file(house.folder.path).read_text("ascii").strip() or None
    except FileNotFoundError:
        return None


def _version(house: Installation, address: str) -> str:
    auth = os.environ.get("PREFECT_API_AUTH_STRING", "")
    if not auth:
        try:
            auth = environment.auth_string(house.folder.path)
        except OSError:
            auth = ""
    asked = urllib.request.Request(f"{address.rstrip('/')}/admin/version")  # noqa: S310 - as set
    if auth:
        asked.add_header("Authorization", "Basic " + base64.b64encode(auth.encode()).decode())
    with urllib.request.urlopen(asked, timeout=ASKED_WITHIN) as answer:  # noqa: S310 - as set
        return str(json.load(answer))


def logs(house: Installation) -> Iterator[Check]:
    """Whether the databases are those whose heads were noted last, or an older copy."""
    with house.db.read() as tx:
        now = backup.heads_of(read_heads(tx))
    lost = backup.lost(backup.recorded_heads(house.folder.path), now)
    if lost:
        yield Check(
            "log heads",
            ok=False,
            says="the database is older than, or another than, the one whose heads were noted: put"
            " the newest backup back, or take away heads.json if you know why",
        )
    else:
        yield Check("log heads", ok=True, says="nothing that was recorded is missing")


def backups(house: Installation) -> Iterator[Check]:
    """When the last backup was made, and where it lies; or why none will be."""
    into = house.settings.backup_dir_in_use
    if not _may_be_written(into):
        says = f"nothing can be written in {into}: make it, or check its rights"
        yield Check("backup", ok=False, says=says)
        return
    if not copies_in(into):
        late = _is_late(house.folder.made_at) and _makes_them(house)
        says = "none by the calendar yet: `overlev worker` makes one every night"
        if late:
            says = f"none was ever made in {into}: see the flow `backup` in Prefect"
        yield Check("backup", ok=not late, says=says)
        return
    # Raises where they are all another installation's: then none is made here.
    made = backup.newest(into, house.ring).name
    at = datetime.strptime(made, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=system_now().tzinfo)
    same_disk = _device(into) == _device(house.folder.path)
    says = f"last {iso_local(at)}" + ("; on the same disk as the data" if same_disk else "")
    if _is_late(at):
        says += ": too old, see the flow `backup` in Prefect"
    yield Check("backup", ok=not _is_late(at), says=says)


def _is_late(at: datetime) -> bool:
    return system_now() - at > BACKUP_EVERY


def _makes_them(house: Installation) -> bool:
    """A demo may be left alone; of several machines one makes them, and the others see none."""
    if house.folder.demo:
        return False
    return house.settings.backup_dir is not None or house.db.is_sqlite


def _may_be_written(folder: Path) -> bool:
    """Or made: where it is missing that is asked of the first folder above it that is there."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _device(folder: Path) -> int:
    return folder.stat().st_dev


def provider(house: Installation) -> Iterator[Check]:
    """Whether the groups of an identity provider mean roles and units that exist."""
    if not house.settings.oidc_issuer:
        return
    with house.db.read() as tx:
        wrong = provided.check_rules(tx, group_rules(house.settings.oidc_groups))
    yield Check(
        "sign-in through a provider",
        ok=not wrong,
        says=f"OVERLEV_OIDC_GROUPS: {'; '.join(wrong)}"
        if wrong
        else "its groups mean roles and units that exist",
    )


def settings() -> Iterator[Check]:
    """Settings of Prefect's that give something away or call out."""
    unsafe = [
        name
        for name, safe in (
            ("DO_NOT_TRACK", "1"),
            ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
            ("PREFECT_LOGGING_TO_API_ENABLED", "false"),
            ("PREFECT_SERVER_UI_V2_ENABLED", "false"),
        )
        if os.environ.get(name, safe).lower() not in (safe, "0" if safe == "false" else "true")
    ]
    if unsafe:
        yield Check(
            "Prefect's settings",
            ok=False,
            says=f"{', '.join(unsafe)}: unset, or something is told to others",
        )
