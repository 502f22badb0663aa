"""How runs are started, also without the engine's client, and how they end in Temporal."""

import base64
import json
import os
import uuid
from typing import Any

import pytest

from engine.errors import RunRefused
from engine.interpreter.starting import ChildStart, Continued
from engine.language.planner import compile_blueprint
from engine.messages import CompiledRun, RunView, StartArguments, StepCall
from engine.plan import Json, encode
from engine.temporal.client import Client, RunFilter
from tests.canned import Canned, World, outcomes, world


async def started(w: World, blueprint: str, *more: str) -> str:
    run = f"typed-{uuid.uuid4().hex[:8]}"
    await w.temporal(
        "workflow", "start", "--type", blueprint, "--task-queue", w.queue, "-w", run, *more
    )
    return run


async def test_a_run_started_by_temporals_command_line_with_plain_json(client: Client) -> None:
    start = {
        "inputs": {"word": "typed"},
        "context": {"incident_id": "INC-1", "incident_severity": "P2"},
    }
    async with world(client) as w:
        run = await started(w, "flow.sequence", "-i", json.dumps(start))
        view = await w.runs.result(run)
        listed = await w.runs.list(RunFilter(incident="INC-1", status="succeeded"))
        printed = await w.temporal("workflow", "result", "-w", run, "-o", "json")
    assert view.outputs["both"] == "typed left, 1"
    assert [(each.run, each.severity) for each in listed] == [(run, "P2")]
    result = json.loads(printed)["result"]
    assert (result["status"], result["outputs"]) == ("succeeded", {"both": "typed left, 1"})


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ((), "one object that has inputs and context"),
        (('"word"',), "Expected `object`, got `str`"),
        (("[]",), "Expected `object`, got `array`"),
        (('{"input": {}}',), "`input` is not one of its keys"),
        (('{"inputs": []}',), "$.inputs"),
        (('{"inputs": {}}', '{"context": {}}'), "not with 2 arguments"),
        (('{"inputs": {"harmony": 1}}',), "harmony"),
    ],
)
async def test_wrong_start_arguments_fail_the_run_with_a_reason(
    client: Client, inputs: tuple[str, ...], words: str
) -> None:
    async with world(client) as w:
        given = [part for value in inputs for part in ("-i", value)]
        run = await started(w, "flow.sequence", *given)
        view = await w.runs.result(run)
        description = await w.client.get_workflow_handle(run).describe()
    assert description.status is not None
    assert description.status.name == "FAILED"
    assert view.status == "failed"
    assert view.error is not None
    assert words in view.error.message
    assert w.canned.calls == []


async def test_no_client_brings_its_own_plan(client: Client) -> None:
    """What a parent gives its child, and a run its next history, is not taken from others."""
    async with world(client) as w:
        plan = compile_blueprint(w.canned.catalog, "flow.sequence")
        child = ChildStart(
            kind="child",
            plan=plan,
            inputs={},
            context={},
            initiator="manager",
            parent="p",
            step="s",
        )
        compiled = CompiledRun(plan=plan, initiator="manager")
        continued = Continued(kind="continued", compiled=compiled, snapshot={})
        views = []
        for index, forged in enumerate((child, continued)):
            run = f"forged-{index}-{w.queue}"
            await client.start_workflow("flow.sequence", forged, id=run, task_queue=w.queue)
            views.append(await w.runs.result(run))
    for view in views:
        assert view.error is not None
        assert "is not one of its keys" in view.error.message
    assert w.canned.calls == []


async def test_an_unknown_blueprint_fails_the_run_with_a_suggestion(client: Client) -> None:
    async with world(client) as w:
        view = await w.run("flow.sequense")
    assert (view.status, bool(view.error)) == ("failed", True)
    assert view.error is not None
    assert "flow.sequence" in view.error.message


async def test_an_answer_to_a_run_that_did_not_start_is_told_so(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate", {"word": 1})
        await w.runs.result(run)
        reply = await w.approve(run)
    assert (reply.accepted, reply.state) == (False, "closed")


async def test_runs_that_could_not_say_how_they_ended_are_listed_as_failed(client: Client) -> None:
    async with world(client) as w:
        refused = await w.start("flow.gate", {"word": 1})
        ended = await w.start("flow.gate")
        await w.until_open(ended, "ask")
        await client.get_workflow_handle(ended).terminate("enough")
        for run in (refused, ended):
            assert (await w.runs.result(run)).status == "failed"
        failed, running = [
            {each.run for each in await w.runs.list(RunFilter("flow.gate", status=status))}
            for status in ("failed", "running")
        ]
    assert {refused, ended} <= failed
    assert not {refused, ended} & running


async def test_an_id_that_is_taken_is_refused(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.gate")
        with pytest.raises(RunRefused, match="already under way") as refused:
            await w.runs.start("flow.gate", StartArguments(), run)
        await w.runs.cancel(run)
        await w.runs.result(run)
        with pytest.raises(RunRefused, match="nothing to cancel"):
            await w.runs.cancel(run)
    assert refused.value.code == "ID_TAKEN"


async def test_a_run_that_there_is_not(client: Client) -> None:
    async with world(client) as w:
        for asked in (w.runs.view("no-such"), w.runs.cancel("no-such"), w.approve("no-such")):
            with pytest.raises(RunRefused, match="There is no run no-such"):
                await asked


async def test_outputs_too_large_for_one_result_are_left_out_with_a_word(client: Client) -> None:
    def large(call: StepCall) -> Any:
        return {"text": f"{call.step} {'x' * 700_000}"}

    async with world(client, Canned(answer=large)) as w:
        run = await w.start("flow.large")
        view = await w.runs.result(run)
        handle = w.client.get_workflow_handle(run)
        result = await w.client.get_workflow_handle(run, result_type=RunView).result()
        description = await handle.describe()
    assert description.status is not None
    assert description.status.name == "COMPLETED"
    assert len(encode(result)) < 2_000_000
    assert "left out" in str(result.steps["a"].output)
    assert result.outputs == view.outputs == {"small": "succeeded"}
    assert outcomes(view)["each"] == "failed"
    assert view.steps["each"].error is not None
    assert view.steps["each"].error.code == "OUTPUT_TOO_LARGE"


async def test_large_inputs_side_by_side_are_more_than_one_message_to_the_server(
    client: Client,
) -> None:
    """Ten calls of 1 MB each: together they are more than the server takes, and ends a run for."""
    text = base64.b64encode(os.urandom(750_000)).decode()

    def answer(call: StepCall) -> Json:
        return {"text": text if call.step == "large" else f"{len(call.input['text'])}"}

    async with world(client, Canned(answer=answer)) as w:
        run = await w.start("flow.wide")
        opened = await w.until_open(run, "ask")
        look = await w.runs.look(run)
        await w.approve(run)
        view = await w.runs.result(run)
    assert opened.gates["ask"].state == "pending"
    assert look.answered
    assert look.view.steps["large"].output == {"text": text}
    assert view.outputs == {"lengths": [str(len(text))] * 10}
    assert w.canned.steps() == ["large", *(f"each[{index}]" for index in range(10))]


async def test_an_input_that_the_server_never_takes_fails_its_step(client: Client) -> None:
    """Three megabytes of what cannot be compressed: handed over, they would be refused for ever."""
    text = base64.b64encode(os.urandom(750_000)).decode()

    def answer(call: StepCall) -> Json:
        return {"text": text if call.step.startswith("large") else "small"}

    async with world(client, Canned(answer=answer)) as w:
        view = await w.run("flow.fat")
    assert outcomes(view) == {
        "large": "succeeded",
        "large-too": "succeeded",
        "fat": "failed",
        "child": "failed",
        "told": "succeeded",
    }
    for step, what in (("fat", "its input"), ("child", "the child's inputs")):
        failed = view.steps[step]
        assert failed.error is not None
        assert failed.error.code == "INPUT_TOO_LARGE"
        assert failed.error.message.startswith(what)
        assert failed.attempts == 0
    assert w.canned.steps() == ["large", "large-too", "told"]


async def test_without_search_attributes_the_memo_tells(client: Client) -> None:
    async with world(client, Canned(indexed=False)) as w:
        run = await started(
            w, "flow.sequence", "-i", '{"inputs": {}, "context": {"incident_id": "INC-2"}}'
        )
        await w.runs.result(run)
        listed = {
            each.run: each for each in await w.runs.list(RunFilter(blueprint="flow.sequence"))
        }
    assert (listed[run].incident, listed[run].status) == ("INC-2", "succeeded")


async def test_the_events_of_a_run_are_few(client: Client) -> None:
    """At most three more than a hand-written workflow has: six a step in a sequence."""
    async with world(client) as w:
        run = await w.start("flow.sequence")
        await w.runs.result(run)
        [history] = await w.histories(run)
    # Three calls one after another or side by side, 1 start, 3 of the first task, 1 end, and ours.
    assert len(history.events) <= 1 + 3 + 3 * 6 + 1 + 3
