"""The shipped blueprints on a real server: worker, incident store, and the vendors as a sandbox."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import yaml
from temporalio.client import Client

from engine.incidents import opening
from engine.incidents.database import database_url
from engine.incidents.desk import Desk
from engine.incidents.incident import Incident, Opening
from engine.incidents.store import Store
from engine.incidents.timeline import EventFilter
from engine.messages import Actor, Decide, Reply, RunView, StartArguments
from engine.plan import Json
from engine.project.folder import Project
from engine.sandbox.server import running
from engine.sandbox.settings import Settings
from engine.temporal.client import Runs
from engine.temporal.worker import serve

ROOT = Path(__file__).parent.parent.parent
LIMIT = 120.0
"""Seconds for one run, on a machine that others use too."""
_KEYS = {
    "golden.connectors.statuspage": ("apiKey", "statuspage_api_key"),
    "golden.connectors.confluence": ("apiToken", "confluence_api_token"),
    "golden.connectors.pagerduty": ("apiKey", "pagerduty_api_key"),
    "golden.integrations.slack-interactive": ("botToken", "slack_bot_token"),
}


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """One worker with vendors and a store of its own."""

    name: str
    runs: Runs
    store: Store
    http: httpx.AsyncClient

    async def opened(self, severity: str, title: str = "db-17 is slow", **more: Any) -> str:
        """The id of a new incident."""
        given = Opening(title=title, severity=severity, actor="alice", **more)  # type: ignore[arg-type]
        incident, _ = await asyncio.to_thread(self.store.open, given)
        return incident.id

    def run_of(self, blueprint: str, incident: str) -> str:
        """Other tests' stores have incidents of the same numbers, on the same server."""
        return f"{opening.run_of(blueprint, incident)}-{self.name}"

    async def start(
        self, blueprint: str, incident: str, *, by: str = "alice", **inputs: Json
    ) -> str:
        """Start a run for the incident, as the command line does; its id."""
        known = await asyncio.to_thread(self.store.get, incident)
        context = opening.context_of({"incident_id": incident}, known)
        actor = Actor(name=by, source="cli")
        run = self.run_of(blueprint, incident)
        start = StartArguments(inputs=inputs, context=context, actor=actor)
        await self.runs.start(blueprint, start, run)
        return run

    async def ended(self, run: str) -> RunView:
        """The run once it has ended."""
        async with asyncio.timeout(LIMIT):
            return await self.runs.result(run)

    async def run(
        self, blueprint: str, incident: str, *, by: str = "alice", **inputs: Json
    ) -> RunView:
        """Start and wait for its end."""
        return await self.ended(await self.start(blueprint, incident, by=by, **inputs))

    async def until(self, run: str, true: Callable[[RunView], bool]) -> RunView:
        """The first view in which it is true."""
        async with asyncio.timeout(LIMIT):
            async for view in self.runs.follow(run):
                if true(view):
                    return view
        raise AssertionError(f"{run} ended before: {view}")

    async def answered(
        self, run: str, gate: str, by: str = "bob", decision: str = "approved"
    ) -> Reply:
        """Wait for the gate, and answer it."""

        def pending(view: RunView) -> bool:
            return gate in view.gates and view.gates[gate].state == "pending"

        await self.until(run, pending)
        return await self.runs.decide(
            run, Decide(decision=decision, approver_id=by, gate=gate, source="cli")
        )

    async def fails(self, vendor: str, mode: str = "down", count: int | None = None) -> None:
        """Have a vendor fail from now on, or for so many requests; `well` ends that."""
        given = {"vendor": vendor, "mode": mode, "count": count}
        (await self.http.post("/sandbox/failures", json=given)).raise_for_status()

    async def vendors(self) -> dict[str, Any]:
        """Everything that the vendors hold."""
        found: dict[str, Any] = (await self.http.get("/sandbox/state")).raise_for_status().json()
        return found

    async def made(self, incident: str) -> dict[str, int]:
        """How many there are of what was made for the incident."""
        state = await self.vendors()
        name = incident.lower()
        channels = [one for one in state["slack"]["channels"] if one["name"].startswith(name)]
        texts = [text["text"] for one in channels for text in one["messages"]]
        pages = state["statuspage"]["incidents"]
        ours = [p for p in pages if p["metadata"]["harmony"]["incident_id"] == incident]
        updates = [update["status"] for page in ours for update in page["incident_updates"]]
        documents = [page for page in state["confluence"]["pages"] if incident in page["title"]]
        return {
            "channels": len(channels),
            "announcements": sum(text.startswith(f"{incident}: ") for text in texts),
            "resolutions": sum(text.startswith(f"{incident} is resolved") for text in texts),
            "links": sum(text.startswith("The post-mortem of") for text in texts),
            "pages": len(ours),
            "resolved": updates.count("resolved"),
            "documents": len(documents),
        }

    async def incident(self, incident: str) -> Incident:
        """As the store has it now."""
        return await asyncio.to_thread(self.store.get, incident)

    async def told(self, incident: str, type_: str) -> list[str]:
        """What the timeline says in events of a type."""
        which = EventFilter(type=type_)
        events = await asyncio.to_thread(self.store.events, incident, which)
        return [event.description for event in events]

    async def intact(self, incident: str) -> bool:
        """Whether its timeline is as it was written."""
        return (await asyncio.to_thread(self.store.verify, incident)).intact


@contextlib.asynccontextmanager
async def lifecycle(
    client: Client, folder: Path, *, runner: str = "process", **settings: Json
) -> AsyncIterator[Lifecycle]:
    """All of it for as long as the block runs; `settings` go into harmony.yaml."""
    name = uuid4().hex[:8]
    with running(Settings()) as sandbox:
        environment = folder / f"{name}.yaml"
        environment.write_text(yaml.safe_dump(_bound(sandbox, folder, name) | settings))
        store = Store(database_url(folder / name, {}))
        queue, stop = f"life-{name}", asyncio.Event()
        async with (
            Desk(lambda: Store(database_url(folder / name, {})), folder / name) as desk,
            httpx.AsyncClient(base_url=sandbox.url, trust_env=False, timeout=60) as http,
        ):
            project = Project(ROOT, env_file=environment)
            serving = asyncio.create_task(
                serve(client, project, runner, task_queue=queue, stop=stop, desk=desk)
            )
            try:
                yield Lifecycle(name, Runs(client, task_queue=queue), store, http)
            finally:
                stop.set()
                await serving
                store.close()


def _bound(sandbox: Any, folder: Path, name: str) -> dict[str, Json]:
    """The vendors' configuration, and their keys in files of this environment's own."""
    secrets = {}
    for capability, (key, attribute) in _KEYS.items():
        file = folder / f"{name}-{attribute}"
        file.write_text(getattr(sandbox.settings.keys, attribute))
        secrets[capability] = {key: f"file:{file}"}
    return {
        "config": sandbox.wiring.config(),
        "secrets": secrets,
        "flags": {"file": str(ROOT / "flags.json")},
    }
