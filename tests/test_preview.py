"""What `harmony plan` foresees."""

from engine.plan import ChildStep, Json, Plan, SetStep
from engine.simulation.preview import StepPreview, preview
from tests.strategies import after, call, gate_step, plan_of, run_step

P1: dict[str, Json] = {"incident_severity": "P1"}


def look(plan: Plan, **inputs: Json) -> dict[str, StepPreview]:
    return {step.key: step for step in preview(plan, inputs, P1)}


def test_what_is_known_beforehand_is_decided() -> None:
    plan = plan_of(
        run_step("yes", when="inputs.on"),
        run_step("no", when="not inputs.on"),
        run_step("p2", severity=("P2",)),
        run_step("never", when=False),
        run_step("after_no", needs=after("no")),
        run_step("on_failure", needs=after("yes", outcomes=("failed",))),
        run_step("then", needs=after("on_failure")),
        run_step("skipped", when="steps.no.outcome == 'skipped'", needs=after("no")),
    )
    found = look(plan, on=True)
    assert {key: step.verdict for key, step in found.items()} == {
        "yes": "runs",
        "no": "skipped",
        "p2": "skipped",
        "never": "skipped",
        "after_no": "runs",
        "on_failure": "unreached",
        "then": "unreached",
        "skipped": "runs",
    }
    assert found["no"].reason == "`not inputs.on` is false"
    assert found["p2"].reason == "it is for severity P2, this is P1"
    assert found["on_failure"].reason == "yes would be succeeded"


def test_a_run_without_a_severity_is_told_in_words() -> None:
    [step] = preview(plan_of(run_step("p2", severity=("P2",))), {}, {})
    assert step.reason == "it is for severity P2, this is none"


def test_what_is_known_may_settle_what_hangs_on_an_output() -> None:
    conditions = {
        "settled_or": ("inputs.on or steps.a.output.n > 1", "runs"),
        "settled_and": ("not inputs.on and steps.a.output.n > 1", "skipped"),
        "open_or": ("not inputs.on or steps.a.output.n > 1", "depends"),
        "open_and": ("inputs.on and steps.a.output.n | default(0) > 1", "depends"),
        "otherwise": ("1 == 1 if inputs.on else steps.a.output.n > 1", "runs"),
    }
    steps = [run_step(name, needs=after("a"), when=when) for name, (when, _) in conditions.items()]
    found = look(plan_of(run_step("a"), *steps), on=True)
    assert {name: found[name].verdict for name in conditions} == {
        name: verdict for name, (_, verdict) in conditions.items()
    }


def test_what_hangs_on_an_output_depends() -> None:
    plan = plan_of(
        run_step("a"),
        run_step("b", needs=after("a"), when="steps.a.output.n | default(0) > 1"),
        run_step("c", needs=after("b", outcomes=("succeeded",))),
        run_step("d", needs=after("b")),
        run_step("e", needs=after("b", outcomes=("skipped",))),
    )
    found = look(plan)
    assert {key: step.verdict for key, step in found.items()} == {
        "a": "runs",
        "b": "depends",
        "c": "depends",
        "d": "runs",
        "e": "depends",
    }
    assert "steps.a.output is known only then" in str(found["b"].reason)
    assert found["c"].reason == "whether b runs"


def test_values_that_are_computed_from_inputs_are_known() -> None:
    plan = plan_of(
        SetStep(id="s", values={"hot": "{{ inputs.n > 3 }}", "list": [1, "{{ inputs.n }}"]}),
        run_step("a", needs=after("s"), when="steps.s.output.hot"),
        run_step("each", needs=after("s"), foreach="{{ steps.s.output.list }}"),
        run_step("unknown", needs=after("a"), foreach="{{ steps.a.output }}"),
    )
    found = look(plan, n=2)
    assert found["a"].verdict == "skipped"
    assert found["each"].items == 2
    assert found["unknown"].items is None


def test_who_must_approve_and_how_long() -> None:
    gate = gate_step(
        "ask", ask="Run {{ inputs.what }}?", timeout={"P1": 5, "default": 9}, count=2,
        escalate={"P1": (("boss",),)},
    )  # fmt: skip
    asked = look(plan_of(gate), what="it")["ask"].gate
    assert asked is not None
    assert (asked.ask, asked.timeout_ms, asked.count, asked.rounds) == (
        "Run it?", 5, 2, (("boss",),),
    )  # fmt: skip
    later = gate_step("ask", needs=after("a"), ask="{{ steps.a.output.x }}?")
    asked = look(plan_of(run_step("a"), later))["ask"].gate
    assert asked is not None
    assert asked.ask == "{{ steps.a.output.x }}?"


def test_children_are_looked_into() -> None:
    child = plan_of(run_step("x", when="inputs.deep"), blueprint="test.child", capabilities={})
    plan = plan_of(
        ChildStep(id="known", blueprint="test.child", with_={"deep": "{{ inputs.deep }}"}),
        run_step("a"),
        ChildStep(
            id="unknown", blueprint="test.child", needs=after("a"),
            with_={"deep": "{{ steps.a.output.deep }}"},
        ),
        run_step("never", when=False, undo=call()),
        finally_=(run_step("f", when="steps.a.outcome == 'succeeded'"),),
        children={"test.child": child},
    )  # fmt: skip
    found = look(plan, deep=False)
    assert [step.verdict for step in found["known"].child] == ["skipped"]
    assert [step.verdict for step in found["unknown"].child] == ["depends"]
    assert found["finally/f"].verdict == "runs"
