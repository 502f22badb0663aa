"""Sequences, side by side, loops, undo, finally, cancellation, time limits."""

import asyncio

import pytest

from engine.temporal.client import Client, RunFilter
from tests.canned import Canned, outcomes, text_of, world


async def test_steps_run_one_after_another_and_side_by_side(client: Client) -> None:
    async with world(client) as w:
        view = await w.run("flow.sequence", {"word": "hello"})
    assert view.status == "succeeded", view
    assert view.outputs == {"both": "hello left, 1"}
    assert outcomes(view) == dict.fromkeys(["first", "left", "right", "joined"], "succeeded")
    assert view.steps["first"].runner == "canned"


async def test_data_with_template_marks_is_never_evaluated_again(client: Client) -> None:
    """It goes through an input, a step's output, another step's input, and the run's outputs."""
    async with world(client) as w:
        view = await w.run("flow.sequence", {"word": "{{ 7 * 7 }}{% raw %}"})
    assert view.outputs["both"] == "{{ 7 * 7 }}{% raw %} left, 1"


async def test_a_retried_step_keeps_its_idempotency_key(client: Client) -> None:
    async with world(client) as w:
        view = await w.run("flow.sequence", {"failures": 2})
    attempts = [call for call in w.canned.calls if call.step == "right"]
    assert [call.attempt for call in attempts] == [1, 2, 3]
    assert len({call.idempotency_key for call in attempts}) == 1
    assert view.steps["right"].attempts == 3


async def test_a_failure_undoes_last_first_and_finally_runs(client: Client) -> None:
    async with world(client) as w:
        view = await w.run("flow.undo", {"failures": 9})
    assert view.status == "failed"
    assert view.error is not None
    assert view.error.code == "BROKEN"
    assert view.undone == ("each[1]", "each[0]", "first"), view
    assert [step for step in w.canned.steps() if step.startswith("undo/")] == [
        "undo/each[1]", "undo/each[0]", "undo/first",
    ]  # fmt: skip
    assert text_of(view, "finally/tell") == "slow succeeded, risky failed"


async def test_cancelling_stops_what_runs_undoes_and_ends_cancelled(client: Client) -> None:
    async with world(client, Canned(open={"slow": asyncio.Event()})) as w:
        run = await w.start("flow.undo", {"seconds": 60})
        await w.until(run, lambda view: outcomes(view).get("slow") == "running")
        await w.runs.cancel(run)
        view = await w.runs.result(run)
        description = await w.client.get_workflow_handle(run).describe()
        listed = await w.runs.list(RunFilter(blueprint="flow.undo", status="cancelled"))
    assert description.status is not None
    assert description.status.name == "CANCELED"
    assert view.status == "cancelled"
    assert view.steps["slow"].outcome == "cancelled"
    assert view.undone == ("each[1]", "each[0]", "first")
    assert text_of(view, "finally/tell").startswith("slow cancelled")
    assert run in [each.run for each in listed]


async def test_a_run_past_its_time_is_stopped(client: Client) -> None:
    async with world(client, Canned(open={"slow": asyncio.Event()})) as w:
        view = await w.run("flow.short")
    assert view.status == "failed"
    assert view.error is not None
    assert view.error.code == "RUN_TIMED_OUT"
    assert view.undone == ("first",)
    assert text_of(view, "finally/tell") == "slow cancelled"


@pytest.mark.parametrize(
    ("inputs", "code"),
    [({"failures": "no"}, "INPUTS"), ({"unknown": 1}, "INPUTS")],
)
async def test_wrong_inputs_fail_the_run_with_a_code(
    client: Client, inputs: dict[str, object], code: str
) -> None:
    async with world(client) as w:
        view = await w.run("flow.undo", inputs)
    assert (view.status, view.error and view.error.code) == ("failed", code)
