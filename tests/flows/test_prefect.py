"""The flows against Prefect's real server: one for a session, so few tests, each about much."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from prefect.server.schemas.schedules import CronSchedule
from sqlalchemy import select

from cases import people, showing
from cases.access import OPERATOR
from cases.heartbeats import Beats, beat
from cases.installation import Installation
from cases.model import Case
from cases.people import NewPerson
from cases.service import Admission, admit
from cases.tables import case_, notice, shown
from cases.vault import Identity
from core.clock import system_now
from tests.flows.conftest import PrefectServer
from tests.people import at, complete, make_case

T = TypeVar("T")

pytestmark = [
    # Prefect and what it brings warn of their own future.
    pytest.mark.filterwarnings("default"),
    pytest.mark.timeout(600),
]


def some_case(house: Installation) -> Case:
    """A case of some weeks ago, with much that is due."""
    with house.db.write() as tx:
        case = make_case(tx, admitted="2026-09-01 06:00", release_on=date(2026, 12, 28))
        return complete(tx, case, "intake_talk", at("2026-09-01 10:00"), answer="at_risk")


def in_loop(act: Callable[[], Awaitable[T]]) -> T:
    async def run() -> T:
        return await act()

    return asyncio.run(run())


def runs(prefect: PrefectServer, name: str) -> list[dict[str, Any]]:
    return prefect.ask("flow_runs/filter", flow_runs={"name": {"any_": [name]}})


def notices(house: Installation) -> list[tuple[str, str]]:
    with house.db.read() as tx:
        return [(row.task, row.rung) for row in tx.execute(select(notice))]


async def shown_once(house: Installation, *, worker: str = "worker-a") -> None:
    """What a worker's loop does in one round."""
    from flows import deploying
    from flows.carrier import Carrier
    from flows.show import Show

    carrier = Carrier(worker)
    carrier.deployments.by_flow = await deploying.deploy()
    assert await carrier.ask()
    await Show(house, carrier, Beats(worker))._round()


def settled(prefect: PrefectServer, name: str, *, within: float = 60) -> dict[str, Any]:
    """The run, once Prefect's recorder has written down its tasks."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        found = runs(prefect, name)
        if found:
            tasks = prefect.ask("task_runs/filter", flow_runs={"id": {"any_": [found[0]["id"]]}})
            done = [each for each in tasks if each["state_type"] == "COMPLETED"]
            if len(done) == 4:
                return found[0] | {"tasks": tasks}
        time.sleep(0.3)
    pytest.fail(f"{name}: {runs(prefect, name)}")


def test_a_case_is_a_run_of_four_steps_that_do_what_is_due_and_name_their_state(
    prefect: PrefectServer, house: Installation
) -> None:
    case = some_case(house)

    in_loop(lambda: shown_once(house))

    run = settled(prefect, f"case-{case.ref}-v2")
    assert run["state_type"] == "COMPLETED"
    assert set(run["tags"]) == {"A", "in_prison"}
    assert run["parameters"] == {"case_ref": case.ref, "version": 2}
    states = {each["name"]: each["state_name"] for each in run["tasks"]}
    assert states == {
        "1-intake-talk": "Overdue",
        "2-overdose-info": "Overdue",
        "3-release-talk": "Open",
        "4-time-in-hand": "Overdue",
    }
    assert ("offer_answered", "lead") in notices(house), "each task does its step"
    (table,) = prefect.ask("artifacts/filter", artifacts={"key": {"any_": [f"case-{case.ref}"]}})
    assert "| | `intake_talk` | done |" in str(table["data"])
    assert f"http://127.0.0.1:8000/cases/{case.ref}" in str(table["data"])
    assert "at_risk" not in str(table["data"])
    before = notices(house)
    in_loop(lambda: shown_once(house, worker="worker-b"))
    assert len(runs(prefect, f"case-{case.ref}-v2")) == 1, "shown once for each change"
    assert notices(house) == before
    with house.db.read() as tx:
        assert tx.execute(select(shown.c.done_at)).scalar_one() is not None


def test_run_pressed_by_hand_does_due_work_once_and_scheduled_flows_are_scheduled(
    prefect: PrefectServer, house: Installation
) -> None:
    from prefect.client.orchestration import get_client

    from flows import deploying
    from flows.worker import LIMIT, POOL, InlineWorker

    case = some_case(house)

    async def press() -> dict[str, UUID]:
        ids = await deploying.deploy()
        assert await deploying.deploy() == ids, "nothing is deployed twice"
        async with get_client() as client:
            for _ in range(2):
                await client.create_flow_run_from_deployment(
                    ids["release-package"], parameters={"case_ref": case.ref}
                )
        stopping = asyncio.Event()
        worker = InlineWorker(POOL, name="worker-by-hand", limit=LIMIT)
        serving = asyncio.ensure_future(worker.serve(stopping))
        async with asyncio.timeout(300):
            while len(runs(prefect, f"case-{case.ref}-v2")) < 2 or not all(  # noqa: ASYNC110
                each["state_type"] == "COMPLETED" for each in runs(prefect, f"case-{case.ref}-v2")
            ):
                await asyncio.sleep(0.5)
        stopping.set()
        await serving
        return ids

    ids = in_loop(press)

    told = notices(house)
    assert len(told) == len(set(told)) > 0
    assert set(runs(prefect, f"case-{case.ref}-v2")[0]["tags"]) == {"A", "in_prison"}
    calendar = {each.flow: each.schedules[0] for each in deploying.planned() if each.schedules}
    assert len(calendar) == 7
    # What comes more rarely than every hundred days is planned when it is as near as that.
    near = datetime.now(UTC) + timedelta(days=99)
    soon = [flow for flow, (cron, zone, _) in calendar.items() if _next(cron, zone) < near]

    def without() -> list[str]:
        return [flow for flow in soon if not _scheduled(prefect, ids[flow])]

    until = time.monotonic() + 90
    while time.monotonic() < until and without():
        time.sleep(0.5)
    assert without() == [], "every flow of the calendar has its next runs"


def _next(cron: str, zone: str) -> datetime:
    (found,) = asyncio.run(CronSchedule(cron=cron, timezone=zone).get_dates(1))
    return found


def _scheduled(prefect: PrefectServer, deployment: UUID) -> list[dict[str, Any]]:
    return prefect.ask(
        "flow_runs/filter",
        flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}},
        deployments={"id": {"any_": [str(deployment)]}},
        limit=1,
    )


def test_the_runs_of_a_pool_of_another_type_are_left_to_its_own_workers(
    prefect: PrefectServer, house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    from flows import deploying
    from flows.worker import LIMIT, POOL, InlineWorker

    del prefect, house
    asked: list[str] = []

    async def ask(self: InlineWorker) -> list[Any]:
        asked.append(self._work_pool_name)
        return []

    monkeypatch.setattr(InlineWorker, "get_and_submit_flow_runs", ask)

    async def serve(pool: str) -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_later(2, stopping.set)
        await InlineWorker(pool, name="worker-a", limit=LIMIT).serve(stopping)

    async def both() -> None:
        await deploying.deploy()
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name="others", type="process"))
        await serve("others")
        assert asked == []
        await serve(POOL)

    in_loop(both)

    assert set(asked) == {POOL}


def test_a_run_whose_worker_was_killed_is_settled_and_its_case_shown_anew(
    prefect: PrefectServer, house: Installation
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Running

    from flows import deploying, reconcile
    from flows.carrier import Carrier

    case = some_case(house)
    name = f"case-{case.ref}-v2"

    async def left_running(worker: str) -> None:
        carrier = Carrier(worker)
        ids = await deploying.deploy()
        async with get_client() as client:
            run = await carrier.create_run(
                client, ids["release-package"], name=name, parameters={"case_ref": case.ref}
            )
            await client.set_flow_run_state(run.id, Running(), force=True)

    with house.db.write() as tx:
        to_show = showing.to_show(tx, case.ref)
        assert to_show is not None
        showing.claim(tx, to_show, "worker-dead", now=system_now())
    in_loop(lambda: left_running("worker-dead"))

    async def settle(silent: timedelta) -> int:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(reconcile, "SILENT", silent)
            return await reconcile.settle_left_runs(house, ["release-package"])

    assert in_loop(lambda: settle(timedelta(minutes=2))) == 0, "a moment ago it may have lived"
    with house.db.write() as tx:
        beat(tx, "sweep", "worker-dead", now=system_now())
    assert in_loop(lambda: settle(timedelta(seconds=-5))) == 1, "and now it is known to be dead"

    assert runs(prefect, name)[0]["state_type"] == "CRASHED"
    with house.db.read() as tx:
        behind = showing.behind(tx, now=house.now(), most=10)
    assert [each.ref for each in behind] == [case.ref]


CANARIES = 200


TEXT = "Påminning: Kanari900900900 har en avtale ons. 25.11. kl. 10.00."


def test_nothing_of_two_hundred_planted_names_numbers_and_texts_reaches_prefect(
    prefect: PrefectServer, house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import due, release_package

    chance = random.Random(1)
    planted: list[str] = [TEXT]
    with house.db.write() as tx:
        for number in range(CANARIES // 4):
            words = [f"Kanari{chance.randrange(10**9):09}" for _ in range(2)]
            inmate, phone = f"K{chance.randrange(10**7):07}", f"+47999{chance.randrange(10**5):05}"
            planted += [*words, inmate, phone]
            identity = Identity(inmate, words[0], words[1], date(1990, 1, 1))
            who = people.register(tx, NewPerson(identity, phone=phone), now=at("2026-01-01 00:00"))
            admit(
                tx,
                OPERATOR,
                Admission(who.ref, who.counted_as, "A", at("2026-09-01 06:00")),
                now=at("2026-09-01 08:00") + timedelta(minutes=number),
            )
    with house.db.read() as tx:
        refs = list(tx.execute(select(case_.c.ref).order_by(case_.c.id)).scalars())

    def fails(*_: object, **__: object) -> None:
        raise ValueError(f"{TEXT} to {planted[4]}, {planted[1]} of {planted[3]}")

    async def show() -> None:
        await release_package.release_package(refs[0])
        for module, name in (
            (release_package, "_advance"),
            (due, "sweep_all"),
            (due, "deliver_due"),
        ):
            monkeypatch.setattr(module, name, fails)
        fail: list[Callable[[], Any]] = [
            lambda: release_package.release_package(refs[1]),
            lambda: due.sweep(),  # noqa: PLW0108 - typed by it
            lambda: due.deliver(),  # noqa: PLW0108 - the same
        ]
        for failing in fail:
            with suppress(Exception):
                await failing()

    in_loop(show)

    until = time.monotonic() + 60
    failed: list[Any] = []
    while time.monotonic() < until and len(failed) < 3:
        failed = prefect.ask(
            "flow_runs/filter", flow_runs={"state": {"type": {"any_": ["FAILED"]}}}
        )
        time.sleep(0.3)
    assert any("ValueError" in str(each["state"]["message"]) for each in failed)
    time.sleep(3)  # events are written in batches
    kept = everything(prefect.folder / "prefect" / "prefect.db")
    assert len(kept) > 10_000
    assert refs[0] in kept
    assert [each for each in planted if each in kept] == []


def everything(file: Path) -> str:
    """All text that a database holds, write-ahead log included."""
    with closing(sqlite3.connect(file)) as connection:
        return "\n".join(connection.iterdump())
