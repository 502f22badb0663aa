"""`harmony run`, cold and beside a worker: what it writes, how it asks, how it ends."""

import signal
from pathlib import Path

import pytest

from tests.end_to_end.command_line import Harmony, gone


async def test_a_cold_run_needs_nothing_and_leaves_no_process(tmp_path: Path) -> None:
    harmony = Harmony(tmp_path / "state")
    running = await harmony.begin("run", "flow.sequence", "-i", "word=hi", "--as", "alice")
    await running.said("started by alice")
    server = harmony.server_pid()
    ended = await running.ended()
    assert (ended.status, ended.out) == (0, "both: hi left, 1\n"), ended.err
    for line in ("✓ first  succeeded", "✓ joined  succeeded", "\nsucceeded\n", "runner process"):
        assert line in ended.err
    await gone(server)
    again = await harmony("list", "--json")
    assert [run["status"] for run in again.document] == ["succeeded"]


async def test_json_is_one_document_and_stdout_holds_nothing_else(harmony: Harmony) -> None:
    ended = await harmony("run", "flow.sequence", "--json", "--id", "json")
    document = ended.document
    assert ended.status == 0
    assert (document["run"], document["status"]) == ("json", "succeeded")
    assert document["outputs"] == {"both": "one left, 1"}
    first = document["steps"]["first"]
    assert (first["outcome"], first["attempts"], first["runner"]) == ("succeeded", 1, "process")
    assert first["startedAt"].endswith("Z")
    assert document["undone"] == document["notUndone"] == []


async def test_a_gate_is_answered_by_another_process(harmony: Harmony) -> None:
    running = await harmony.begin("run", "test.hello", "--id", "asked", "--as", "alice", "--json")
    await running.said(f"harmony --state {harmony.state} approve asked ask --as NAME")
    taken = await harmony("run", "test.hello", "--id", "asked")
    own = await harmony("approve", "asked", "--as", "alice")
    other = await harmony("approve", "asked", "aks", "--as", "bob")
    stale = await harmony("approve", "asked", "--as", "bob", "--digest", "0" * 64, "--json")
    good = await harmony("approve", "asked", "ask", "--as", "bob", "--reason", "looks right")
    ended = await running.ended()
    assert taken.status == 2
    assert "harmony status asked" in taken.err
    assert (own.status, other.status, stale.status) == (1, 1, 1)
    assert "alice started this run" in own.err
    assert "no gate aks (open: ask)" in other.err
    assert stale.document["accepted"] is False
    assert (good.status, good.out) == (0, "the gate ask is approved\n")
    assert (ended.status, ended.document["status"]) == (0, "succeeded")
    decisions = ended.document["gates"]["ask"]["decisions"]
    assert [(each["approverId"], each.get("accepted", True)) for each in decisions] == [
        ("alice", False), ("bob", False), ("bob", True),
    ]  # fmt: skip
    assert decisions[-1]["reason"] == "looks right"
    late = await harmony("approve", "asked", "--as", "bob")
    assert late.status == 1
    assert "has ended: succeeded" in late.err


async def test_a_rejection_ends_with_status_3(harmony: Harmony) -> None:
    running = await harmony.begin("run", "test.hello", "--id", "refused", "--as", "alice")
    await running.said("reject refused ask")
    rejected = await harmony("reject", "refused", "--as", "bob", "--reason", "too risky")
    ended = await running.ended()
    assert (rejected.status, ended.status) == (0, 3)
    assert "ask: bob rejected: too risky" in ended.err
    assert "history refused" in ended.err
    assert "said: Hello world\n" in ended.out


@pytest.mark.parametrize("words", [(), ("--reason", " ")])
async def test_a_rejection_says_why(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = await Harmony(tmp_path / "state")("reject", "refused", "--as", "bob", *words)
    assert ended.status == 2
    assert "--reason" in ended.err


async def test_at_a_terminal_too_a_rejection_says_why(harmony: Harmony) -> None:
    terminal = await harmony.at_terminal("run", "test.hello", "--solo", "--id", "no", "--as", "al")
    await terminal.asked("Approve ask as al? [y/n, Enter: later] ", "n")
    await terminal.asked("Reason, for those who read it later: ", "")
    await terminal.asked("Reason, for those who read it later: ", "wrong host")
    ended = await terminal.ended()
    assert ended.status == 3, ended.out
    shown = await harmony("status", "no", "--json")
    assert shown.document["gates"]["ask"]["decisions"][-1]["reason"] == "wrong host"


async def test_no_answer_in_time_ends_with_status_3(harmony: Harmony) -> None:
    ended = await harmony("run", "flow.gate", "--severity", "P1", "--id", "late")
    assert ended.status == 3
    assert "no answer in time; now asked: incident-manager" in ended.err
    assert "\ntimed out\n" in ended.err


async def test_a_failure_says_why_and_what_was_undone(harmony: Harmony) -> None:
    ended = await harmony("run", "flow.undo", "-i", "failures=9", "--id", "broken")
    assert ended.status == 1
    assert "BROKEN: step risky" in ended.err
    assert "undone: each[1], each[0], first" in ended.err


async def test_ctrl_c_cancels_undoes_and_runs_finally(tmp_path: Path) -> None:
    harmony = Harmony(tmp_path / "state")
    running = await harmony.begin("run", "flow.undo", "-i", "seconds=60", "--id", "stop", "--json")
    await running.said("▸ slow  running")
    server = harmony.server_pid()
    running.process.send_signal(signal.SIGINT)
    ended = await running.ended()
    assert ended.status == 130
    assert "Cancelling" in ended.err
    document = ended.document
    assert document["status"] == "cancelled"
    assert document["undone"] == ["each[1]", "each[0]", "first"]
    assert document["steps"]["slow"]["outcome"] == "cancelled"
    assert document["steps"]["finally/tell"]["outcome"] == "succeeded"
    await gone(server)


async def test_a_second_ctrl_c_leaves_the_run_alone(harmony: Harmony) -> None:
    running = await harmony.begin("run", "flow.undo", "-i", "seconds=60", "--id", "left")
    await running.said("▸ slow  running")
    running.process.send_signal(signal.SIGINT)
    await running.said("Cancelling")
    running.process.send_signal(signal.SIGINT)
    ended = await running.ended()
    assert ended.status == 130
    assert "Left left, which is being cancelled" in ended.err
    shown = await harmony("status", "left", "--follow", "--json")
    assert '"status":"cancelled"' in shown.out.splitlines()[-1]


async def test_at_a_terminal_the_gate_is_asked_there(harmony: Harmony) -> None:
    terminal = await harmony.at_terminal("run", "test.hello", "--solo", "--id", "tty", "--as", "al")
    await terminal.asked("Approve ask as al? [y/n, Enter: later] ", "what")
    await terminal.asked("Type y to approve or n to reject.", "y")
    await terminal.asked("Reason (Enter for none): ", "all good")
    ended = await terminal.ended()
    assert ended.status == 0, ended.out
    assert "said: Hello world!" in ended.out
    assert "Traceback" not in ended.out
    shown = await harmony("status", "tty", "--json")
    assert shown.document["solo"] is True
    assert [
        (each["approverId"], each["reason"], each["solo"])
        for each in shown.document["gates"]["ask"]["decisions"]
    ] == [("al", "all good", True)]


async def test_a_question_is_given_up_when_it_was_answered_elsewhere(harmony: Harmony) -> None:
    terminal = await harmony.at_terminal("run", "test.hello", "--solo", "--id", "two", "--as", "al")
    await terminal.asked("Approve ask as al?", "")
    assert (await harmony("approve", "two", "--as", "bob")).status == 0
    ended = await terminal.ended()
    assert ended.status == 0
    assert "bob approved" in ended.out


@pytest.mark.parametrize("words", [["run", "flow.sequence"], ["worker"]])
@pytest.mark.parametrize(
    ("runner", "status", "said"),
    [("dagger", 4, "no Dagger engine answers"), ("dagr", 2, "is not one of 'auto'")],
)
async def test_a_runner_that_there_is_not_is_refused_and_nothing_is_started(
    tmp_path: Path, words: list[str], runner: str, status: int, said: str
) -> None:
    nowhere = f"unix://{tmp_path}/engine.sock"
    harmony = Harmony(tmp_path / "state", _EXPERIMENTAL_DAGGER_RUNNER_HOST=nowhere)
    ended = await harmony(*words, "--runner", runner)
    assert ended.status == status
    assert said in ended.err
    assert not (tmp_path / "state").exists()


async def test_the_runner_of_a_cluster_is_not_for_run_to_say(tmp_path: Path) -> None:
    harmony = Harmony(tmp_path / "state", TEMPORAL_ADDRESS="127.0.0.1:1")
    ended = await harmony("run", "flow.sequence", "--runner", "process")
    assert ended.status == 2
    assert "give it to `harmony worker`" in ended.err
