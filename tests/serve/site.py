"""A whole site of real processes: a worker, `harmony serve`, and the sandbox for the vendors."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from engine.incidents.database import database_url
from engine.incidents.incident import Approval, Event, Incident
from engine.incidents.incident_rows import IncidentFilter
from engine.incidents.store import Store
from engine.incidents.timeline import EventFilter
from engine.sandbox.server import Sandbox, running
from engine.sandbox.settings import Settings
from engine.temporal.guardian import free_ports
from tests.end_to_end.command_line import LIMIT, Harmony, Running

ROOT = Path(__file__).parents[2]
BOB, CAROL, DAVE = "U0BOB00001", "U0CAROL001", "U0DAVE0001"
SLACK = "golden.integrations.slack-interactive"
INITIATE = """
blueprint: incident.initiate
version: 1.0.0
title: Begin, and ask
owner: sre
roles: [alert-source, incident-responder]
inputs: {type: object, properties: {title: {type: string}, source: {type: string}}}
steps:
  - id: channel
    run: golden.integrations.slack-interactive
    with:
      operation: create-channel
      incident: "{{ context.incident_id }}"
      title: "{{ context.incident_title }}"
  - id: ask
    gate:
      ask: Tell customers of {{ context.incident_id }}?
      approvers: [incident-approver]
      timeout: 1h
      notify:
        run: golden.integrations.slack-interactive
        with:
          operation: request-approval
          channel: "{{ steps.channel.output.channel }}"
          incident: "{{ context.incident_id }}"
          gate: "{{ gate }}"
"""
POLICY: dict[str, Any] = {
    "roles": {
        "incident-responder": {"scopes": ["slack:read", "slack:write"]},
        "alert-source": {"scopes": ["slack:read", "slack:write"]},
        "incident-approver": {"scopes": ["workflow:approve"]},
    },
    "people": {
        "alice": {"roles": ["incident-responder"], "slack": "U0ALICE001"},
        "bob": {"roles": ["incident-approver"], "slack": BOB},
        "carol": {"roles": ["incident-approver"], "slack": CAROL},
    },
    "agents": {
        "pagerduty": {"roles": ["alert-source"]},
        "alertmanager": {"roles": ["alert-source"]},
    },
}


@dataclass
class Site:
    """One state folder, one project, one sandbox; programs are started and stopped by the test."""

    harmony: Harmony
    sandbox: Sandbox
    url: str
    http: httpx.AsyncClient
    state: Path
    running: dict[str, Running] = field(default_factory=dict)

    async def start(self, *words: str, says: str = "Ready") -> Running:
        program = await self.harmony.begin(*words)
        self.running[words[0]] = program
        await program.said(says)
        return program

    async def serve(self, *words: str) -> Running:
        return await self.start("serve", "--port", self.url.rpartition(":")[2], *words)

    async def work(self) -> Running:
        return await self.start("worker", "--runner", "process", says="runner process")

    async def stop(self, name: str) -> str:
        """Stop a program as an operator would; what it said."""
        program = self.running.pop(name)
        program.process.terminate()
        ended = await program.ended()
        assert ended.status == 0, ended.err
        return ended.err

    async def until(self, true: Callable[[dict[str, Any]], Any]) -> Any:
        """What is true of the sandbox's state at last."""
        seen = 0
        async with asyncio.timeout(LIMIT):
            while True:
                state = (await self.http.get(f"{self.sandbox.url}/sandbox/state")).json()
                if found := true(state):
                    return found
                changes = await self.http.get(
                    f"{self.sandbox.url}/sandbox/changes", params={"after": seen}, timeout=LIMIT
                )
                seen = changes.json()["version"]

    async def trigger(self, title: str, priority: str = "P2") -> dict[str, Any]:
        """Something goes wrong at PagerDuty; the incident there."""
        answer = await self.http.post(
            f"{self.sandbox.url}/sandbox/pagerduty/trigger",
            json={"title": title, "priority": priority},
        )
        made: dict[str, Any] = answer.json()["incident"]
        return made

    async def question(self, incident: str, *, closed: bool = False) -> dict[str, Any]:
        """The message of the incident's gate, with its channel; once it is closed, where wanted."""

        def find(state: dict[str, Any]) -> dict[str, Any] | None:
            for channel in state["slack"]["channels"]:
                for message in channel["messages"]:
                    blocks = {block.get("block_id") for block in message.get("blocks", [])}
                    about = message.get("metadata", {}).get("event_payload", {})
                    wanted = "approval_outcome" if closed else "approval"
                    if about.get("incident") == incident and wanted in blocks:
                        return {"channel": channel["id"], **message}
            return None

        found: dict[str, Any] = await self.until(find)
        return found

    async def click(self, message: dict[str, Any], user: str = BOB, say: str = "approve") -> Any:
        """Press a button of the message; what Slack has of the delivery."""
        answer = await self.http.post(
            f"{self.sandbox.url}/sandbox/slack/click",
            json={
                "user": user, "channel": message["channel"], "ts": message["ts"],
                "block_id": "approval", "action_id": f"approval_{say}",
            },
        )  # fmt: skip
        return answer.json()

    async def told(self, text: str) -> dict[str, Any]:
        """The private message that says this."""

        def find(state: dict[str, Any]) -> dict[str, Any] | None:
            return next(
                (
                    message
                    for channel in state["slack"]["channels"]
                    for message in channel["messages"]
                    if text in message.get("text", "")
                ),
                None,
            )

        found: dict[str, Any] = await self.until(find)
        return found

    def incidents(self) -> list[Incident]:
        with contextlib.closing(Store(database_url(self.state, {}))) as store:
            return store.incidents(IncidentFilter())

    def events(self, incident: str) -> list[Event]:
        with contextlib.closing(Store(database_url(self.state, {}))) as store:
            return store.events(incident, EventFilter())

    def approvals(self, incident: str) -> list[Approval]:
        with contextlib.closing(Store(database_url(self.state, {}))) as store:
            return store.approvals(incident)


@contextlib.asynccontextmanager
async def site(
    folder: Path, *, socket_mode: bool = False, initiate: str = INITIATE, **more: str
) -> AsyncIterator[Site]:
    """Without its programs running; they are stopped at the end, with the embedded server."""
    project = folder / "project"
    home = "capabilities/integrations/slack-interactive"
    shutil.copytree(ROOT / home, project / home)
    (project / "blueprints").mkdir()
    (project / "blueprints" / "incident.initiate.yaml").write_text(initiate)
    (project / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    settings = Settings(
        interactions=f"{url}/slack/interactions", webhooks=f"{url}/webhooks/pagerduty"
    )
    with running(settings) as sandbox:
        wiring = sandbox.wiring.document()
        config = {"config": {SLACK: wiring["config"][SLACK]}, "runner": "process"}
        (project / "harmony.yaml").write_text(yaml.safe_dump(config))
        variables: dict[str, str] = {
            **wiring["variables"],
            "ALERTMANAGER_TOKEN": "am-token",
            **more,
        }
        if not socket_mode:
            del variables["SLACK_APP_TOKEN"]
        harmony = Harmony(folder / "state", project, **variables)
        async with httpx.AsyncClient(trust_env=False, timeout=LIMIT) as http:
            made = Site(harmony, sandbox, url, http, folder / "state")
            try:
                yield made
            finally:
                for name in list(made.running):
                    await made.stop(name)
