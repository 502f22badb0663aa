"""Every kept history replays with the workflow as it is now, and ends as it did."""

from collections import Counter
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from engine.interpreter.workflow import Run
from engine.temporal import past_runs
from engine.temporal.converter import DATA_CONVERTER
from engine.temporal.worker import WORKFLOW_RUNNER
from tests.replay.recording import KEPT, KINDS

ENDS = {
    "sequence": "succeeded",
    "retries": "succeeded",
    "gates": "succeeded",
    "escalation": "timed_out",
    "loop": "succeeded",
    "child": "succeeded",
    "undo": "failed",
    "cancelled": "cancelled",
    "out_of_time": "failed",
    "continued": "succeeded",
    "recorded": "succeeded",
}


def kept() -> list[Path]:
    return sorted(KEPT.glob("*.json"))


def read(path: Path) -> WorkflowHistory:
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    started = history.events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(started.workflow_id, history.events)


def test_every_kind_is_kept() -> None:
    counts = Counter(path.stem.rpartition("-")[0] for path in kept())
    assert counts.keys() == KINDS.keys()
    assert counts["continued"] > 1


@pytest.mark.parametrize("path", kept(), ids=lambda path: path.stem)
async def test_it_replays(path: Path) -> None:
    replayer = Replayer(
        workflows=[Run], workflow_runner=WORKFLOW_RUNNER, data_converter=DATA_CONVERTER
    )
    await replayer.replay_workflow(read(path))


@pytest.mark.parametrize("kind", ENDS)
async def test_it_ends_as_it_did(kind: str) -> None:
    last = max(KEPT.glob(f"{kind}-*.json"), key=lambda path: int(path.stem.rpartition("-")[2]))
    replayed = await past_runs.replay(read(last))
    assert replayed is not None
    view = past_runs.view_of(replayed)
    assert view is not None
    assert view.status == ENDS[kind]


async def test_a_history_that_does_not_fit_is_noticed() -> None:
    """The replays above would say nothing, if the replayer passed whatever it is given."""
    text = (KEPT / "sequence-0.json").read_text()
    assert '"run_step"' in text
    history = WorkflowHistory.from_json("other", text.replace('"run_step"', '"another"'))
    assert await past_runs.replay(history) is None
