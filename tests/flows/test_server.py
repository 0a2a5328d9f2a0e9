"""What is mended in Prefect's server, without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flows import server
from tests.databases import PostgresDatabases

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def unmended(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is mended here is mended for this test alone."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    monkeypatch.setattr(
        AioSqliteConfiguration, "begin_transaction", AioSqliteConfiguration.begin_transaction
    )


@pytest.mark.usefixtures("unmended")
def test_two_that_read_and_then_write_wait_for_each_other(tmp_path: Path) -> None:
    from prefect.server.database.configurations import AioSqliteConfiguration
    from sqlalchemy import text

    server.mend_locking()
    beats = AioSqliteConfiguration(f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}", timeout=30)

    async def beat(read: asyncio.Event, go_on: asyncio.Event) -> None:
        async with (
            await beats.session(await beats.engine()) as session,
            beats.begin_transaction(session),
        ):
            await session.execute(text("SELECT count(*) FROM beat"))
            read.set()
            await asyncio.wait_for(go_on.wait(), 30)
            await session.execute(text("INSERT INTO beat VALUES (1)"))

    async def both() -> int:
        engine = await beats.engine()
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE beat (x INTEGER)"))
        first_read, second_read, at_once = asyncio.Event(), asyncio.Event(), asyncio.Event()
        at_once.set()
        first = asyncio.ensure_future(beat(first_read, second_read))
        await first_read.wait()
        second = asyncio.ensure_future(beat(second_read, at_once))
        # Unmended the second reads, writes and ends, and the first can write no more.
        await asyncio.wait([second], timeout=0.5)
        second_read.set()
        await asyncio.gather(first, second)
        async with engine.connect() as connection:
            found: int = (await connection.execute(text("SELECT count(*) FROM beat"))).scalar_one()
        await engine.dispose()
        return found

    assert asyncio.run(both()) == 2


def test_the_server_looks_for_work_of_its_own_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from docket import Docket
    from prefect.server.api import background_workers

    of_prefect: Any = background_workers
    monkeypatch.setattr(of_prefect, "Worker", of_prefect.Worker)
    hasty = of_prefect.Worker(Docket())
    server.mend_haste()
    unhurried = of_prefect.Worker(Docket())

    assert hasty.minimum_check_interval < unhurried.minimum_check_interval == server.LEISURE
    assert hasty.scheduling_resolution < unhurried.scheduling_resolution == server.LEISURE


@pytest.mark.postgres
def test_two_that_start_together_make_their_tables_one_after_the_other(
    postgres_databases: PostgresDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.server.database import PrefectDBInterface
    from sqlalchemy import make_url
    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

    at_it, most = 0, 0

    async def makes_tables(self: object) -> None:
        nonlocal at_it, most
        at_it += 1
        most = max(most, at_it)
        await asyncio.sleep(0.2)
        at_it -= 1

    class Server:
        def __init__(self, url: str) -> None:
            self._engine = create_async_engine(url)

        async def engine(self) -> AsyncEngine:
            return self._engine

    async def start(url: str) -> None:
        one: Any = Server(url)
        await PrefectDBInterface.create_db(one)
        await (await one.engine()).dispose()

    async def both(url: str) -> None:
        await asyncio.gather(start(url), start(url))

    monkeypatch.setattr(server, "LEISURE", server.LEISURE / 20)
    monkeypatch.setattr(PrefectDBInterface, "create_db", makes_tables)
    server.mend_starting_together()
    created = postgres_databases.create(migrated=False)
    url = make_url(created).set(drivername="postgresql+asyncpg")
    asyncio.run(both(url.render_as_string(hide_password=False)))
    assert most == 1

    # Whoever holds it for ever, or seems to, is not waited for.
    monkeypatch.setattr(server, "TURN_WITHIN", 0.0)
    asyncio.run(both(url.render_as_string(hide_password=False)))
    assert most == 2
    postgres_databases.drop(created)
