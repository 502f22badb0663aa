"""A run that goes on in a new history: nothing is lost, nothing is run twice."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    StartWorkflowUpdateInput,
    WorkflowUpdateHandle,
)
from temporalio.service import RPCError, RPCStatusCode

from engine.interpreter import under_way
from engine.messages import Decide
from engine.temporal.client import Client, Runs
from tests.canned import Canned, World, outcomes, text_of, world

LIMIT = 60


async def test_in_the_middle_of_a_loop_every_item_runs_once(client: Client) -> None:
    async with world(client, Canned(continue_after=25)) as w:
        run = await w.start("flow.loop", {"items": list(range(100))})
        await w.client.get_workflow_handle(run).signal("go-on")
        await w.until_open(run, "ask")
        await w.approve(run)
        view = await w.runs.result(run)
        histories = await w.histories(run)
        history = await w.runs.history(run)
        listed = [found.run for found in await w.runs.list()]
    assert view.outputs["count"] == 100
    assert view.outputs["sum"] == sum(range(100))
    assert Counter(w.canned.steps()) == Counter(f"each[{index}]" for index in range(100))
    assert len(histories) > 4
    assert max(len(each.events) for each in histories) < 200
    assert [entry.event for entry in history].count("run.started") == 1
    assert listed.count(run) == 1


async def test_in_the_middle_of_a_gate_it_stays_open_with_its_deadline(client: Client) -> None:
    async with world(client, Canned(continue_after=25)) as w:
        run = await w.start("flow.loop", {"items": list(range(40))})
        opened = await w.until_open(run, "ask")
        refused = await w.approve(run, by="nobody")
        later = await w.until(run, lambda view: outcomes(view)["each"] == "succeeded")
        count = len(await w.histories(run))
        reply = await w.approve(run)
        await w.client.get_workflow_handle(run).signal("go-on", 1)
        view = await w.runs.result(run)
    assert count > 2
    assert later.gates["ask"].state == "pending"
    assert later.gates["ask"].asked_at == opened.gates["ask"].asked_at
    assert later.gates["ask"].deadline == opened.gates["ask"].deadline
    assert not refused.accepted
    assert [decision.accepted for decision in view.gates["ask"].decisions] == [False, True]
    assert reply.accepted
    assert view.status == "succeeded"


async def test_answers_while_histories_change_are_never_lost(client: Client) -> None:
    """Twenty refused answers while a loop runs: each is answered, each is kept."""
    async with world(client, Canned(continue_after=15)) as w:
        run = await w.start("flow.loop", {"items": list(range(80))})
        await w.until_open(run, "ask")
        names = [f"nobody-{index}" for index in range(20)]
        replies = [await w.answer(run, "approved", name, "ask") for name in names]
        signals = w.client.get_workflow_handle(run)
        await signals.signal("go-on", "x")
        await w.approve(run)
        view = await w.runs.result(run)
    assert not any(reply.accepted for reply in replies)
    who = [d.approver_id for d in view.gates["ask"].decisions]
    assert who == [*names, "approver"]
    assert view.outputs["payload"] == "x"


class BetweenHistories(Interceptor):
    """Answers the first three updates as a server does that has no history to put them into."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str | None] = []

    def intercept_client(
        self,
        next: OutboundInterceptor,  # noqa: A002 (the SDK's name)
    ) -> OutboundInterceptor:
        sent = self.sent

        class Refusing(OutboundInterceptor):
            async def start_workflow_update(
                self,
                input: StartWorkflowUpdateInput,  # noqa: A002 (the SDK's name)
            ) -> WorkflowUpdateHandle[Any]:
                sent.append(input.update_id)
                if len(sent) <= 3:
                    text = "Unable to perform workflow execution update"
                    raise RPCError(text, RPCStatusCode.FAILED_PRECONDITION, b"")
                return await super().start_workflow_update(input)

        return Refusing(next)


async def test_an_answer_that_comes_between_two_histories_is_sent_again(client: Client) -> None:
    between = BetweenHistories()
    asking = Client(
        client.service_client, data_converter=client.data_converter, interceptors=[between]
    )
    async with world(client) as w:
        run = await w.start("flow.gate", context={"incident_severity": "P3"})
        await w.until_open(run, "ask")
        answer = Decide(decision="approved", approver_id="approver", gate="ask", source="cli")
        reply = await Runs(asking, task_queue=w.queue).decide(run, answer)
        view = await w.runs.result(run)
    assert reply.accepted
    assert len(view.gates["ask"].decisions) == 1
    assert len(between.sent) == 4
    assert len(set(between.sent)) == 1


async def test_a_run_is_listed_as_begun_with_its_first_history(client: Client) -> None:
    async with world(client, Canned(continue_after=12)) as w:
        run = await w.start("flow.undo")
        view = await w.runs.result(run)
        [listed] = [each for each in await w.runs.list() if each.run == run]
        last = await client.get_workflow_handle(run).describe()
    first = view.steps["first"].started_at
    assert first is not None
    assert listed.started_at <= datetime.fromisoformat(first) < last.start_time


async def test_what_is_undone_is_known_in_the_next_history(client: Client) -> None:
    async with world(client, Canned(continue_after=12)) as w:
        view = await w.run("flow.undo", {"failures": 9})
    assert view.status == "failed"
    assert view.undone == ("each[1]", "each[0]", "first")
    assert Counter(w.canned.steps()).most_common(1)[0][1] == 1


async def test_a_run_that_continued_is_cancelled_like_any_other(client: Client) -> None:
    slow = asyncio.Event()
    async with world(client, Canned(continue_after=8, open={"slow": slow})) as w:
        run = await w.start("flow.undo", {"seconds": 60})
        await w.until(run, lambda view: outcomes(view).get("slow") == "running")
        await w.runs.cancel(run)
        view = await w.runs.result(run)
        description = await w.client.get_workflow_handle(run).describe()
        count = len(await w.histories(run))
    assert count > 1
    assert view.status == "cancelled"
    assert description.status is not None
    assert description.status.name == "CANCELED"
    assert view.undone == ("each[1]", "each[0]", "first")


async def test_a_cancellation_that_comes_with_the_end_of_a_history_is_not_lost(
    client: Client,
) -> None:
    """With no worker there, one task has all of it: the history is full, and the run cancelled."""
    async with world(client, Canned(continue_after=25)) as w:
        run = await w.start("flow.gate", context={"incident_severity": "P3"})
        await w.until_open(run, "ask")
    handle = client.get_workflow_handle(run)
    for _ in range(25):
        await handle.signal("no-step-waits-for-it")
    await handle.cancel()
    async with world(client, Canned(continue_after=25), queue=w.queue) as w:
        async with asyncio.timeout(LIMIT):
            view = await w.runs.result(run)
    assert view.status == "cancelled"


async def test_the_time_of_a_run_counts_from_its_first_history(client: Client) -> None:
    slow = asyncio.Event()
    async with world(client, Canned(continue_after=15, open={"slow": slow})) as w:
        run = await w.start("flow.late-end")
        view = await w.runs.result(run)
        count = len(await w.histories(run))
        started, *_ = await w.runs.history(run)
    [call] = [call for call in w.canned.calls if call.step == "slow"]
    limit = moment(call.deadline) - moment(started.at)
    assert count > 1
    assert view.error is not None, view
    assert (view.status, view.error.code) == ("failed", "RUN_TIMED_OUT")
    assert outcomes(view)["slow"] == "cancelled"
    assert limit.total_seconds() < 6.5, "however long it was held back"
    assert view.undone == ("first",)
    assert text_of(view, "finally/tell") == "slow cancelled"


async def test_children_that_were_held_back_have_the_time_that_is_left(client: Client) -> None:
    slow = asyncio.Event()
    async with world(client, Canned(continue_after=25, open={"slow": slow})) as w:
        run = await w.start("flow.late-children")
        await holding_back(w, run)
        await w.until(run, lambda view: outcomes(view)["pause"] == "succeeded")
        slow.set()
        view = await w.runs.result(run)
        begins = [(await w.histories(f"{run}/each[{index}]"))[0].events[0] for index in range(10)]
    assert view.status == "succeeded", view
    starts = [event.event_time.ToMilliseconds() for event in begins]
    assert max(starts) - min(starts) > 3_000
    ends = [start + limit_of(event) for start, event in zip(starts, begins, strict=True)]
    assert max(ends) - min(ends) < 2_000, "all end with their parent"


def limit_of(started: HistoryEvent) -> int:
    """The milliseconds that a child was given."""
    [payload] = started.workflow_execution_started_event_attributes.input.payloads
    return int(msgspec.json.decode(payload.data)["timeoutMs"])


async def test_calls_held_back_for_a_new_history_are_stopped_and_the_run_goes_on(
    client: Client,
) -> None:
    """Cancelled while a long call keeps the loop's next items waiting for the new history: they
    never start, and undo and `finally` run in it."""
    slow = asyncio.Event()
    async with world(client, Canned(continue_after=25, open={"slow": slow})) as w:
        run = await w.start("flow.held")
        await holding_back(w, run)
        await w.runs.cancel(run)
        view = await w.runs.result(run)
        count = len(await w.histories(run))
    steps = Counter(w.canned.steps())
    items = sum(step.startswith("each[") for step in steps)
    assert view.status == "cancelled", view
    assert 0 < items < 20
    assert view.steps["each"].attempts == items
    assert set(steps.values()) == {1}
    assert view.undone == ("first",)
    assert text_of(view, "finally/tell") == "slow cancelled, each cancelled"
    assert count == 2


async def test_calls_held_back_go_on_when_patience_is_lost(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The long call ends only after the loop, which so goes on in the same history."""
    monkeypatch.setattr(under_way, "PATIENCE", timedelta(milliseconds=300))
    slow = asyncio.Event()
    async with world(client, Canned(continue_after=40, open={"slow": slow})) as w:
        run = await w.start("flow.held")
        await holding_back(w, run)
        await w.until(run, lambda view: outcomes(view)["each"] == "succeeded", LIMIT)
        slow.set()
        view = await w.runs.result(run)
    assert view.status == "succeeded", view
    assert set(Counter(w.canned.steps()).values()) == {1}


async def holding_back(w: World, run: str) -> None:
    """Return once the run holds calls back for a new history."""

    async def timers() -> int:
        events = (await w.client.get_workflow_handle(run).fetch_history()).events
        return sum(event.HasField("timer_started_event_attributes") for event in events)

    async with asyncio.timeout(LIMIT):
        async for _ in w.runs.follow(run):
            if await timers():
                return
    raise AssertionError(f"{run} ended before it held anything back")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
