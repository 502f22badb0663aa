"""What a gate tells of itself, and whether it asks the next: on the real server."""

from typing import Any

import pytest

from engine.errors import CapabilityFailed
from engine.messages import StepCall
from engine.plan import Json
from engine.temporal.client import Client
from tests.canned import Canned, as_the_capability, outcomes, world

P1 = {"incident_severity": "P1"}
P2 = {"incident_severity": "P2"}
P3 = {"incident_severity": "P3"}


def told(canned: Canned) -> list[tuple[str, Any]]:
    """Each notice: its key, and state, approvers and what the first one gave back."""
    return [(call.step, call.input["value"]) for call in canned.calls]


async def test_notices_tell_when_a_gate_opens_escalates_and_closes(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.notices", context=P1)
        await w.until(run, lambda v: "ask" in v.gates and bool(v.gates["ask"].escalations))
        await w.approve(run, "ask", by="manager")
        view = await w.runs.result(run)
    assert view.status == "succeeded", view
    assert told(w.canned) == [
        ("notify/ask/opened", ["pending", ["incident-approver"], "-"]),
        ("notify/ask/escalated", ["pending", ["incident-manager"], "opened"]),
        ("notify/ask/closed", ["approved", ["incident-manager"], "opened"]),
    ]
    assert view.warnings == ()


async def test_a_notice_that_fails_is_a_warning_and_the_gate_stays_open(client: Client) -> None:
    def answer(call: StepCall) -> Json:
        if call.step == "notify/ask/opened":
            raise CapabilityFailed("CHANNEL_GONE", "there is no such channel", "FATAL")
        return as_the_capability(call)

    async with world(client, Canned(answer=answer)) as w:
        run = await w.start("flow.notices", context=P3)
        warned = await w.until(run, lambda view: bool(view.warnings))
        still = warned.gates["ask"].state
        reply = await w.approve(run)
        view = await w.runs.result(run)
    assert still == "pending"
    assert reply.accepted
    assert (view.status, outcomes(view)) == ("succeeded", {"ask": "approved"})
    assert view.warnings == (
        "gate ask: the notice 'opened' failed: CHANNEL_GONE: there is no such channel",
    )
    assert [key for key, _ in told(w.canned)] == ["notify/ask/opened", "notify/ask/closed"]


@pytest.mark.parametrize(("on", "rounds"), [(False, 0), (True, 1)])
async def test_a_flag_switches_an_escalation_off(client: Client, on: bool, rounds: int) -> None:
    async with world(client, Canned(flags={"gate-escalation": on})) as w:
        run = await w.start("flow.notices", context=P2)
        view = await w.runs.result(run)
        history = await w.runs.history(run)
    gate = view.gates["ask"]
    events = [entry.event for entry in history]
    assert (view.status, gate.state, len(gate.escalations)) == ("timed_out", "timed_out", rounds)
    assert events.count("gate.not_escalated") == 1 - rounds
    assert gate.approvers == (("incident-manager",) if on else ("incident-approver",))
    assert told(w.canned)[-1][0] == "notify/ask/closed"
