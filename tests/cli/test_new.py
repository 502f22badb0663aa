"""Skeletons: they validate clean and pass, and nothing is overwritten."""

from pathlib import Path

import pytest

from engine.language.catalog import Catalog
from tests.cli.conftest import PROJECT, Harmony

_POLICY = """
roles:
  viewer: {scopes: [x:read]}
  boss: {scopes: [workflow:approve]}
people:
  ada: {roles: [boss]}
"""


@pytest.mark.parametrize(
    ("kind", "name", "cases"),
    [("blueprint", "disk.relieve", 3), ("capability", "connectors.my-ticket", 2),
     ("capability", "golden.x.y", 2), ("runbook", "look-here", 0)],
)  # fmt: skip
@pytest.mark.parametrize("policy", [False, True])
def test_a_skeleton_is_clean_and_passes(
    harmony: Harmony, project: Path, kind: str, name: str, cases: int, policy: bool
) -> None:
    if policy:
        (project / "policy.yaml").write_text(_POLICY)
    made = harmony("new", kind, name, "--json")
    assert made.status == 0
    assert all((project / file).is_file() for file in made.document["written"])
    assert harmony("validate", "--json").document == {"faults": []}
    ran = harmony("test", "--json", "--coverage")
    assert (ran.status, ran.document["passed"], ran.document["failed"]) == (0, cases, 0)
    coverage = ran.document.get("coverage", {})
    assert all(each["missing"] == [] for each in coverage.values())


@pytest.mark.parametrize("shared", [True, False])
def test_a_new_capability_has_an_image(harmony: Harmony, project: Path, shared: bool) -> None:
    if shared:
        (project / "containers" / "python").mkdir(parents=True)
        (project / "containers" / "python" / "Containerfile").write_text("FROM scratch\n")
    harmony("new", "capability", "golden.x.y")
    folder = project / "capabilities" / "x" / "y"
    image = Catalog.load(project).capability("golden.x.y")
    assert image is not None
    assert image.image == ("python" if shared else ".")
    assert (folder / "Containerfile").is_file() is not shared


def test_a_new_runbook_runs(harmony: Harmony, project: Path) -> None:
    (project / "capabilities").symlink_to(PROJECT.parents[1] / "capabilities")
    harmony("new", "runbook", "look-here")
    shown = harmony("runbook", "show", "look-here", "--json")
    assert [block["name"] for block in shown.document["blocks"]] == ["free-space", "entries"]


def test_where_no_project_is_it_says_how_one_begins(
    harmony: Harmony, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = harmony("new", "blueprint", "a.b")
    assert ran.status == 2
    assert "begin one with `mkdir blueprints`" in ran.err


def test_what_is_there_is_not_touched(harmony: Harmony, project: Path) -> None:
    cases = project / "blueprints" / "cases"
    cases.mkdir()
    (cases / "a.b.yaml").write_text("mine")
    ran = harmony("new", "blueprint", "a.b")
    assert ran.status == 2
    assert "nothing was written" in ran.err
    assert [path.name for path in project.rglob("*.yaml")] == ["a.b.yaml"]
    assert (cases / "a.b.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("blueprint", "../x"), ("blueprint", "A.b"), ("blueprint", "a..b"), ("blueprint", "a\n"),
        ("blueprint", "a" * 101), ("blueprint", "ä.b"), ("blueprint", ""), ("blueprint", "a/b"),
        ("capability", "x"), ("capability", "golden.x"), ("capability", "a.b.c.d"),
        ("capability", "../a.b"), ("runbook", "a.b"), ("runbook", "../x"), ("runbook", "a b"),
    ],
)  # fmt: skip
def test_a_bad_name_is_refused(harmony: Harmony, project: Path, kind: str, name: str) -> None:
    ran = harmony("new", kind, name)
    assert ran.status == 2
    assert "is no name here" in ran.err
    assert [path for path in project.rglob("*") if path.is_file()] == []


def test_a_team_cannot_break_the_yaml(harmony: Harmony, project: Path) -> None:
    ran = harmony("new", "blueprint", "a.b", "--owner", "x: {y")
    assert (ran.status, list(project.rglob("*.yaml"))) == (2, [])


def test_a_folder_that_leads_out_is_refused(
    harmony: Harmony, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (project / "runbooks").symlink_to(outside)
    ran = harmony("new", "runbook", "x")
    assert (ran.status, list(outside.iterdir())) == (2, [])
    assert "out of the project" in ran.err
