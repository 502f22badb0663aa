"""Gates that wait less long: `gates: {atMost}` of harmony.yaml."""

from pathlib import Path

import pytest

from engine.errors import DefinitionError
from engine.language.planner import compile_blueprint
from engine.plan import GateStep, Plan
from engine.project.folder import Project
from engine.project.rehearsal import plan_of

ROOT = Path(__file__).parent.parent


def times(plan: Plan) -> dict[str, int]:
    """The seconds of the first gate, by severity."""
    gate = next(step for step in plan.steps if isinstance(step, GateStep))
    return {severity: limit // 1000 for severity, limit in gate.timeout.items()}


def bound_to(tmp_path: Path, text: str) -> Project:
    """This project with another harmony.yaml."""
    file = tmp_path / "harmony.yaml"
    file.write_text(text)
    return Project(ROOT, env_file=file)


def test_a_gate_waits_as_its_blueprint_says_where_nothing_else_is_said() -> None:
    project = Project(ROOT)
    assert project.settings.gates_at_most_ms is None
    plan = plan_of(project.catalog, "runbook.execute", None)
    assert plan == compile_blueprint(project.catalog, "runbook.execute")


def test_a_gate_waits_no_longer_than_the_environment_says(tmp_path: Path) -> None:
    project = bound_to(tmp_path, "gates: {atMost: 10m}\n")
    plan = plan_of(project.catalog, "runbook.execute", project.settings.gates_at_most_ms)
    assert times(plan) == {"P1": 300, "P2": 600, "P3": 600, "default": 600}


@pytest.mark.parametrize(
    "text",
    ["gates: {atMost: 10}", "gates: {atMost: 0s}", "gates: {}", "gates: 5m", "gates: {most: 5m}"],
)
def test_anything_else_is_a_fault(tmp_path: Path, text: str) -> None:
    with pytest.raises(DefinitionError):
        bound_to(tmp_path, text).settings  # noqa: B018
