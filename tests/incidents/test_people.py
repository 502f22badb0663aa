"""What people meet in an incident: nobody answers, a flag is thrown, a key is wrong."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from engine.incidents import opening
from engine.messages import Actor, RunView, StartArguments
from tests.canned import Canned, World, outcomes
from tests.incidents.lifecycle import ROOT, Lifecycle, lifecycle

TRIAGE: dict[str, Any] = {"runbook": "host-triage", "parameters": {"TOP": 1}}


async def channel_texts(life: Lifecycle, incident: str) -> str:
    """Everything that stands in the incident's channel."""
    channels = (await life.vendors())["slack"]["channels"]
    [channel] = [one for one in channels if one["name"].startswith(incident.lower())]
    return "\n".join(json.dumps(message, ensure_ascii=False) for message in channel["messages"])


async def asked_and_not_answered(life: Lifecycle, severity: str) -> tuple[str, RunView]:
    """An incident with its channel, and a remediation that nobody answers."""
    incident = await life.opened(severity)
    await life.run("incident.initiate", incident, statuspage=False)
    return incident, await life.run("incident.remediate", incident, **TRIAGE)


async def test_nobody_answers_not_even_those_who_are_asked_next(
    client: Client, tmp_path: Path
) -> None:
    async with lifecycle(client, tmp_path, gates={"atMost": "1s"}) as life:
        (p1, first), (p3, third) = await asyncio.gather(
            asked_and_not_answered(life, "P1"), asked_and_not_answered(life, "P3")
        )
        assert (first.status, third.status) == ("timed_out", "timed_out")
        assert [len(view.gates["ask"].escalations) for view in (first, third)] == [1, 0]
        assert [(await life.incident(each)).status for each in (p1, p3)] == [
            "Escalated", "Investigating",
        ]  # fmt: skip
        assert "Look who is on call" in await channel_texts(life, p1)
        assert "nobody answered in time, and the incident" not in await channel_texts(life, p3)
        approvals = await asyncio.to_thread(life.store.approvals, p1)
        assert [each.status for each in approvals] == ["Escalated", "Rejected"]
        run = await life.start("incident.remediate", p1, **TRIAGE)
        await life.until(run, lambda view: "begin" in outcomes(view))
        again = await life.ended(run)
        assert outcomes(again)["begin"] == "succeeded"


@pytest.mark.parametrize("on", [True, False])
async def test_the_flag_counts_as_it_is_when_time_runs_out(
    client: Client,
    tmp_path: Path,
    on: bool,
) -> None:
    """It is edited while the run waits for its gate."""
    flags = tmp_path / "flags.json"
    document = json.loads((ROOT / "flags.json").read_text())
    flag = document["flags"]["incident.auto-escalate-p1"]
    flag["defaultVariant"] = "off" if on else "on"
    flags.write_text(json.dumps(document))
    settings: dict[str, Any] = {"gates": {"atMost": "4s"}, "flags": {"file": str(flags)}}
    async with lifecycle(client, tmp_path, **settings) as life:
        incident = await life.opened("P1")
        run = await life.start("incident.remediate", incident, **TRIAGE)
        await life.until(run, lambda view: "ask" in view.gates)
        flag["defaultVariant"] = "on" if on else "off"
        flags.write_text(json.dumps(document))
        if on:
            await life.until(run, lambda view: bool(view.gates["ask"].escalations))
            await life.runs.cancel(run)
            await life.ended(run)
        else:
            assert (await life.ended(run)).gates["ask"].escalations == ()
            assert (await life.incident(incident)).status == "Investigating"


async def test_a_wrong_key_says_which_variable_to_rotate(client: Client, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-key")
    async with lifecycle(client, tmp_path) as life:
        environment = tmp_path / f"{life.name}.yaml"
        right = environment.read_text()
        key = f"{tmp_path}/{life.name}-statuspage_api_key"
        environment.write_text(right.replace(key, str(wrong)))
        incident = await life.opened("P1")
        refused = await life.run("incident.initiate", incident)
        error = refused.steps["publish_now"].error
        assert error is not None
        assert (error.code, refused.steps["publish_now"].attempts) == ("KEY_REFUSED", 1)
        assert "rotate STATUSPAGE_API_KEY" in error.message
        assert "not-the-key" not in str(refused)
        environment.write_text(right)
        assert (await life.run("incident.initiate", incident)).status == "succeeded"
        assert (await life.made(incident))["announcements"] == 1


async def test_alerts_start_what_they_may_and_answer_nothing(
    client: Client, tmp_path: Path
) -> None:
    async with lifecycle(client, tmp_path) as life:
        incident = await life.opened("P2")
        run = await life.start("incident.initiate", incident, by="pagerduty")
        reply = await life.answered(run, "ask", by="pagerduty")
        assert not reply.accepted
        assert "agents never answer gates" in reply.reason
        assert (await life.answered(run, "ask", by="bob")).accepted
        assert (await life.ended(run)).status == "succeeded"
        refused = await life.run("incident.close-out", incident, by="pagerduty")
        assert refused.status == "failed"
        assert refused.error is not None
        assert refused.error.code == "NOT_ALLOWED"


async def test_temporals_own_command_line_shows_asks_and_answers(
    client: Client, tmp_path: Path
) -> None:
    """The commands of the design, word for word."""
    name = "incident.initiate-INC-2026-0001"
    async with lifecycle(client, tmp_path) as life:
        incident = await life.opened("P2")
        known = await life.incident(incident)
        context = opening.context_of({"incident_id": incident}, known)
        start = StartArguments(context=context, actor=Actor(name="alice", source="cli"))
        await life.runs.start("incident.initiate", start, name)
        await life.until(name, lambda view: "ask" in view.gates)
        world = World(client, Canned(), "", life.runs)
        shown = await world.temporal("workflow", "show", "-w", name)
        asked = await world.temporal("workflow", "query", "-w", name, "--type", "approvalState")
        for who in ("admin", "bob"):
            answer = json.dumps({"decision": "approved", "approverId": who})
            signal = ("signal", "-w", name, "--name", "approval", "--input", answer)
            await world.temporal("workflow", *signal)
        view = await life.ended(name)
    assert "WorkflowExecutionStarted" in shown
    assert '"state":"pending"' in asked
    assert view.status == "succeeded"
    refused, counted = view.gates["ask"].decisions
    assert (refused.approver_id, refused.accepted) == ("admin", False)
    assert (counted.approver_id, counted.source) == ("bob", "temporal")


async def test_a_channel_is_archived_when_somebody_agrees(client: Client, tmp_path: Path) -> None:
    async with lifecycle(client, tmp_path) as life:
        incident = await life.opened("P3")
        await life.run("incident.initiate", incident, statuspage=False)
        run = await life.start("incident.close-out", incident, archive=True)
        assert not (await life.answered(run, "ask_archive", by="alice")).accepted
        assert (await life.answered(run, "ask_archive")).accepted
        closed = await life.ended(run)
        assert (closed.status, closed.outputs["archived"]) == ("succeeded", True)
        assert outcomes(closed)["page"] == "skipped"
        known = await life.incident(incident)
        assert known.slack is not None
        assert known.slack.archived
        run = await life.start("incident.post-mortem", incident, by="carol")
        assert (await life.answered(run, "review")).accepted
        reviewed = await life.ended(run)
        assert (reviewed.status, outcomes(reviewed)["tell"]) == ("succeeded", "skipped")
