"""Gates on the real server: by update, by signal, from Temporal's own command line."""

import asyncio
import json

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from engine.messages import Actor, GateView
from engine.temporal.client import Client
from tests.canned import Canned, World, outcomes, world

P1 = {"incident_severity": "P1"}
P2 = {"incident_severity": "P2"}
P3 = {"incident_severity": "P3"}


def refused(gate: GateView) -> list[str]:
    """Why answers did not count."""
    return [str(decision.note) for decision in gate.decisions if not decision.accepted]


async def test_an_answer_by_update_decides_and_is_kept(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P3)
        opened = await w.until_open(run, "ask")
        reply = await w.answer(
            run, "approved", "approver", reason="looks right", digest=opened.digest, host="laptop"
        )
        view = await w.runs.result(run)
        late = await w.approve(run, "ask")
    assert (reply.accepted, reply.state) == (True, "approved")
    assert view.outputs == {"said": "go by approver"}
    [decision] = view.gates["ask"].decisions
    assert (decision.approver_id, decision.source) == ("approver", "cli")
    assert (decision.reason, decision.host, decision.digest) == (
        "looks right", "laptop", view.digest,
    )  # fmt: skip
    assert (late.accepted, late.state) == (False, "closed")


async def test_answers_that_do_not_count_are_told_why_and_change_nothing(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P3, actor=Actor(name="starter", source="cli"))
        await w.until_open(run, "ask")
        reasons = [
            (await w.answer(run, *answer, **more)).reason
            for answer, more in (
                (("approved", "nobody"), {}),
                (("approved", "bot"), {}),
                (("approved", "starter"), {}),
                (("perhaps", "approver"), {}),
                (("approved", "approver"), {"digest": "0" * 64}),
                (("approved", "approver", "no-such-gate"), {}),
                (("approved", "approver", "also"), {}),
            )
        ]
        still = await w.runs.view(run)
        rejected = await w.answer(run, "rejected", "approver", reason="not now")
        again = await w.approve(run, "ask")
        view = await w.runs.result(run)
        history = await w.runs.history(run)
    for reason, words in zip(
        reasons,
        ("none of the roles", "agent", "started this run", "no decision", "digest", "no gate",
         "not open yet"),
        strict=True,
    ):  # fmt: skip
        assert words in reason
    assert still.gates["ask"].state == "pending"
    assert len(refused(still.gates["ask"])) == 5
    assert (rejected.accepted, rejected.state, again.accepted) == (True, "rejected", False)
    assert (view.status, view.outputs) == ("rejected", {"said": "nothing"})
    answers = [entry for entry in history if entry.event == "gate.refused"]
    assert len(answers) >= 7
    assert {entry.who for entry in answers} >= {"nobody", "bot", "starter"}


async def test_the_initiator_of_a_solo_run_may_answer(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P3, actor=Actor(name="starter"), solo=True)
        await w.until_open(run, "ask")
        reply = await w.approve(run, by="starter")
        view = await w.runs.result(run)
    assert reply.accepted, reply
    assert (view.status, view.solo, view.initiator) == ("succeeded", True, "starter")
    assert view.gates["ask"].decisions[0].solo


async def test_who_started_a_run_may_not_answer_it_by_any_way_in(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.parent", actor=Actor(name="starter"))
        await w.until_open(run, "one/ask")
        by_update = await w.approve(f"{run}/one", "ask", by="starter")
        through_parent = await w.approve(run, "one/ask", by=" Starter ")
        for of, gate in ((run, "one/ask"), (f"{run}/one", "ask")):
            answer = {"decision": "approved", "approverId": "starter", "gate": gate}
            await w.client.get_workflow_handle(of).signal("approval", answer)
        accepted = await w.approve(run, "one/ask")
        view = await w.until_open(run, "each[0]/ask")
        await w.runs.cancel(run)
        await w.runs.result(run)
    assert "started this run" in by_update.reason
    assert "started this run" in through_parent.reason
    assert accepted.accepted
    assert len([why for why in refused(view.gates["one/ask"]) if "started this run" in why]) == 4


async def test_two_gates_are_open_at_once_and_answered_one_by_one(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P2)
        await w.until_open(run, "ask", "also")
        which = await w.approve(run)
        first = await w.approve(run, "also")
        between = await w.runs.view(run)
        last = await w.approve(run)
        view = await w.runs.result(run)
    assert not which.accepted
    assert "also" in which.reason
    assert "ask" in which.reason
    assert (first.state, last.state) == ("approved", "approved")
    assert [between.gates[gate].state for gate in ("ask", "also")] == ["pending", "approved"]
    assert outcomes(view)["go"] == "succeeded"


async def test_an_answer_by_signal_from_the_command_line_of_temporal(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P2)
        await w.until_open(run, "ask", "also")
        shown = await state_of(w, run)
        for gate, approver in (("also", "nobody"), ("also", "approver")):
            answer = {"decision": "approved", "approverId": approver, "gate": gate}
            await signal(w, run, answer)
        await w.until(run, lambda view: view.gates["also"].state == "approved")
        await signal(w, run, {"decision": "approved", "approverId": "approver"})
        view = await w.runs.result(run)
    assert shown["ask"]["state"] == "pending"
    assert shown["ask"]["approvers"] == ["incident-approver"]
    assert view.status == "succeeded"
    assert "none of the roles" in refused(view.gates["also"])[0]
    assert view.gates["ask"].decisions[0].source == "temporal"


async def test_an_answer_by_update_from_the_command_line_of_temporal(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P3)
        await w.until_open(run, "ask")
        answer = json.dumps({"gate": "ask", "decision": "rejected", "approverId": "approver"})
        printed = await w.temporal(
            "workflow", "update", "execute", "-w", run, "--name", "decide", "-i", answer, "-o",
            "json",
        )  # fmt: skip
        view = await w.runs.result(run)
    assert json.loads(printed)["result"] == {
        "accepted": True, "state": "rejected", "reason": "the gate ask is rejected",
    }  # fmt: skip
    assert view.status == "rejected"


@pytest.mark.parametrize("payload", ["[1]", '"approved"', '{"decision": 1}', "{}", "null"])
async def test_a_malformed_answer_is_answered_and_recorded(client: Client, payload: str) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P3)
        await w.until_open(run, "ask")
        handle = w.client.get_workflow_handle(run)
        reply = await handle.execute_update("decide", json.loads(payload))
        await handle.signal("approval", json.loads(payload))
        approved = await w.approve(run)
        view = await w.runs.result(run)
        history = await w.runs.history(run)
    assert reply["accepted"] is False
    assert "decision and approverId" in reply["reason"]
    assert (approved.accepted, view.status) == (True, "succeeded")
    assert len([entry for entry in history if entry.event == "gate.refused"]) == 2


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (b"json/plain", b'{"decision": "\xff", "approverId": "approver"}'),
        (b"json/plain", b'{"decision": "approved", "approverId": "approver", "x": ' + b"[" * 9_999),
        (b"json/plain", b'"\xff"'),
        (b"json/plain", b"[" * 9_999),
        (b"json/plain", b""),
        (b"binary/zlib", b"this was never compressed"),
        (b"binary/encrypted", b"by whoever has the key"),
    ],
)
async def test_what_nobody_can_read_is_refused_and_ends_no_run(
    client: Client, encoding: bytes, data: bytes
) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P3)
        await w.until_open(run, "ask")
        handle = w.client.get_workflow_handle(run)
        odd = RawValue(Payload(metadata={"encoding": encoding}, data=data))
        for name in ("approval", "no-step-waits-for-it", "harmony.gates"):
            await handle.signal(name, odd)
        reply = await handle.execute_update("decide", odd)
        approved = await w.approve(run)
        view = await w.runs.result(run)
    assert reply["accepted"] is False
    assert "decision and approverId" in reply["reason"]
    assert (approved.accepted, view.status) == (True, "succeeded")


async def test_time_that_runs_out_escalates_and_the_next_roles_answer(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P1)
        await w.until(run, lambda v: "ask" in v.gates and bool(v.gates["ask"].escalations))
        first = await w.approve(run, "ask", by="approver")
        second = await w.approve(run, "ask", by="manager")
        view = await w.runs.result(run)
    assert not first.accepted
    assert second.accepted
    assert view.outputs == {"said": "go by manager"}
    assert view.gates["ask"].escalations[0]["approvers"] == ["incident-manager"]


async def test_with_no_one_left_to_ask_it_is_timed_out_for_good(client: Client) -> None:
    async with world(client) as w:
        view = await w.run("flow.gate", context=P1)
    gate = view.gates["ask"]
    assert (view.status, outcomes(view)["ask"], gate.state) == (
        "timed_out", "timed_out", "timed_out",
    )  # fmt: skip
    assert len(gate.escalations) == 1
    assert gate.decisions[-1].decision == "rejected"


async def test_a_gate_that_is_answered_leaves_no_timer_behind(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.late", context=P1)
        await w.until_open(run, "ask")
        await w.approve(run, "ask")
        view = await w.runs.result(run)
    assert (view.status, view.gates["ask"].state) == ("succeeded", "approved")
    assert view.gates["ask"].escalations == ()


async def test_an_answer_before_any_worker_had_the_run_is_kept(client: Client) -> None:
    """The signal is there when the run's first task is: no gate is open, and it is recorded."""
    async with world(client, Canned()) as w:
        run = await w.start("flow.gate", context=P3)
        await w.client.get_workflow_handle(run).signal(
            "approval", {"decision": "approved", "approverId": "approver", "gate": "also"}
        )
        await w.until_open(run, "ask")
        await w.approve(run)
        view = await w.runs.result(run)
        history = await w.runs.history(run)
    assert view.status == "succeeded"
    assert "gate.refused" in [entry.event for entry in history]


async def test_answers_that_come_together_are_one_decision(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", context=P3)
        await w.until_open(run, "ask")
        replies = await asyncio.gather(
            *(w.answer(run, decision, "approver") for decision in ("approved", "rejected") * 3)
        )
        view = await w.runs.result(run)
    assert sum(reply.accepted for reply in replies) == 1
    assert len([d for d in view.gates["ask"].decisions if d.accepted]) == 1


async def state_of(w: World, run: str) -> dict[str, dict[str, object]]:
    printed = await w.temporal(
        "workflow", "query", "-w", run, "--type", "approvalState", "-o", "json"
    )
    gates: dict[str, dict[str, object]] = json.loads(printed)["queryResult"][0]["gates"]
    return gates


async def signal(w: World, run: str, answer: dict[str, str]) -> None:
    await w.temporal(
        "workflow", "signal", "-w", run, "--name", "approval", "-i", json.dumps(answer)
    )
