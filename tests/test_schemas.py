"""The schemas for editors: valid, described, and true of what is shipped and of what is checked."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.language import json_schema
from engine.language.loader import load
from engine.language.runbook_reader import read_runbook
from engine.project.folder import Project

ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "engine" / "schemas"
FILES = {
    "blueprint": ("blueprints/*.yaml", "tests/project/blueprints/*.yaml"),
    "capability": ("capabilities/*/*/capability.yaml", "tests/project/capabilities/*/*/*.yaml"),
    "cases": ("blueprints/cases/*.yaml", "tests/simulated/blueprints/cases/*.yaml"),
    "configuration": ("harmony.yaml", "tests/project/harmony.yaml"),
    "flags": ("flags.json", "tests/project/flags.json"),
    "policy": ("policy.yaml", "tests/project/policy.yaml"),
}
VALID = [("blueprint", path) for path in sorted(ROOT.glob("tests/blueprints/valid/*.yaml"))]
SHIPPED = [
    (kind, path) for kind, globs in FILES.items() for each in globs for path in ROOT.glob(each)
] + VALID
# What a schema can express in every file here; some types and durations only the loader knows.
STRUCTURAL = {
    "MISSING_KEY",
    "UNKNOWN_KEY",
    "STEP_KIND",
    "ID",
    "VERSION",
    "WRONG_VALUE",
    "ESCALATION",
}
MISSHAPEN = [
    path
    for path in sorted(ROOT.glob("tests/blueprints/invalid/*.yaml"))
    if STRUCTURAL & set(re.findall(r"([A-Z_]+)@", path.read_text()))
]
RUNBOOKS = [*ROOT.glob("runbooks/*.md"), *ROOT.glob("tests/project/runbooks/*.md")]


def schema(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{kind}.json").read_text())
    return found


def undescribed(part: Any, place: str) -> Iterator[str]:
    """The properties that an editor could say nothing about."""
    if isinstance(part, dict):
        for name, each in part.get("properties", {}).items():
            if "description" not in each:
                yield f"{place}/{name}"
        for key, each in part.items():
            yield from undescribed(each, f"{place}/{key}")
    elif isinstance(part, list):
        for index, each in enumerate(part):
            yield from undescribed(each, f"{place}/{index}")


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_each_schema_is_valid_and_describes_every_property(path: Path) -> None:
    whole = json.loads(path.read_text())
    assert json_schema.check_schema(whole) == []
    assert list(undescribed(whole, "")) == []
    assert whole["description"]


@pytest.mark.parametrize(
    ("kind", "path"), SHIPPED, ids=[str(path.relative_to(ROOT)) for _, path in SHIPPED]
)
def test_each_shipped_and_each_valid_file_fits_its_schema(kind: str, path: Path) -> None:
    document = load(path, ROOT)
    assert document.faults == ()
    assert json_schema.violations(schema(kind), document.value) == []


@pytest.mark.parametrize("path", MISSHAPEN, ids=lambda path: path.stem)
def test_a_blueprint_of_a_wrong_shape_is_refused_by_the_schema_too(path: Path) -> None:
    document = load(path, ROOT)
    assert document.faults == ()
    assert json_schema.violations(schema("blueprint"), document.value)


STEPS = {
    "a template in a title": {"title": "For {{ run.id }}", "wait": "5m"},
    "a template in a signal": {"wait": {"signal": "{{ run.id }}"}},
    "the signal of gates": {"wait": {"signal": "approval"}},
    "a signal of Temporal": {"wait": {"signal": "__temporal_go"}},
    "an empty duration": {"wait": ""},
    "concurrency without foreach": {"run": "golden.test.echo", "concurrency": 3},
    "a gate's timeout outside": {
        "gate": {"ask": "Go?", "approvers": ["a"], "timeout": "5m"},
        "timeout": "5m",
    },
    "an escalation of nobody": {
        "gate": {"ask": "Go?", "approvers": ["a"], "timeout": "5m", "escalate": {"flag": "f"}}
    },
    "two kinds": {"run": "golden.test.echo", "set": {}},
    "no kind": {},
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_of_a_wrong_shape_is_refused_on_its_own(step: dict[str, Any]) -> None:
    whole = {"blueprint": "a", "version": "1.0.0", "title": "T", "owner": "sre"}
    good: dict[str, Any] = {"id": "a", "title": "Braces { } %", "wait": "5m"}
    assert json_schema.violations(schema("blueprint"), {**whole, "steps": [good]}) == []
    assert json_schema.violations(schema("blueprint"), {**whole, "steps": [{"id": "a", **step}]})


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_each_runbook_fits_the_schema_of_its_front_matter(path: Path) -> None:
    runbook = read_runbook(path.read_bytes(), path.stem, path.name)
    assert json_schema.violations(schema("runbook"), runbook.document.value) == []


@pytest.mark.parametrize("folder", [ROOT, ROOT / "tests" / "project"], ids=["shipped", "fixture"])
def test_what_is_shipped_validates_clean(folder: Path) -> None:
    from engine.validation.check import check

    assert check(Project(folder)) == ()
