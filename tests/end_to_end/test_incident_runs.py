"""Runs and their incidents, as people and Temporal's own command line start and answer them."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.incidents.database import database_url
from engine.incidents.incident import Approval, Event, Incident
from engine.incidents.store import Store
from engine.incidents.timeline import EventFilter
from tests.canned import PROJECT, TEMPORAL
from tests.end_to_end.command_line import LIMIT, Harmony

YEAR_ID = r"INC-\d{4}-\d{4}"
BLUEPRINTS = {
    "incident.initiate": """
blueprint: incident.initiate
version: 1.0.0
title: Begin, and ask
owner: sre
roles: [responder]
inputs: {type: object, properties: {title: {type: string}}}
steps:
  - id: tell
    run: golden.test.echo
    with:
      text: "{{ context.incident_id }} {{ context.incident_severity }} {{ context.incident_title }}"
  - id: ask
    gate: {ask: "Tell customers of {{ context.incident_id }}?", approvers: [approver], timeout: 1h}
outputs: {incident: "{{ context.incident_id }}"}
""",
    "incident.remediate": """
blueprint: incident.remediate
version: 1.0.0
title: Says what it knows
owner: sre
steps:
  - id: tell
    run: golden.test.echo
    with:
      text: >-
        {{ context.incident_severity | default('unknown') }}
        {{ context.incident_title | default('-') }}
outputs: {knows: "{{ steps.tell.output.text }}"}
""",
}
POLICY = """
roles:
  responder: {scopes: [test:read, test:write]}
  approver: {scopes: [workflow:approve]}
people:
  alice: {roles: [responder]}
  admin: {roles: [approver]}
"""


@dataclass
class Site:
    """The program on one state folder, with the project of these tests."""

    harmony: Harmony
    state: Path

    @contextlib.contextmanager
    def store(self) -> Any:
        with contextlib.closing(Store(database_url(self.state, {}))) as store:
            yield store

    def get(self, incident: str) -> Incident:
        with self.store() as store:
            found: Incident = store.get(incident)
            return found

    def events(self, incident: str) -> list[Event]:
        with self.store() as store:
            found: list[Event] = store.events(incident, EventFilter())
            return found

    def approvals(self, incident: str) -> list[Approval]:
        with self.store() as store:
            found: list[Approval] = store.approvals(incident)
            return found

    async def temporal(self, *words: str) -> str:
        """What Temporal's own command line prints."""
        address = json.loads((self.state / "server.json").read_text())["address"]
        process = await asyncio.create_subprocess_exec(
            TEMPORAL, *words, "--address", address,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(LIMIT):
            printed, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        return printed.decode()

    async def until_open(self, run: str) -> None:
        async with asyncio.timeout(LIMIT):
            while True:
                told = await self.harmony("status", run, "--json")
                if told.status == 0 and "ask" in told.document["gates"]:
                    return

    async def ended(self, run: str) -> dict[str, Any]:
        await self.harmony("status", run, "--follow")
        view: dict[str, Any] = (await self.harmony("status", run, "--json")).document
        return view


def project(folder: Path) -> Path:
    shutil.copytree(PROJECT / "capabilities", folder / "capabilities")
    (folder / "blueprints").mkdir()
    for name, text in BLUEPRINTS.items():
        (folder / "blueprints" / f"{name}.yaml").write_text(text)
    (folder / "policy.yaml").write_text(POLICY)
    return folder


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("incident-runs")
    harmony = Harmony(folder / "state", project(folder / "project"))
    worker = await harmony.begin("worker", "--runner", "process")
    await worker.said("runner process")
    yield Site(harmony, folder / "state")
    worker.process.terminate()
    assert (await worker.ended()).status == 0


async def start(here: Site, *words: str) -> str:
    started = await here.harmony("start", *words, "--as", "alice")
    assert started.status == 0, started.err
    return started.out.strip()


async def test_a_run_that_begins_an_incident_is_named_after_it(here: Site) -> None:
    run = await start(here, "incident.initiate", "--severity", "P1", "-i", "title=Checkout: down")
    blueprint, _, incident = run.partition("-")
    assert (blueprint, len(incident)) == ("incident.initiate", len("INC-2026-0001"))
    found = here.get(incident)
    assert (found.title, found.severity) == ("Checkout: down", "P1")
    await here.until_open(run)
    answered = await here.harmony("approve", run, "--as", "admin", "--reason", "it is true")
    assert answered.status == 0, answered.err
    view = await here.ended(run)
    assert view["outputs"] == {"incident": incident}
    assert view["steps"]["tell"]["output"]["text"] == f"{incident} P1 Checkout: down"
    history = (await here.harmony("history", run, "--json")).document
    of_run = [event for event in here.events(incident) if event.run == run]
    assert [(event.type, event.description) for event in of_run] == [
        (entry["event"], entry["text"]) for entry in history
    ]
    assert len({event.key for event in of_run}) == len(of_run)
    (approval,) = here.approvals(incident)
    assert (approval.status, approval.approver_id, approval.source, approval.reason) == (
        "Approved", "admin", "cli", "it is true",
    )  # fmt: skip
    verified = await here.harmony("incident", "verify", incident)
    assert verified.status == 0, verified.err


async def test_the_debugging_of_the_design_works_word_for_word(here: Site) -> None:
    run = await start(here, "incident.initiate", "--severity", "P2", "-i", "title=Look inside")
    await here.until_open(run)
    assert "WorkflowExecutionSta" in await here.temporal("workflow", "show", "-w", run)
    state = await here.temporal("workflow", "query", "-w", run, "--type", "approvalState")
    assert '"pending"' in state
    assert "Tell customers of" in state
    await here.temporal(
        "workflow", "signal", "-w", run, "--name", "approval",
        "--input", '{"decision":"approved","approverId":"admin"}',
    )  # fmt: skip
    view = await here.ended(run)
    assert view["status"] == "succeeded"
    decision = view["gates"]["ask"]["decisions"][0]
    assert (decision["approverId"], decision["source"]) == ("admin", "temporal")


async def test_started_by_temporals_own_program_it_begins_one_too(here: Site) -> None:
    given = {"inputs": {"title": "Bare"}, "context": {"incident_severity": "P3",
                                                      "initiator_id": "alice"}}  # fmt: skip
    await here.temporal(
        "workflow", "start", "--type", "incident.initiate", "-t", "harmony", "-w", "bare-1",
        "--input", json.dumps(given),
    )  # fmt: skip
    await here.until_open("bare-1")
    view = (await here.harmony("status", "bare-1", "--json")).document
    incident = view["steps"]["tell"]["output"]["text"].split()[0]
    assert here.get(incident).title == "Bare"
    listed = (await here.harmony("list", "--incident", incident, "--json")).document
    assert [(run["run"], run["status"]) for run in listed] == [("bare-1", "running")]
    named = "incident.initiate-INC-2020-0042"
    await here.temporal(
        "workflow", "start", "--type", "incident.initiate", "-t", "harmony", "-w", named,
        "--input", json.dumps(given),
    )  # fmt: skip
    await here.until_open(named)
    assert here.get("INC-2020-0042").severity == "P3"


async def test_another_blueprint_is_told_what_is_known_of_its_incident(here: Site) -> None:
    first = await start(here, "incident.initiate", "--severity", "P1", "-i", "title=Known")
    incident = first.partition("-")[2]
    run = await start(here, "incident.remediate", "--context", f"incident_id={incident}")
    assert run == f"incident.remediate-{incident}"
    assert (await here.ended(run))["outputs"] == {"knows": "P1 Known"}
    runs = {event.run for event in here.events(incident)}
    assert runs >= {first, run}


async def test_an_incident_from_elsewhere_is_taken_in(here: Site) -> None:
    run = await start(here, "incident.remediate", "--context", "incident_id=OPS-17")
    assert (await here.ended(run))["outputs"] == {"knows": "unknown -"}
    assert here.get("OPS-17").title == "Incident OPS-17"
    assert here.events("OPS-17")[-1].type == "run.ended"


async def test_who_may_not_start_begins_no_incident_and_is_on_a_known_ones_timeline(
    here: Site,
) -> None:
    with here.store() as store:
        before = len(store.incidents(_all()))
    refused = await here.harmony(
        "start", "incident.initiate", "--severity", "P1", "--as", "mallory"
    )
    assert (refused.status, "mallory may not start" in refused.err) == (2, True)
    bare = {"context": {"incident_severity": "P1", "initiator_id": "mallory"}}
    await here.temporal(
        "workflow", "start", "--type", "incident.initiate", "-t", "harmony", "-w", "mallory-1",
        "--input", json.dumps(bare),
    )  # fmt: skip
    assert (await here.ended("mallory-1"))["error"]["code"] == "NOT_ALLOWED"
    with here.store() as store:
        assert len(store.incidents(_all())) == before
    known = (await start(here, "incident.initiate", "--severity", "P4")).partition("-")[2]
    bare["context"]["incident_id"] = known
    await here.temporal(
        "workflow", "start", "--type", "incident.initiate", "-t", "harmony", "-w", "mallory-2",
        "--input", json.dumps(bare),
    )  # fmt: skip
    await here.ended("mallory-2")
    refusal = next(event for event in here.events(known) if event.type == "run.refused")
    assert "mallory may not start" in refusal.description


async def test_how_bad_it_is_must_be_said(here: Site) -> None:
    refused = await here.harmony("start", "incident.initiate", "--as", "alice")
    assert refused.status == 2
    assert "a new incident needs its severity: give --severity P1" in refused.err


async def test_a_store_that_is_away_stops_no_run_and_gets_it_all_later(tmp_path: Path) -> None:
    where = tmp_path / "database"
    where.write_text("no folder, so no database")
    harmony = Harmony(
        tmp_path / "state", project(tmp_path / "project"),
        HARMONY_DATABASE_URL=f"sqlite:///{where}/incidents.db",
    )  # fmt: skip
    words = ("run", "incident.remediate", "--context", "incident_id=INC-2026-0009", "--json")
    ran = await harmony(*words, "--as", "alice", "--runner", "process")
    assert ran.status == 0, ran.err
    assert ran.document["outputs"] == {"knows": "unknown -"}
    opening = await harmony("run", "incident.initiate", "--severity", "P1", "--as", "alice")
    assert opening.status == 4
    assert "cannot be used" in opening.err
    (spooled,) = (tmp_path / "state" / "timeline").iterdir()
    where.unlink()
    where.mkdir()
    worker = await harmony.begin("worker", "--runner", "process")
    async with asyncio.timeout(LIMIT):
        while spooled.exists():
            await asyncio.sleep(0.05)
    worker.process.terminate()
    assert (await worker.ended()).status == 0
    environment = {"HARMONY_DATABASE_URL": f"sqlite:///{where}/incidents.db"}
    with contextlib.closing(Store(database_url(tmp_path, environment))) as store:
        events = store.events("INC-2026-0009", EventFilter())
        assert store.verify("INC-2026-0009").intact
    types = [event.type for event in events if event.run is not None]
    assert types == ["run.started", "step.started", "step.succeeded", "run.ended"]


async def test_a_worker_that_is_killed_writes_nothing_twice(tmp_path: Path) -> None:
    harmony = Harmony(tmp_path / "state", project(tmp_path / "project"))
    site = Site(harmony, tmp_path / "state")
    worker = await harmony.begin("worker", "--runner", "process")
    await worker.said("runner process")
    run = await start(site, "incident.initiate", "--severity", "P2")
    await site.until_open(run)
    following = await harmony.begin("worker", "--runner", "process")
    await following.said("runner process")
    worker.process.kill()
    await worker.ended()
    answered = await harmony("approve", run, "--as", "admin")
    assert answered.status == 0, answered.err
    await site.ended(run)
    of_run = [event for event in site.events(run.partition("-")[2]) if event.run == run]
    history = (await harmony("history", run, "--json")).document
    assert [event.type for event in of_run] == [entry["event"] for entry in history]
    types = [event.type for event in of_run]
    assert (types.count("gate.opened"), types.count("gate.answered"), types[-1]) == (
        1, 1, "run.ended",
    )  # fmt: skip
    following.process.terminate()
    assert (await following.ended()).status == 0


def _all() -> Any:
    from engine.incidents.incident_rows import IncidentFilter

    return IncidentFilter()
