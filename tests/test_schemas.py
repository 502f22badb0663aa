"""The schemas for editors: valid, described, and true of what is shipped and of what is checked."""

import json
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


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_each_runbook_fits_the_schema_of_its_front_matter(path: Path) -> None:
    runbook = read_runbook(path.read_bytes(), path.stem, path.name)
    assert json_schema.violations(schema("runbook"), runbook.document.value) == []


@pytest.mark.parametrize("folder", [ROOT, ROOT / "tests" / "project"], ids=["shipped", "fixture"])
def test_what_is_shipped_validates_clean(folder: Path) -> None:
    from engine.validation.check import check

    assert check(Project(folder)) == ()
