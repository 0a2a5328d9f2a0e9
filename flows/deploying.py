"""The work pool and the deployments of `prefect.yaml`, brought to Prefect's server.

What `prefect --no-prompt deploy --all` does, without a program of its own (5 s of CPU), and only
when something changed: deploying anew throws away the runs that are scheduled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import yaml
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

from flows.worker import FLOWS, POOL, TYPE, InlineWorker

FILE: Final = "prefect.yaml"
_FORM: Final = "2"
"""Another one when what is made of the file changes."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One deployment as the file says it."""

    flow: str
    name: str
    entrypoint: str
    description: str
    schedules: tuple[tuple[str, str, str], ...]

    @property
    def version(self) -> str:
        """Changes with every word of it."""
        said = json.dumps([_FORM, self.flow, self.entrypoint, self.description, self.schedules])
        return sha256(said.encode()).hexdigest()[:12]


def root() -> Path:
    """The folder that holds `prefect.yaml`: the checkout, or the installed package's."""
    beside = Path(__file__).resolve().parents[1]
    return beside if (beside / FILE).is_file() else Path(str(files("flows")))


def planned() -> list[Planned]:
    """What `prefect.yaml` says."""
    said: dict[str, Any] = yaml.safe_load((root() / FILE).read_text("utf-8"))
    by_function = {each.fn.__name__: name for name, each in FLOWS.items()}
    return [
        Planned(
            by_function[each["entrypoint"].partition(":")[2]],
            each["name"],
            each["entrypoint"],
            each["description"],
            tuple((s["cron"], s["timezone"], s["slug"]) for s in each.get("schedules", ())),
        )
        for each in said["deployments"]
    ]


async def deploy() -> dict[str, UUID]:
    """Bring pool and deployments up to date; the deployment's id for each flow's name."""
    async with get_client() as client:
        await _pool(client)
        return {each.flow: await _deployed(client, each) for each in planned()}


async def _pool(client: PrefectClient) -> None:
    try:
        await client.read_work_pool(POOL)
    except ObjectNotFound:
        template = InlineWorker.get_default_base_job_template()
        pool = WorkPoolCreate(
            name=POOL,
            type=TYPE,
            description="Overlev's workers",
            base_job_template=template,
            concurrency_limit=None,
        )
        try:
            await client.create_work_pool(pool)
        except ObjectAlreadyExists:  # another worker has just made it
            return


async def _deployed(client: PrefectClient, plan: Planned) -> UUID:
    try:
        there = await client.read_deployment_by_name(f"{plan.flow}/{plan.name}")
    except ObjectNotFound:
        there = None
    if there is not None and there.version == plan.version:
        return there.id
    flow = FLOWS[plan.flow]
    return await client.create_deployment(
        await client.create_flow(flow),
        plan.name,
        version=plan.version,
        description=plan.description,
        entrypoint=plan.entrypoint,
        path=str(root()),
        pull_steps=[
            {"prefect.deployments.steps.set_working_directory": {"directory": str(root())}}
        ],
        work_pool_name=POOL,
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        schedules=[
            DeploymentScheduleCreate(schedule=CronSchedule(cron=cron, timezone=zone), slug=slug)
            for cron, zone, slug in plan.schedules
        ],
    )
