"""Signals that steps wait for: early, late, of any payload."""

import json

from engine.temporal.client import Client
from tests.canned import Canned, outcomes, world


async def test_signals_are_taken_in_their_order_early_ones_too(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.signals")
        for word in ("one", "two"):
            await w.temporal(
                "workflow", "signal", "-w", run, "--name", "word", "-i", json.dumps(word)
            )
        view = await w.runs.result(run)
    assert view.outputs == {"words": ["one", "two"], "never": "timed_out"}
    assert view.status == "succeeded"


async def test_a_signal_without_payload_is_null_and_any_json_is_kept(client: Client) -> None:
    async with world(client) as w:
        run = await w.start("flow.signals")
        handle = w.client.get_workflow_handle(run)
        await handle.signal("word")
        await w.until(run, lambda view: outcomes(view).get("second") == "running")
        await handle.signal("word", {"a": [1, None]})
        view = await w.runs.result(run)
    assert view.outputs["words"] == [None, {"a": [1, None]}]


async def test_early_signals_survive_a_new_history(client: Client) -> None:
    async with world(client, Canned(continue_after=25)) as w:
        run = await w.start("flow.loop", {"items": list(range(60))})
        await w.client.get_workflow_handle(run).signal("go-on", {"from": "early"})
        await w.until(run, lambda view: outcomes(view).get("each") == "succeeded")
        await w.approve(run)
        view = await w.runs.result(run)
        histories = await w.histories(run)
    assert view.outputs == {"count": 60, "sum": sum(range(60)), "payload": {"from": "early"}}
    assert len(histories) > 2
