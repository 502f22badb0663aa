"""RunState where a case of a blueprint cannot reach: limits, lateness, answers, stopping."""

import json
from collections.abc import Sequence

import pytest

from engine.messages import Decide, Standing, StepFailure
from engine.plan import MAX_OUTPUT_BYTES, Call, ChildStep, Json, Plan, Retry, SetStep, WaitStep
from engine.run.commands import AskFlag, CallCapability, Command, Ended, RunInfo, StartTimer, Stop
from engine.run.run_state import RunState
from tests.strategies import APPROVER, CAPABILITY, after, call, gate_step, plan_of, run_step

MAY = Standing(roles=(APPROVER,))
MEBIBYTE = "x" * (MAX_OUTPUT_BYTES - 2)


def begun(
    plan: Plan, *, solo: bool = False, severity: str = "P1"
) -> tuple[RunState, list[Command]]:
    info = RunInfo(id="r", started_at_ms=0, initiator="ann", solo=solo, digest="d1")
    state = RunState(plan, {}, {"incident_severity": severity}, info)
    return state, state.begin(0)


def keys(commands: Sequence[Command]) -> list[str]:
    return [command.key for command in commands]


def done(output: Json = None) -> Ended:
    return Ended(output=output)


def failed(code: str = "BROKEN") -> Ended:
    failure = StepFailure(code=code, message="m", category="FATAL")
    return Ended(outcome="failed", failure=failure)


def error_of(state: RunState, step: str) -> str:
    error = state.view().steps[step].error
    assert error is not None
    return error.code


class TestWindow:
    def test_at_most_500_are_in_flight_and_the_rest_wait_in_line(self) -> None:
        state, commands = begun(plan_of(*(run_step(f"s{n}") for n in range(700))))
        assert keys(commands) == [f"s{n}" for n in range(500)]
        assert keys(state.finished("s7", done(), 1)) == ["s500"]
        assert keys(state.finished("s3", failed(), 1)) == ["s501"]
        assert len(state.pending) == 500

    def test_a_loop_makes_no_more_commands_than_may_run(self) -> None:
        loop = run_step("each", foreach=list(range(100_000)), concurrency=500)
        state, commands = begun(plan_of(loop))
        assert len(commands) == 500
        assert keys(state.finished("each[0]", done(), 1)) == ["each[500]"]
        assert len(json.dumps(state.snapshot())) < 100_000

    def test_several_loops_share_the_window(self) -> None:
        loops = [run_step(f"l{n}", foreach=[1] * 400, concurrency=300) for n in range(3)]
        _, commands = begun(plan_of(*loops))
        assert len(commands) == 500

    def test_a_list_longer_than_the_limit_fails_the_step(self) -> None:
        state, commands = begun(plan_of(run_step("each", foreach=[0] * 100_001)))
        assert commands == []
        assert error_of(state, "each") == "EXPRESSION"


class TestSizes:
    def test_an_output_over_a_mebibyte_fails_its_step(self) -> None:
        state, _ = begun(plan_of(run_step("a"), run_step("b")))
        state.finished("a", done(MEBIBYTE), 1)
        state.finished("b", done(MEBIBYTE + "x"), 1)
        view = state.view()
        assert view.steps["a"].outcome == "succeeded"
        assert error_of(state, "b") == "OUTPUT_TOO_LARGE"

    def test_all_outputs_together_have_a_limit(self) -> None:
        state, _ = begun(plan_of(*(run_step(f"s{n}") for n in range(4))))
        for n in range(4):
            state.finished(f"s{n}", done(MEBIBYTE), n)
        assert error_of(state, "s3") == "OUTPUT_TOO_LARGE"
        assert state.status == "failed"

    def test_a_loop_starts_no_more_items_once_its_list_is_too_large(self) -> None:
        loop = run_step("each", foreach=list(range(9)), concurrency=2, undo=call())
        state, _ = begun(plan_of(loop))
        state.finished("each[0]", done("x" * 600_000), 1)
        commands = state.finished("each[1]", done("x" * 600_000), 2)
        assert keys(commands) == []
        commands = state.finished("each[2]", done("x"), 3)
        assert error_of(state, "each") == "OUTPUT_TOO_LARGE"
        assert "6 of 9 items were not started" in str(state.view().steps["each"].error)
        assert keys(commands) == ["undo/each[2]"]

    def test_what_a_failed_loop_gave_no_longer_counts(self) -> None:
        loop = run_step("each", foreach=[1, 2], tolerate=True)
        more = [run_step(f"s{n}", needs=after("each", outcomes=("failed",))) for n in range(3)]
        state, _ = begun(plan_of(loop, *more))
        state.finished("each[0]", done("x" * 900_000), 1)
        state.finished("each[1]", failed(), 1)
        for n in range(3):
            state.finished(f"s{n}", done(MEBIBYTE), 2)
        assert state.status == "succeeded"

    @pytest.mark.parametrize("early", [True, False])
    def test_a_signal_that_is_too_large_fails_what_waits_for_it(self, early: bool) -> None:
        wait = WaitStep(id="w", signal="go", needs=after("a"))
        state, _ = begun(plan_of(run_step("a"), wait))
        if early:
            state.signal("go", MEBIBYTE + "x", 1)
            assert len(json.dumps(state.snapshot())) < 10_000
        state.finished("a", done(), 2)
        if not early:
            state.signal("go", MEBIBYTE + "x", 3)
        assert error_of(state, "w") == "OUTPUT_TOO_LARGE"

    def test_signals_that_nothing_waits_for_are_not_kept(self) -> None:
        state, _ = begun(plan_of(run_step("a")))
        for _ in range(10):
            state.signal("other", MEBIBYTE, 1)
        assert len(json.dumps(state.snapshot())) < 10_000

    def test_refused_answers_do_not_pile_up(self) -> None:
        state, _ = begun(plan_of(gate_step("ask")))
        for n in range(1_000):
            answer = Decide(decision="approved", approver_id=f"p{n}", reason="x" * 10_000)
            state.decide(answer, Standing(), 1)
        assert len(json.dumps(state.snapshot())) < 1_000_000
        assert len(state.entries()) > 1_000


class TestAnswers:
    def answer(self, state: RunState, now: int = 1, **more: object) -> tuple[bool, str, str]:
        given = {"decision": "approved", "approver_id": "ben", **more}
        reply, _ = state.decide(Decide(**given), MAY, now)  # type: ignore[arg-type]
        return reply.accepted, reply.state, reply.reason

    def test_the_only_open_gate_need_not_be_named(self) -> None:
        state, _ = begun(plan_of(gate_step("ask")))
        assert self.answer(state) == (True, "approved", "the gate ask is approved")
        assert state.status == "succeeded"

    def test_with_two_open_the_gate_must_be_named(self) -> None:
        state, _ = begun(plan_of(gate_step("one"), gate_step("two")))
        assert self.answer(state) == (False, "unknown", "say which gate; open: one, two")
        assert self.answer(state, gate="two")[0]
        assert self.answer(state)[:2] == (True, "approved")

    def test_early_unknown_late_and_repeated_ones_change_nothing(self) -> None:
        state, _ = begun(plan_of(gate_step("ask", needs=after("a")), run_step("a")))
        assert self.answer(state, gate="ask")[2].startswith("the gate ask is not open yet")
        assert self.answer(state, gate="other")[2].startswith("this run has no gate other")
        assert self.answer(state)[2] == "no gate is open"
        state.finished("a", done(), 2)
        assert self.answer(state, 3)[0]
        late = self.answer(state, 4, gate="ask", decision="rejected")
        assert late == (
            False,
            "approved",
            "too late: ben approved this gate at 1970-01-01T00:00:00.003Z",
        )
        gate = state.view().gates["ask"]
        assert [d.accepted for d in gate.decisions] == [True, False]
        assert state.status == "succeeded"

    @pytest.mark.parametrize("decision", ["yes", "true", "Approved", ""])
    def test_what_is_no_decision_is_refused(self, decision: str) -> None:
        state, _ = begun(plan_of(gate_step("ask")))
        assert not self.answer(state, decision=decision)[0]
        assert not self.answer(state, approver_id=" ")[0]
        assert state.view().gates["ask"].state == "pending"

    def test_an_answer_at_the_deadline_is_late_even_before_the_timer_rings(self) -> None:
        state, _ = begun(plan_of(gate_step("ask")))
        assert self.answer(state, 60_000)[2] == "too late: the time to answer has run out"
        assert self.answer(state, 59_999)[0]

    def test_an_answer_past_the_time_of_the_run_stops_it(self) -> None:
        plan = plan_of(gate_step("ask", timeout={"default": 10**9}), max_duration_ms=5_000)
        state, commands = begun(plan)
        assert commands == [StartTimer(key="ask", until_ms=5_000)]
        assert self.answer(state, 5_000)[0] is False
        assert state.view().error is not None
        assert state.status == "failed"

    def test_a_leftover_timer_does_not_touch_a_gate_that_is_closed(self) -> None:
        state, _ = begun(plan_of(gate_step("ask"), run_step("b", needs=after("ask"))))
        reply, commands = state.decide(Decide(decision="approved", approver_id="ben"), MAY, 1)
        assert reply.accepted
        assert Stop(key="ask") in commands
        assert state.finished("ask", Ended(), 60_000) == []
        assert state.view().gates["ask"].state == "approved"

    def test_who_approved_is_recorded_with_all_that_is_known(self) -> None:
        state, _ = begun(plan_of(gate_step("ask", count=2)), solo=True)
        first = Decide(
            decision="approved", approver_id="ann", reason="ok", source="slack", user="u",
            host="h", digest="d1",
        )  # fmt: skip
        assert state.decide(first, MAY, 1)[0].reason == "counted; 1 more person has to approve"
        (decision,) = state.view().gates["ask"].decisions
        assert (decision.approver_id, decision.source, decision.user, decision.host) == (
            "ann", "slack", "u", "h",
        )  # fmt: skip
        assert (decision.at, decision.reason, decision.digest, decision.solo) == (
            "1970-01-01T00:00:00.001Z", "ok", "d1", True,
        )  # fmt: skip
        line = next(entry for entry in state.entries() if entry.event == "gate.answered")
        assert (line.who, line.source, line.gate) == ("ann", "slack", "ask")
        assert "solo" in line.text

    def test_time_that_ran_out_is_recorded_as_a_rejection_by_nobody(self) -> None:
        state, _ = begun(plan_of(gate_step("ask")))
        state.finished("ask", Ended(), 60_000)
        (decision,) = state.view().gates["ask"].decisions
        assert (decision.decision, decision.approver_id) == ("rejected", "")
        assert state.status == "timed_out"

    def test_while_the_flag_is_asked_the_gate_takes_no_answer(self) -> None:
        gate = gate_step("ask", escalate={"P1": (("boss",),)}, escalate_flag="escalation")
        state, _ = begun(plan_of(gate))
        assert state.finished("ask", Ended(), 60_000) == [AskFlag(key="ask", flag="escalation")]
        assert self.answer(state, 60_001)[2].startswith("too late")
        assert state.flag("ask", True, 60_002) == [StartTimer(key="ask", until_ms=120_002)]
        assert "has none of the roles that are asked: boss" in self.answer(state, 60_003)[2]

    def test_a_flag_may_be_for_one_severity_alone(self) -> None:
        rounds = {"P1": (("boss",),), "P2": (("boss",),)}
        gate = gate_step("ask", escalate=rounds, escalate_flag={"P1": "escalation"})
        for severity, asked in (("P1", [AskFlag(key="ask", flag="escalation")]), ("P2", [])):
            state, _ = begun(plan_of(gate), severity=severity)
            commands = state.finished("ask", Ended(), 60_000)
            assert [each for each in commands if isinstance(each, AskFlag)] == asked
            assert len(state.view().gates["ask"].escalations) == (0 if asked else 1)

    def test_approvals_of_an_earlier_round_still_count(self) -> None:
        gate = gate_step("ask", count=2, escalate={"P1": (("boss",),)})
        state, _ = begun(plan_of(gate))
        assert self.answer(state)[0]
        state.finished("ask", Ended(), 60_000)
        boss = Decide(decision="approved", approver_id="boss")
        assert state.decide(boss, Standing(roles=("boss",)), 60_001)[0].state == "approved"

    def test_approving_needs_the_scope_where_the_policy_has_it(self) -> None:
        state, _ = begun(plan_of(gate_step("ask")))
        without = Standing(roles=(APPROVER,), approve_scope=False)
        answer = Decide(decision="approved", approver_id="ben")
        assert "workflow:approve" in state.decide(answer, without, 1)[0].reason
        everyone = Standing(open_policy=True)
        assert state.decide(answer, everyone, 1)[0].accepted

    def test_text_of_an_answer_is_never_evaluated(self) -> None:
        said = SetStep(
            id="said", needs=after("ask"), values={"why": "{{ steps.ask.decision.reason }}"}
        )
        state, _ = begun(plan_of(gate_step("ask"), said))
        assert self.answer(state, reason="{{ run.id }}")[0]
        assert state.view().steps["said"].output == {"why": "{{ run.id }}"}

    def test_a_late_answer_is_seen_the_same_after_a_restore(self) -> None:
        said = SetStep(
            id="said", needs=after("b"), values={"n": "{{ steps.ask.decisions | length }}"}
        )
        plan = plan_of(gate_step("ask"), run_step("b", needs=after("ask")), said)
        state, _ = begun(plan)
        self.answer(state)
        self.answer(state, gate="ask")
        restored = RunState.restore(plan, state.snapshot())
        for each in (state, restored):
            each.finished("b", done(), 2)
            assert each.view().steps["said"].output == {"n": 2}


class TestStopping:
    def test_a_call_that_succeeds_while_it_is_stopped_counts_and_is_undone(self) -> None:
        state, _ = begun(plan_of(run_step("a", undo=call("undo"))))
        assert state.cancel(1) == [Stop(key="a")]
        assert state.cancel(1) == []
        assert keys(state.finished("a", done(), 2)) == ["undo/a"]
        state.finished("undo/a", done(), 3)
        assert state.status == "cancelled"
        assert state.view().undone == ("a",)

    def test_what_waits_for_its_next_attempt_or_for_room_is_stopped_at_once(self) -> None:
        steps = [run_step(f"s{n}", retry=Retry(attempts=2)) for n in range(502)]
        busy = StepFailure(code="BUSY", message="m", category="RETRYABLE")
        state, _ = begun(plan_of(*steps))
        waiting, started = state.finished("s0", Ended(outcome="failed", failure=busy), 1)
        assert (waiting, started.key) == (StartTimer(key="s0", until_ms=1_001), "s500")
        commands = state.cancel(2)
        assert {type(command) for command in commands} == {Stop}
        assert len(commands) == 501
        assert state.view().steps["s0"].outcome == "cancelled"
        assert state.view().steps["s501"].attempts == 0
        for n in range(1, 501):
            state.finished(f"s{n}", Ended(outcome="cancelled"), 3)
        assert state.status == "cancelled"
        assert {view.outcome for view in state.view().steps.values()} == {"cancelled"}

    def test_a_run_is_stopped_when_its_time_is_up(self) -> None:
        plan = plan_of(
            run_step("a", undo=call()), run_step("b", needs=after("a")), run_step("c"),
            finally_=(run_step("f"),), max_duration_ms=1_000,
        )  # fmt: skip
        state, commands = begun(plan)
        first = commands[0]
        assert isinstance(first, CallCapability)
        assert (first.timeout_ms, first.deadline_ms) == (1_000, 1_000)
        assert keys(state.finished("a", done(), 999)) == ["b"]
        late = state.finished("c", failed("TIMEOUT"), 1_000)
        assert Stop(key="b") in late
        (undo,) = state.finished("b", Ended(outcome="cancelled"), 1_001)
        assert isinstance(undo, CallCapability)
        assert (undo.key, undo.timeout_ms, undo.deadline_ms) == ("undo/a", 60_000, None)
        assert keys(state.finished("undo/a", done(), 1_002)) == ["finally/f"]
        assert state.finished("finally/f", done(), 9_000) == []
        view = state.view()
        assert view.error is not None
        assert (view.status, view.error.code) == ("failed", "RUN_TIMED_OUT")
        assert {view.steps[step].outcome for step in "bc"} == {"cancelled"}

    def test_waits_are_clipped_to_the_time_of_the_run(self) -> None:
        waits = (WaitStep(id="w", duration_ms=10**9), WaitStep(id="s", signal="go"))
        state, commands = begun(plan_of(*waits, max_duration_ms=1_000))
        assert commands == [
            StartTimer(key="w", until_ms=1_000), StartTimer(key="s", until_ms=1_000),
        ]  # fmt: skip
        assert state.finished("w", Ended(), 1_000) == [Stop(key="w"), Stop(key="s")]
        assert {view.outcome for view in state.view().steps.values()} == {"cancelled"}
        assert state.status == "failed"

    def test_what_it_does_not_wait_for_is_ignored(self) -> None:
        state, _ = begun(plan_of(run_step("a")))
        assert state.finished("nothing", done(), 1) == []
        assert state.finished("a[3]", done(), 1) == []
        assert state.flag("a", True, 1) == []
        assert not state.done


class TestEnds:
    def test_rejected_goes_before_timed_out_in_any_order(self) -> None:
        plan = plan_of(gate_step("one"), gate_step("two"))
        reject = Decide(decision="rejected", approver_id="ben", gate="two")
        for first_rejected in (True, False):
            state, _ = begun(plan)
            if first_rejected:
                state.decide(reject, MAY, 1)
            state.finished("one", Ended(), 60_000)
            if not first_rejected:
                plan_two = gate_step("two", timeout={"default": 90_000})
                state, _ = begun(plan_of(gate_step("one"), plan_two))
                state.finished("one", Ended(), 60_000)
                state.decide(reject, MAY, 60_001)
            assert state.status == "rejected"

    def test_the_error_is_of_the_first_step_in_the_blueprint(self) -> None:
        state, _ = begun(plan_of(run_step("a"), run_step("b")))
        state.finished("b", failed("SECOND"), 1)
        state.finished("a", failed("FIRST"), 2)
        error = state.view().error
        assert error is not None
        assert (error.code, error.message) == ("FIRST", "step a: m")

    def test_a_notice_under_way_is_waited_for_and_told_in_order(self) -> None:
        notify = Call(capability=CAPABILITY, with_={"value": "{{ gate.event }}"})
        state, commands = begun(plan_of(gate_step("ask", notify=notify)))
        assert keys(commands) == ["ask", "notify/ask/opened"]
        _, commands = state.decide(Decide(decision="approved", approver_id="ben"), MAY, 1)
        assert keys(commands) == ["ask"]
        assert not state.done
        (closed,) = state.finished("notify/ask/opened", failed(), 2)
        assert isinstance(closed, CallCapability)
        assert closed.input == {"value": "closed"}
        state.finished("notify/ask/closed", done(), 3)
        assert state.status == "succeeded"
        assert state.view().warnings == ("gate ask: the notice 'opened' failed: BROKEN: m",)

    def test_attempts_are_those_that_started(self) -> None:
        state, _ = begun(plan_of(run_step("a")))
        refused = StepFailure(code="NOT_ALLOWED", message="m", category="FATAL", started=False)
        state.finished("a", Ended(outcome="failed", failure=refused), 1)
        assert state.view().steps["a"].attempts == 0

    def test_an_expression_that_fails_fails_its_step_before_it_starts(self) -> None:
        bad = run_step("a", call=call("{{ steps.nothing.output }}"))
        worse = run_step("b", when="1")
        state, commands = begun(plan_of(bad, worse))
        assert commands == []
        assert error_of(state, "a") == error_of(state, "b") == "EXPRESSION"
        assert state.view().steps["a"].attempts == 0

    def test_a_child_is_called_by_its_plan_and_fails_with_its_code(self) -> None:
        child = plan_of(run_step("x"), blueprint="test.child", capabilities={})
        step = ChildStep(id="c", blueprint="test.child", timeout_ms=10**9)
        state, (start,) = begun(plan_of(step, children={"test.child": child}))
        assert start.key == "c"
        state.finished("c", Ended(outcome="cancelled"), 1)
        assert error_of(state, "c") == "CHILD_CANCELLED"
        assert state.status == "failed"

    def test_many_set_steps_in_a_row_do_not_exhaust_the_stack(self) -> None:
        steps = [
            SetStep(id=f"s{n}", values={"n": n}, needs=after(f"s{n - 1}") if n else ())
            for n in range(2_000)
        ]
        state, _ = begun(plan_of(*steps))
        assert state.status == "succeeded"

    def test_all_failed_items_are_named_in_ranges(self) -> None:
        state, _ = begun(plan_of(run_step("each", foreach=list(range(6)))))
        for n in range(6):
            state.finished(f"each[{n}]", done() if n == 3 else failed(), n)
        error = state.view().steps["each"].error
        assert error is not None
        assert error.items == (0, 1, 2, 4, 5)
        assert error.message.startswith("5 of 6 items failed (0-2, 4-5): item 0: BROKEN: m")
