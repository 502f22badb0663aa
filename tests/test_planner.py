"""From text to plan, and from a plan to one run's plan."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from engine.errors import DefinitionError, RunRefused
from engine.language.catalog import Catalog
from engine.language.planner import bind, compile_blueprint
from engine.language.versions import in_range
from engine.plan import ChildStep, GateStep, Plan, RunStep, decode, encode
from engine.project.folder import Project
from tests import faulty


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return faulty.make_project(tmp_path / "project")


def compiled(folder: Path, steps: str, name: str = "probe") -> tuple[Plan, Catalog]:
    """The plan of a blueprint with these steps (and whatever else stands behind them)."""
    head = f"blueprint: {name}\nversion: 1.0.0\ntitle: T\nowner: o\nclassification: CONFIDENTIAL\n"
    (folder / "blueprints" / f"{name}.yaml").write_text(head + steps)
    catalog = Project(folder).catalog
    return compile_blueprint(catalog, name), catalog


def test_a_plan_says_all_of_it_and_survives_json(folder: Path) -> None:
    plan, _ = compiled(folder, "steps: [{id: a, blueprint: all.child}]\n")
    assert decode(encode(plan)) == plan
    assert [type(step) for _, step in plan.every_step()] == [ChildStep]
    assert set(plan.children) == {"all.child"}


def test_what_a_step_does_not_say_comes_from_the_contract(folder: Path) -> None:
    plan, _ = compiled(
        folder,
        "steps:\n- {id: a, run: golden.test.flaky}\n"
        "- {id: b, run: golden.test.flaky@1, timeout: 5s, retry: {attempts: 9}}\n",
    )
    first, second = plan.steps
    assert isinstance(first, RunStep)
    assert isinstance(second, RunStep)
    assert (first.timeout_ms, first.retry.attempts, first.retry.first_ms) == (30_000, 3, 10)
    assert (second.timeout_ms, second.retry.attempts, second.retry.first_ms) == (5_000, 9, 10)
    assert first.call.capability == second.call.capability == "golden.test.flaky@1.2.0"
    assert [edge.step for edge in second.needs] == ["a"]
    assert set(second.needs[0].outcomes) == {"succeeded", "approved", "skipped"}


def test_a_gate_has_rounds_of_roles(folder: Path) -> None:
    plan, _ = compiled(
        folder,
        "steps: [{id: a, gate: {ask: Go?, approvers: [x], timeout: 5m, "
        "escalate: {P1: [a, b], P2: [[a], [b]]}}}]\n",
    )
    gate = plan.steps[0]
    assert isinstance(gate, GateStep)
    assert gate.escalate == {"P1": (("a", "b"),), "P2": (("a",), ("b",))}
    assert gate.timeout == {"default": 300_000}


def test_an_unknown_blueprint_is_refused_with_the_name_that_was_meant(folder: Path) -> None:
    with pytest.raises(RunRefused, match=r"test\.hello") as caught:
        compile_blueprint(Project(folder).catalog, "test.helo")
    assert caught.value.code == "BLUEPRINT_UNKNOWN"


INPUTS = """steps: [{id: a, set: {x: 1}}]
inputs:
  type: object
  required: [name]
  properties:
    name: {type: string}
    list: {type: array, items: {type: object, properties: {n: {type: integer, default: 1}}}}
    more: {type: object, default: {}, properties: {on: {type: boolean, default: true}}}
"""


def test_inputs_get_their_defaults_everywhere(folder: Path) -> None:
    plan, catalog = compiled(folder, INPUTS)
    bound = bind(plan, {"name": "x", "list": [{}, {"n": 2}]}, {}, catalog)
    assert bound.inputs == {"name": "x", "list": [{"n": 1}, {"n": 2}], "more": {"on": True}}


@pytest.mark.parametrize(
    ("inputs", "context", "code", "words"),
    [
        ({}, {}, "INPUTS", "name"),
        ({"name": 3}, {}, "INPUTS", "inputs.name"),
        ({"name": "x", "nmae": "y"}, {}, "INPUTS", "did you mean 'name'"),
        ({"name": "x" * 300_000}, {}, "INPUTS_TOO_LARGE", "262,144"),
        ({"name": "x"}, {"incident_severity": "P9"}, "CONTEXT", "context.incident_severity"),
    ],
)
def test_wrong_inputs_are_refused(
    folder: Path, inputs: dict[str, Any], context: dict[str, Any], code: str, words: str
) -> None:
    plan, catalog = compiled(folder, INPUTS)
    with pytest.raises(RunRefused, match=words) as caught:
        bind(plan, inputs, context, catalog)
    assert caught.value.code == code


def test_the_context_may_hold_more_than_golden_context_names(folder: Path) -> None:
    plan, catalog = compiled(folder, INPUTS)
    assert bind(plan, {"name": "x"}, {"tenant": "a"}, catalog).context == {"tenant": "a"}


RUNNER = "run: golden.operations.runme-runner"
GATE = "{id: ask, gate: {ask: Go?, approvers: [x], timeout: 5m}}"


def with_runbook(name: str) -> str:
    return (
        "inputs: {type: object, properties: {runbook: {type: string, default: say}}}\n"
        f"steps:\n- {{id: pick, set: {{name: say}}}}\n- {GATE}\n"
        f'- {{id: a, {RUNNER}, with: {{runbook: "{name}"}}}}\n'
    )


@pytest.mark.parametrize(
    ("name", "pinned"),
    [
        ("say", {"say"}),
        ("{{ inputs.runbook }}", {"say"}),
        ("{{ 's' ~ 'ay' }}", {"say"}),
        ("{{ steps.pick.output.name | default('say') }}", {"say", "other"}),
    ],
)
def test_the_runbooks_that_a_run_can_reach_are_pinned(
    folder: Path, name: str, pinned: set[str]
) -> None:
    other = (folder / "runbooks" / "say.md").read_text().replace("Say a word", "Other")
    (folder / "runbooks" / "other.md").write_text(other)
    (folder / "runbooks" / "broken.md").write_text("no front matter\n")
    plan, catalog = compiled(folder, with_runbook(name))
    assert plan.runbooks == {}
    bound = bind(plan, {}, {}, catalog)
    assert set(bound.plan.runbooks) == pinned
    assert bound.plan.runbooks["say"].text == (folder / "runbooks" / "say.md").read_text()


@pytest.mark.parametrize(
    ("name", "code"), [("sya", "RUNBOOK_UNKNOWN"), ("broken", "RUNBOOK_FAULTY")]
)
def test_a_runbook_that_cannot_run_refuses_the_run(folder: Path, name: str, code: str) -> None:
    (folder / "runbooks" / "broken.md").write_text("no front matter\n")
    plan, catalog = compiled(folder, with_runbook("{{ inputs.runbook }}"))
    with pytest.raises(RunRefused) as caught:
        bind(plan, {"runbook": name}, {}, catalog)
    assert caught.value.code == code


def test_a_child_is_reached_with_the_inputs_that_it_will_have(folder: Path) -> None:
    compiled(folder, with_runbook("{{ inputs.runbook }}"), name="child")
    plan, catalog = compiled(folder, "steps: [{id: a, blueprint: child}]\n")
    assert set(bind(plan, {}, {}, catalog).plan.runbooks) == {"say"}


def test_the_digest_covers_inputs_runbooks_and_capabilities(folder: Path) -> None:
    def digest(inputs: dict[str, Any]) -> str:
        catalog = Project(folder).catalog
        return bind(compile_blueprint(catalog, "probe"), inputs, {}, catalog).digest

    compiled(folder, with_runbook("say"))
    seen = [digest({}), digest({"runbook": "other"})]
    runbook = folder / "runbooks" / "say.md"
    runbook.write_text(runbook.read_text() + "\nMore words.\n")
    seen.append(digest({}))
    program = folder / "capabilities" / "operations" / "runme-runner" / "main.py"
    program.write_text(program.read_text() + "\n")
    seen.append(digest({}))
    assert len(set(seen)) == 4
    assert digest({}) == seen[-1]


def test_cases_and_compiled_python_are_no_part_of_a_capability(folder: Path) -> None:
    def digest() -> str:
        capability = Project(folder).catalog.capability("golden.test.echo")
        assert capability is not None
        return capability.digest

    before = digest()
    home = folder / "capabilities" / "test" / "echo"
    (home / "__pycache__").mkdir()
    (home / "__pycache__" / "main.pyc").write_bytes(b"x")
    (home / "cases" / "more.yaml").write_text("cases: []\n")
    assert digest() == before
    (home / "cases.txt").write_text("x")
    assert digest() != before


def test_refresh_reads_again_only_what_changed(folder: Path) -> None:
    catalog = Project(folder).catalog
    plan = compile_blueprint(catalog, "test.hello")
    assert not catalog.refresh()
    assert compile_blueprint(catalog, "test.hello") is plan
    echo, sleep = "golden.test.echo", "golden.test.sleep"
    kept, changed = catalog.capability(sleep), catalog.capability(echo)
    program = folder / "capabilities" / "test" / "echo" / "main.py"
    program.write_text(program.read_text() + "\n")
    assert catalog.capability(echo) is changed
    assert catalog.refresh()
    assert catalog.capability(echo) is not changed
    assert catalog.capability(sleep) is kept
    assert compile_blueprint(catalog, "test.hello").capabilities != plan.capabilities
    shutil.rmtree(program.parent)
    assert catalog.refresh()
    assert catalog.capability(echo) is None


def test_refresh_notices_what_was_missing_and_has_come(folder: Path) -> None:
    echo, away = folder / "capabilities" / "test" / "echo", folder / "away"
    echo.rename(away)
    catalog = Project(folder).catalog
    with pytest.raises(DefinitionError):
        compile_blueprint(catalog, "test.hello")
    away.rename(echo)
    assert catalog.refresh()
    assert compile_blueprint(catalog, "test.hello").blueprint == "test.hello"
    assert not catalog.refresh()


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("1.2.3", "1", True),
        ("1.2.3", "1.2", True),
        ("1.3.0", "1.2", True),
        ("1.1.9", "1.2", False),
        ("2.0.0", "1.2", False),
        ("10.0.0", "1", False),
        ("1.2.3", "1.2.3", True),
        ("1.2.4", "1.2.3", False),
        ("1.2.3+build", "1.2.3", True),
        ("1.2.3-rc.1", "1.2", False),
        ("1.2.3-rc.1", "1.2.3", False),
    ],
)
def test_ranges_of_versions(version: str, wanted: str, fits: bool) -> None:
    assert in_range(version, wanted) is fits


def many_steps(count: int) -> str:
    steps = (
        f"- id: s{number}\n  title: Step {number}\n  run: golden.test.echo\n"
        f'  with: {{text: "{{{{ steps.s{number - 1}.output.text | upper }}}}", number: {number}}}\n'
        "  timeout: 10s\n"
        for number in range(1, count)
    )
    return "steps:\n- {id: s0, run: golden.test.echo}\n" + "".join(steps)


def test_compiling_grows_with_the_steps_and_no_faster(folder: Path) -> None:
    """Of the processor's time; the bounds are wide, benchmarks/ has the narrow ones."""
    taken = {}
    for count in (200, 2_000):
        compiled(folder, many_steps(count), name=f"many.n{count}")
        spent = []
        for _ in range(3):
            catalog = Project(folder).catalog
            began = time.process_time()
            compile_blueprint(catalog, f"many.n{count}")
            spent.append(time.process_time() - began)
        taken[count] = min(spent)
    assert taken[200] < 0.3
    assert taken[2_000] < 20 * taken[200]
