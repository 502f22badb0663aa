"""Cases of blueprints: the shipped format, what it reports, and RunState's behaviour as data."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import DefinitionError, RunRefused
from engine.language.catalog import Catalog
from engine.project.policy import Person, Policy, Role
from engine.simulation import case_reader
from engine.simulation.case_checks import check_cases
from engine.simulation.cases import CaseResult, run_cases
from engine.simulation.coverage import coverage

ROOT = Path(__file__).parent.parent
SIMULATED = ROOT / "tests" / "simulated"


def every_result() -> Iterator[CaseResult]:
    catalog = Catalog.load(SIMULATED)
    for blueprint in catalog.case_files():
        yield from run_cases(catalog, blueprint)


@pytest.mark.parametrize("result", tuple(every_result()), ids=lambda r: f"{r.blueprint}: {r.name}")
def test_behaves_as_its_case_says(result: CaseResult) -> None:
    assert result.problems == ()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project whose cases may be changed."""
    return Path(shutil.copytree(SIMULATED, tmp_path / "project"))


def write_cases(project: Path, text: str, blueprint: str = "sim.graph") -> Catalog:
    (project / "blueprints" / "cases" / f"{blueprint}.yaml").write_text(text, encoding="utf-8")
    return Catalog.load(project)


def problems(project: Path, text: str, blueprint: str = "sim.graph") -> tuple[str, ...]:
    (result,) = run_cases(write_cases(project, text, blueprint), blueprint)
    return result.problems


def faults(project: Path, text: str, blueprint: str = "sim.graph") -> list[tuple[int, str, str]]:
    found = check_cases(write_cases(project, text, blueprint), blueprint)
    return [(fault.line, fault.code, fault.message) for fault in found]


def test_each_mismatch_is_one_sentence(project: Path) -> None:
    text = """
cases:
  - name: all wrong
    answers: {alone: {error: BROKEN, message: it broke}}
    expect:
      status: succeeded
      error: BUSY
      outcomes: {alone: succeeded, joined: succeeded, first: succeeded}
      outputs: {sum: "-1"}
      calls: {first: {text: x}, handler: null}
      undone: [first]
      notUndone: []
"""
    assert problems(project, text) == (
        "status: expected succeeded, was failed (BROKEN: step alone: it broke)",
        "error: expected BUSY, was BROKEN",
        "outcome of alone: expected succeeded, was failed (BROKEN: it broke)",
        (
            "outcome of joined: expected succeeded, was unreached "
            "(alone failed, and it had to end well)"
        ),
        'outputs.sum: expected "-1", was -1',
        'call of first.text: expected "x", is not there',
        "undone: expected ['first'], was []",
        "notUndone: expected [], was ['after_skip', 'look-deeper', 'optional', 'first']",
    )


def test_true_is_not_one(project: Path) -> None:
    text = "cases: [{name: n, expect: {outputs: {sum: true}}}]"
    assert problems(project, text) == ("outputs.sum: expected true, was 2",)


def test_an_answer_that_never_came_is_a_mismatch(project: Path) -> None:
    text = """
cases:
  - name: late
    context: {incident_severity: P3}
    cancel: 1m
    decisions: {ask: {by: ann, after: 2m, accepted: true}}
    expect: {status: cancelled}
"""
    assert problems(project, text, "sim.gates") == (
        "the answer of ann at ask: the gate never opened, or not so long",
    )


def test_inputs_that_are_refused_are_told(project: Path) -> None:
    text = "cases: [{name: n, inputs: {deep: maybe}, expect: {status: succeeded}}]"
    (problem,) = problems(project, text)
    assert problem.startswith("the run cannot start: INPUTS: ")
    expected = "cases: [{name: n, inputs: {deep: 1}, expect: {status: failed, error: INPUTS}}]"
    assert problems(project, expected) == ()


def test_faults_come_together_with_their_places(project: Path) -> None:
    text = """cases:
  - name: one
    input: {}
    answers:
      frist: {output: {n: 1}}
      first: {output: {n: one}}
      joined: {output: {}}
      alone: {output: {}, error: X}
    decisions:
      first: {by: ann, after: soon}
    expect:
      status: fine
      outcomes: {nowhere: succeeded, first: done}
  - name: one
    expect: {}
"""
    assert faults(project, text) == [
        (3, "UNKNOWN_KEY", "unknown key 'input'"),
        (8, "CASE", "an answer has an output or an error, not both"),
        (10, "DURATION", "'soon' is not a duration; write it like 90s, 15m, 1h30m or 2d"),
        (12, "WRONG_VALUE", "'fine' is not allowed here"),
        (13, "WRONG_VALUE", "'done' is not allowed here"),
        (14, "CASE", "two cases are named 'one'"),
    ]


def test_names_and_outputs_are_held_against_the_blueprint(project: Path) -> None:
    text = """cases:
  - name: one
    answers:
      frist: {output: {n: 1}}
      first: {output: {n: one}}
      joined: {output: {}}
      undo/first: {output: {}}
    decisions:
      first: {by: ann}
    expect:
      outcomes: {nowhere: succeeded}
"""
    found = faults(project, text)
    assert [(line, code) for line, code, _ in found] == [
        (4, "CASE"), (5, "CASE"), (6, "CASE"), (7, "CASE"), (9, "CASE"), (11, "CASE"),
    ]  # fmt: skip
    assert "never gives this output" in found[1][2]
    with pytest.raises(DefinitionError):
        run_cases(Catalog.load(project), "sim.graph")


def test_cases_of_no_blueprint_are_a_fault(project: Path) -> None:
    found = faults(project, "cases: [{name: n, expect: {}}]", "sim.grph")
    assert found == [(1, "CASE", "there is no blueprint 'sim.grph'; did you mean 'sim.graph'?")]
    with pytest.raises(RunRefused):
        run_cases(Catalog.load(project), "sim.grph")


@pytest.mark.parametrize("text", ["", "[]", "cases: 3", "cases: [3]", "cases: [{}]", "a: [", "\0"])
def test_what_is_no_cases_is_a_fault(project: Path, text: str) -> None:
    assert faults(project, text)


def test_the_policy_of_the_project_counts(project: Path) -> None:
    text = """
cases:
  - name: roles
    context: {incident_severity: P3}
    decisions:
      ask:
        - {by: eve, accepted: false}
        - {by: ann, after: 1m, accepted: true}
    expect: {outcomes: {ask: approved}}
"""
    policy = Policy(
        roles={"incident-approver": Role(), "viewer": Role()},
        people={"ann": Person(("incident-approver",)), "eve": Person(("viewer",))},
    )
    (result,) = run_cases(write_cases(project, text, "sim.gates"), "sim.gates", policy)
    assert result.problems == ()


def test_coverage_names_what_no_case_reaches() -> None:
    catalog = Catalog.load(SIMULATED)
    found = coverage(catalog, "sim.graph", run_cases(catalog, "sim.graph"))
    assert found.missing == (
        ("look-deeper", "failed"),
        ("after_skip", "failed"),
        ("p1_only", "failed"),
        ("alone", "failed"),
    )
    assert found.total == found.reached + 4
    nothing = coverage(catalog, "sim.graph", ())
    assert ("p1_only", "skipped") in nothing.missing
    assert ("alone", "unreached") not in nothing.missing
    assert nothing.reached == 0


def test_schema_and_reference_have_every_key_that_is_read() -> None:
    schema = json.loads((ROOT / "engine" / "schemas" / "cases.json").read_text())["$defs"]
    page = (ROOT / "docs" / "reference" / "cases.md").read_text()
    for kind, keys in case_reader.KEYS.items():
        assert schema[kind]["properties"].keys() == set(keys)
        assert [key for key in keys if f"`{key}`" not in page and f" {key}" not in page] == []


def test_hours_pass_in_milliseconds() -> None:
    catalog = Catalog.load(SIMULATED)
    longest = max(result.took_ms for result in run_cases(catalog, "sim.gates"))
    assert longest == 2 * 60 * 60 * 1000
