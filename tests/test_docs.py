"""The documentation says what the code does: keys, codes, links."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from engine.cli.picture import mermaid, shape
from engine.language.context import FIELDS
from engine.language.planner import compile_blueprint
from engine.language.reachable_runbooks import pin_named_runbooks
from engine.project.folder import Project
from tools.fault_page import PAGE, page

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LANGUAGE = (DOCS / "reference" / "language.md").read_text()
PICTURE = re.compile(r"<!-- harmony graph (\S+) -->\n```mermaid\n(.*?)\n```", re.DOTALL)
TRIED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def keys_of(schema: Any) -> set[str]:
    """Every property that a schema of ours names, however deep."""
    found: set[str] = set()
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            found |= properties.keys()
        for value in schema.values():
            found |= keys_of(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= keys_of(value)
    return found


def test_every_key_of_a_blueprint_is_in_the_reference() -> None:
    schema = json.loads((ROOT / "engine" / "schemas" / "blueprint.json").read_text())
    missing = {key for key in keys_of(schema) if f"`{key}" not in LANGUAGE and key not in LANGUAGE}
    assert missing == set()


def test_every_key_of_a_contract_is_in_the_guide() -> None:
    guide = (DOCS / "add-a-capability.md").read_text()
    schema = json.loads((ROOT / "engine" / "schemas" / "capability.json").read_text())
    assert {key for key in keys_of(schema) if key not in guide} == set()


def test_every_fault_code_has_its_entry() -> None:
    assert PAGE.read_text() == page(), "run: python -m tools.fault_page"


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    table = (DOCS / "inside.md").read_text().partition("| package | why |")[2].partition("\n\n")[0]
    reasons = [row.split("|")[1:3] for row in table.splitlines() if row.startswith("| `")]
    named = [name for packages, _ in reasons for name in re.findall(r"`([^`]+)`", packages)]
    assert sorted(named) == sorted(Requirement(each).name for each in project["dependencies"])
    assert all(why.strip() for _, why in reasons)


@pytest.mark.parametrize("file", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=str)
def test_links_lead_somewhere(file: Path) -> None:
    targets = [link for link in LINK.findall(file.read_text()) if "://" not in link]
    assert [link for link in targets if not (file.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("file", "name"), sorted(set(TRIED.findall((DOCS / "threats.md").read_text())))
)
def test_what_answers_a_threat_is_tried(file: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / file).read_text()


def test_what_a_run_is_told_is_in_the_reference() -> None:
    assert [name for name in FIELDS if f"`{name}`" not in LANGUAGE] == []


def test_pictures_of_blueprints_are_those_of_the_blueprints() -> None:
    catalog = Project(ROOT).catalog
    pictures = PICTURE.findall((DOCS / "incident-lifecycle.md").read_text())
    assert len(pictures) == 4
    for blueprint, picture in pictures:
        plan = pin_named_runbooks(compile_blueprint(catalog, blueprint), catalog)
        assert picture == mermaid.draw(shape.of(plan)).rstrip()
