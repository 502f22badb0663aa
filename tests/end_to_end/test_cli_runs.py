"""`start`, `list`, `status`, `history`, `cancel` and `worker`; what each says when it cannot."""

import signal
import time
from pathlib import Path

import pytest

from tests.end_to_end.command_line import Ended, Harmony, gone


async def test_a_run_is_started_looked_at_and_cancelled(harmony: Harmony) -> None:
    started = await harmony(
        "start", "test.hello", "--as", "alice", "-i", "name=Bob", "--severity", "P2",
        "--context", "incident_id=INC-2026-0001",
    )  # fmt: skip
    run = "test.hello-INC-2026-0001"
    assert (started.status, started.out) == (0, f"{run}\n"), started.err
    following = await harmony.begin("status", run, "--follow")
    await following.said(f"approve {run} ask --as NAME")
    shown = await harmony("status", run)
    assert shown.status == 0
    for text in ("started by alice", "Say it again to Bob?", "? ask      waiting", "? ask: "):
        assert text in shown.out
    assert (await harmony("status", run, "--json")).document["status"] == "running"
    listed = await harmony("list", "--incident", "INC-2026-0001", "--json")
    assert [(r["run"], r["status"], r["severity"]) for r in listed.document] == [
        (run, "running", "P2")
    ]
    cancelled = await harmony("cancel", run, "--as", "carol")
    assert cancelled.status == 0
    followed = await following.ended()
    assert followed.status == 0
    assert "✗ ask  cancelled" in followed.err
    history = await harmony("history", run, "--json")
    events = [entry["event"] for entry in history.document]
    assert events[0] == "run.started"
    for entry, who in ((history.document[0], "alice"), (of(history, "run.cancelled"), "carol")):
        assert (entry["who"], entry["source"]) == (who, "cli")
        assert entry["user"]
        assert entry["host"]
    words = await harmony("history", run)
    assert "[alice (cli, " in words.out.splitlines()[0]
    assert {"gate.opened", "run.ended"} <= set(events)
    again = await harmony("cancel", run)
    assert again.status == 2
    assert "nothing to cancel" in again.err


def of(history: Ended, event: str) -> dict[str, str]:
    """The one entry of this event."""
    [found] = [entry for entry in history.document if entry["event"] == event]
    return dict(found)


async def test_follow_json_is_a_line_for_each_change(harmony: Harmony) -> None:
    assert (await harmony("start", "flow.undo", "-i", "failures=9", "--id", "lines")).status == 0
    followed = await harmony("history", "lines", "--follow", "--json")
    lines = followed.out.splitlines()
    assert len(lines) > 5
    assert '"event":"run.ended"' in lines[-1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status", "nope"], "There is no run nope; `harmony list`"),
        (["history", "nope"], "There is no run nope"),
        (["cancel", "nope"], "There is no run nope"),
        (["approve", "nope", "--as", "bob"], "There is no run nope"),
        (["start", "flow.sequnce"], "did you mean 'flow.sequence'?"),
        (["run", "flow.sequence", "-i", "failures=no"], "inputs.failures: must be a whole number"),
        (["run", "flow.sequence", "-i", "wrd=x"], "did you mean 'word'?"),
        (["start", "flow.sequence", "-i", "word"], "write it as key=value"),
        (["run", "flow.sequence", "--severity", "P9"], "'P1', 'P2', 'P3', 'P4'"),
        (["run", "flow.sequence", "--id", "a\nb"], "choose one with --id"),
    ],
)
async def test_a_wrong_call_is_refused(harmony: Harmony, words: list[str], said: str) -> None:
    ended = await harmony(*words, "--json")
    assert ended.status == 2, ended.err
    assert said in ended.err
    assert ended.document["error"]["exitStatus"] == 2


@pytest.mark.parametrize(
    "words", [["start", "flow.sequence"], ["status", "x"], ["approve", "x"], ["list"]]
)
async def test_without_a_server_nothing_is_started(tmp_path: Path, words: list[str]) -> None:
    ended = await Harmony(tmp_path / "state")(*words)
    assert ended.status == 4
    assert "`harmony run` or `harmony worker`" in ended.err
    assert not (tmp_path / "state" / "server.json").exists()


async def test_a_worker_does_not_wait_for_a_state_folder_that_cannot_be_written() -> None:
    ended = await Harmony(Path("/dev/null/state"))("worker")
    assert ended.status == 4
    assert ended.err.count("choose another folder with --state") == 1
    assert "waiting" not in ended.err


async def test_a_cluster_that_is_away_is_said_within_ten_seconds(tmp_path: Path) -> None:
    harmony = Harmony(tmp_path / "state", TEMPORAL_ADDRESS="127.0.0.1:1")
    began = time.monotonic()
    ended = await harmony("run", "flow.sequence", "--json")
    assert ended.status == 4
    assert time.monotonic() - began < 10
    assert "at 127.0.0.1:1, namespace harmony; check TEMPORAL_ADDRESS" in ended.err
    assert ended.document["error"]["exitStatus"] == 4


async def test_a_worker_drains_and_the_next_one_goes_on(tmp_path: Path) -> None:
    harmony = Harmony(tmp_path / "state")
    worker = await harmony.begin("worker")
    await worker.said("Ready: task queue harmony")
    server = harmony.server_pid()
    assert (await harmony("start", "flow.undo", "-i", "seconds=1.5", "--id", "kept")).status == 0
    following = await harmony.begin("status", "kept", "--follow")
    await following.said("▸ slow  running")
    worker.process.send_signal(signal.SIGTERM)
    await worker.said("Draining")
    drained = await worker.ended()
    assert (drained.status, drained.err.splitlines()[-1]) == (0, "Stopped.")
    following.process.send_signal(signal.SIGINT)
    assert (await following.ended()).status == 130
    await gone(server)
    looked = await harmony("status", "kept", "--json")
    assert f"start one with `harmony --state {harmony.state} worker`" in looked.err
    waiting = looked.document
    assert waiting["status"] == "running"
    assert waiting["steps"]["slow"] | {"outcome": "succeeded"} == waiting["steps"]["slow"]
    worker = await harmony.begin("worker")
    ended = await harmony("status", "kept", "--follow", "--json")
    assert '"status":"succeeded"' in ended.out.splitlines()[-1]
    worker.process.send_signal(signal.SIGINT)
    assert (await worker.ended()).status == 0
