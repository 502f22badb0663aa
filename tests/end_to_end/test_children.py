"""Blueprints that run blueprints: their gates, loops of them, their ends."""

import asyncio

import msgspec

from engine.interpreter.gates import CHILD_GATES, ChildGates
from engine.temporal.client import Client
from tests.canned import Canned, outcomes, world


async def test_a_childs_gates_are_listed_with_the_parents_and_answered_through_it(
    client: Client,
) -> None:
    async with world(client) as w:
        run = await w.start("flow.parent")
        opened = await w.until_open(run, "one/ask")
        refused = await w.approve(run, "one/ask", by="nobody")
        unknown = await w.approve(run, "one/other")
        accepted = await w.approve(run, "one/ask")
        looped = await w.until_open(run, "each[0]/ask", "each[1]/ask")
        ambiguous = await w.approve(run)
        rejected = await w.answer(run, "rejected", "approver", "each[1]/ask")
        alone = await w.approve(run)
        assert alone.accepted, alone
        view = await w.runs.result(run)
    assert opened.gates["one/ask"].workflow_id == f"{run}/one"
    assert "none of the roles" in refused.reason
    assert (unknown.accepted, accepted.accepted, rejected.accepted) == (False, True, True)
    assert looped.gates["one/ask"].state == "approved"
    assert ambiguous.reason == "say which gate; open: each[0]/ask, each[1]/ask"
    assert "(open: one/ask)" in unknown.reason
    assert view.outputs["one"] == {"done": "alone", "times": 3}
    assert {key: gate.state for key, gate in view.gates.items()} == {
        "one/ask": "approved", "each[0]/ask": "approved", "each[1]/ask": "rejected",
    }  # fmt: skip
    assert outcomes(view)["one"] == "succeeded"
    assert outcomes(view)["each"] == "failed"
    assert view.status == "failed"


async def test_a_loop_of_children_gives_a_list_of_their_outputs(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.parent")
        for gate in ("one/ask", "each[1]/ask", "each[0]/ask"):
            await w.until_open(run, gate)
            assert (await w.approve(run, gate)).accepted
        view = await w.runs.result(run)
        listed = [run.run for run in await w.runs.list()]
    assert view.status == "succeeded", view
    assert view.outputs["each"] == [{"done": "a", "times": 1}, {"done": "b", "times": 1}]
    assert {run, f"{run}/one", f"{run}/each[0]"} <= set(listed)


async def test_cancelling_the_parent_cancels_the_child_and_closes_its_gate(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.parent")
        await w.until_open(run, "one/ask")
        await w.runs.cancel(run)
        view = await w.runs.result(run)
        child = await w.runs.view(f"{run}/one")
        late = await w.approve(run, "one/ask")
    assert (view.status, child.status) == ("cancelled", "cancelled")
    assert outcomes(view)["one"] == "cancelled"
    assert view.gates["one/ask"].state == "cancelled"
    assert not late.accepted


async def test_a_childs_gate_answered_at_the_child_is_seen_at_the_parent(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.parent")
        await w.until_open(run, "one/ask")
        reply = await w.approve(f"{run}/one", "ask")
        view = await w.until_open(run, "each[0]/ask")
        await w.runs.cancel(run)
        await w.runs.result(run)
    assert reply.accepted
    assert view.gates["one/ask"].state == "approved"


async def test_a_childs_gate_that_was_answered_is_closed_at_once_and_for_good(
    client: Client,
) -> None:
    async with world(client) as w:
        run = await w.start("flow.parent")
        await w.until_open(run, "one/ask")
        await w.approve(run, "one/ask")
        opened = await w.until_open(run, "each[0]/ask", "each[1]/ask")
        before = ChildGates(step="each[1]", gates={"ask": opened.gates["each[1]/ask"]})
        rejected = await w.answer(run, "rejected", "approver", "each[1]/ask")
        await client.get_workflow_handle(run).signal(CHILD_GATES, before)  # told before, come late
        alone = await w.approve(run)
        assert (rejected.accepted, alone.accepted) == (True, True), alone
        view = await w.runs.result(run)
    assert view.gates["each[0]/ask"].state == "approved"
    assert view.gates["each[1]/ask"].state == "rejected"


async def test_a_run_goes_on_in_new_histories_while_a_child_waits(client: Client) -> None:
    async with world(client, Canned(continue_after=30)) as w:
        run = await w.start("flow.beside", {"items": list(range(40))})
        await w.until(run, lambda view: outcomes(view).get("more") == "succeeded")
        assert len(await w.histories(run)) > 2
        waiting = await w.until_open(run, "child/ask")
        reply = await w.approve(run, "child/ask")
        view = await w.runs.result(run)
        history = await w.runs.history(run)
    assert outcomes(waiting)["child"] == "running"
    assert reply.accepted, reply
    assert view.outputs == {"child": "beside", "count": 80}, view
    assert view.gates["child/ask"].state == "approved"
    ended = [entry.step for entry in history if entry.event == "step.succeeded"]
    assert sorted(str(step) for step in ended) == ["child", "each", "more"]


async def test_a_child_of_an_earlier_history_is_cancelled_with_its_parent(client: Client) -> None:
    async with world(client, Canned(continue_after=30)) as w:
        run = await w.start("flow.beside", {"items": list(range(40))})
        await w.until(run, lambda view: outcomes(view).get("more") == "succeeded")
        await w.runs.cancel(run)
        view = await w.runs.result(run)
        child = await w.runs.view(f"{run}/child")
    assert (view.status, child.status) == ("cancelled", "cancelled")
    assert outcomes(view)["child"] == "cancelled"


async def test_a_child_is_cancelled_with_a_parent_whose_history_is_full(client: Client) -> None:
    """With no worker there, one task has all of it, and the next history begins at once."""
    async with world(client, Canned(continue_after=45)) as w:
        run = await w.start("flow.parent")
        await w.until_open(run, "one/ask")
    handle = client.get_workflow_handle(run)
    for _ in range(45):
        await handle.signal("no-step-waits-for-it")
    await handle.cancel()
    async with world(client, Canned(continue_after=45), queue=w.queue) as w:
        async with asyncio.timeout(60):
            view = await w.runs.result(run)
            child = await w.runs.view(f"{run}/one")
    assert (view.status, child.status) == ("cancelled", "cancelled")


async def test_an_answer_that_a_childs_run_cannot_be_given_is_refused_and_ends_nothing(
    client: Client,
) -> None:
    async with world(client) as w:
        run = await w.start("flow.parent")
        opened = await w.until_open(run, "one/ask")
        lost = msgspec.structs.replace(opened.gates["one/ask"], workflow_id=f"{run}/lost")
        told = ChildGates(step="lost", gates={"ask": lost})
        await client.get_workflow_handle(run).signal(CHILD_GATES, told)
        await w.until_open(run, "lost/ask")
        refused = await w.approve(run, "lost/ask")
        accepted = await w.approve(run, "one/ask")
        view = await w.until_open(run, "each[0]/ask")
        await w.runs.cancel(run)
        await w.runs.result(run)
    assert not refused.accepted
    assert f"{run}/lost" in refused.reason
    assert accepted.accepted
    assert view.status == "running"
