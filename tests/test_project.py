"""harmony.yaml and policy.yaml: what they say, and what is wrong in them."""

import json
import os
from pathlib import Path

import pytest

from engine.errors import DefinitionError, RunRefused
from engine.project.folder import Project, find_project
from engine.project.policy import Person, Role
from engine.project.settings import SecretSource
from engine.validation.check import check
from engine.validation.fault_reports import as_json, as_sarif
from tests import faulty


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return faulty.make_project(tmp_path / "project")


def marks(folder: Path, name: str, text: str) -> list[tuple[int, int, str]]:
    """The faults of one of the two files, as `line, column, code`."""
    path = folder / name
    path.write_text(text)
    return sorted((f.line, f.column, f.code) for f in check(Project(folder), [path]))


def test_the_project_is_the_nearest_folder_upward_with_blueprints(folder: Path) -> None:
    assert find_project(folder / "blueprints" / "cases") == folder.resolve()
    assert find_project(folder) == folder.resolve()
    with pytest.raises(RunRefused, match="--project"):
        find_project(folder.parent)


def test_settings_are_typed_and_relative_to_their_file(folder: Path) -> None:
    settings = Project(folder).settings
    assert settings.secrets["golden.test.keeper/eu"] == {
        "token": SecretSource("env", "HARMONY_TEST_TOKEN")
    }
    assert settings.flags_file == folder / "flags.json"
    assert settings.runner == "process"


def test_another_file_may_stand_for_harmony_yaml(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("runner: dagger\n")
    assert Project(folder, env_file=other).settings.runner == "dagger"
    (folder / "harmony.yaml").unlink()
    assert Project(folder).settings.runner == "auto"


def test_faults_of_harmony_yaml(folder: Path) -> None:
    text = """\
config:
  golden.test.echo: {prefix: 3, perfix: x}
  golden.test.ehco: {}
  Golden: {}
secrets:
  golden.test.keeper: {token: hunter2, tokne: env:X}
  golden.test.keeper/eu/x: {token: "env:"}
flags: {file: none.json}
runner: podman
secrtes: {}
"""
    assert marks(folder, "harmony.yaml", text) == [
        (2, 30, "CONFIG"),
        (2, 41, "CONFIG"),
        (3, 3, "CAPABILITY_UNKNOWN"),
        (4, 3, "ID"),
        (6, 31, "SECRET"),
        (6, 40, "SECRET"),
        (7, 3, "ID"),
        (7, 36, "SECRET"),
        (8, 15, "FILE_UNREADABLE"),
        (9, 9, "WRONG_VALUE"),
        (10, 1, "UNKNOWN_KEY"),
    ]
    assert "hunter2" not in str(check(Project(folder)))
    with pytest.raises(DefinitionError):
        Project(folder).settings  # noqa: B018


def test_faults_of_flags_json(folder: Path) -> None:
    text = """{
  "flags": {
    "a": {"state": "ENABLED", "variants": {"on": true, "off": 0}, "defaultVariant": "onn"},
    "b": {"state": "ENABLED", "variants": {"on": true}}
  }
}
"""
    assert marks(folder, "flags.json", text) == [(3, 43, "FLAG"), (3, 85, "FLAG")]
    text = '{"flags": {"a": {"state": "ON", "varaints": {}}, "a": {}}}'
    found = [(1, 17, "FLAG"), (1, 27, "FLAG"), (1, 45, "FLAG"), (1, 50, "YAML_DUPLICATE_KEY")]
    assert marks(folder, "flags.json", text) == found
    assert marks(folder, "flags.json", "flags:\n  a.b: {state: ENABLED}\n") == [(1, 1, "FLAG")]
    text = (
        '{"flags": {"a": {"state": 1}, "b": {"state": "ENABLED", "variants": {"x": 1, "y": ""}}}}'
    )
    assert marks(folder, "flags.json", text) == [(1, 17, "FLAG"), (1, 27, "FLAG"), (1, 69, "FLAG")]
    text = '{"flags": {"a": {"state": "ENABLED", "variants": {"on": NaN}}}}'
    assert marks(folder, "flags.json", text) == [(1, 57, "FLAG")]
    assert marks(folder, "flags.json", "") == [(1, 1, "FLAG")]


def test_cases_of_a_capability_are_checked_alone_or_with_it(folder: Path) -> None:
    cases = folder / "capabilities" / "test" / "echo" / "cases" / "more.yaml"
    cases.write_text("cases: [{name: a}]\n")
    assert [f.code for f in check(Project(folder), [cases])] == ["CASE"]
    assert [f.code for f in check(Project(folder), [cases.parent.parent])] == ["CASE"]
    for path in (folder / "capabilities" / "test" / "sleep" / "cases").iterdir():
        path.unlink()
    found = check(Project(folder), [folder / "capabilities" / "test" / "sleep"])
    assert [(fault.code, fault.severity) for fault in found] == [("CASES_MISSING", "warning")]


def test_without_a_policy_everyone_has_every_role(folder: Path) -> None:
    (folder / "policy.yaml").unlink()
    assert Project(folder).policy.is_open
    (folder / "policy.yaml").symlink_to(folder / "nowhere.yaml")
    with pytest.raises(DefinitionError):
        Project(folder).policy  # noqa: B018


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]\n", "roles: [\n", "role: {}\n"])
def test_a_policy_that_cannot_be_read_is_never_an_open_one(folder: Path, text: str) -> None:
    (folder / "policy.yaml").write_text(text)
    with pytest.raises(DefinitionError):
        Project(folder).policy  # noqa: B018


def test_a_policy_is_typed(folder: Path) -> None:
    (folder / "policy.yaml").write_text(
        "roles:\n  a: {scopes: [x:read]}\n  b: {includes: [a]}\n"
        "people: {ann: {roles: [b], slack: U1}}\nagents: {bot: {roles: [a]}}\nanyone: [a]\n"
    )
    policy = Project(folder).policy
    assert policy.roles == {"a": Role(scopes=("x:read",)), "b": Role(includes=("a",))}
    assert policy.people == {"ann": Person(roles=("b",), slack="U1")}
    assert policy.agents == {"bot": Person(roles=("a",))}
    assert policy.anyone == ("a",)


def test_faults_of_policy_yaml(folder: Path) -> None:
    text = """\
roles:
  a: {scopes: [read], include: [b]}
  b: {includes: [c]}
  c: {includes: [b, d], scopes: [5, "", x:read, A, x:read]}
people:
  ann: {roles: [aa]}
  bob: {}
  cat: {roles: [a], slack: U1}
  dan: {roles: [a], slack: U1}
agents: []
anyone: [b, nobody]
"""
    assert marks(folder, "policy.yaml", text) == [
        (2, 16, "ID"),
        (2, 23, "UNKNOWN_KEY"),
        (3, 3, "POLICY_CYCLE"),
        (4, 3, "POLICY_CYCLE"),
        (4, 21, "ROLE_UNKNOWN"),
        (4, 34, "WRONG_TYPE"),
        (4, 37, "WRONG_VALUE"),
        (4, 49, "ID"),
        (4, 52, "WRONG_VALUE"),
        (6, 17, "ROLE_UNKNOWN"),
        (7, 8, "MISSING_KEY"),
        (9, 28, "POLICY_SLACK_DOUBLED"),
        (10, 9, "WRONG_TYPE"),
        (11, 13, "ROLE_UNKNOWN"),
    ]


@pytest.mark.parametrize(
    "stray",
    [
        "blueprints/a.yml",
        "blueprints/sub/a.yaml",
        "blueprints/cases/a.yml",
        "capabilities/test/echo/capability.yml",
        "capabilities/capability.yaml",
    ],
)
def test_a_definition_where_nothing_is_read_is_a_fault(folder: Path, stray: str) -> None:
    path = folder / stray
    path.parent.mkdir(exist_ok=True)
    path.write_text("a: 1\n")
    assert [(f.file, f.code) for f in check(Project(folder), [path])] == [(stray, "FILE_NAME")]


def test_names_that_lead_elsewhere_find_nothing(folder: Path) -> None:
    catalog = Project(folder).catalog
    for name in ("../policy", "a/../test.hello", "/etc/passwd", "", ".", "..", "a\0b", "x" * 300):
        assert catalog.blueprint(name) is None
        assert catalog.capability(name) is None
        assert catalog.runbook(name) is None
    for name in (
        "golden...",
        "golden.test.",
        "golden...x",
        "other.test.echo",
        "golden.test.echo.x",
    ):
        assert catalog.capability(name) is None


def test_names_that_are_no_text_are_faults_that_any_report_can_hold(folder: Path) -> None:
    odd = os.fsdecode(b"a\xff")
    for stray in (f"blueprints/{odd}.yaml", f"blueprints/cases/{odd}.yaml", f"runbooks/{odd}.md"):
        (folder / stray).parent.mkdir(exist_ok=True)
        (folder / stray).touch()
    (folder / "capabilities" / odd).mkdir()
    (folder / "capabilities" / "test" / odd).mkdir()
    (folder / "capabilities" / "test" / "echo" / odd).touch()
    found = check(Project(folder))
    names = {fault.file for fault in found if fault.code == "FILE_NAME"}
    assert names == {
        "blueprints/a\ufffd.yaml",
        "blueprints/cases/a\ufffd.yaml",
        "runbooks/a\ufffd.md",
        "capabilities/a\ufffd",
        "capabilities/test/a\ufffd",
        "capabilities/test/echo/a\ufffd",
    }
    catalog = Project(folder).catalog
    assert odd not in (*catalog.blueprints(), *catalog.runbooks(), *catalog.case_files())
    for report in (as_json(found), as_sarif(found, "1.0.0")):
        assert json.dumps(report, ensure_ascii=False).encode()


def test_a_folder_that_is_a_link_out_of_the_project_is_refused_unread(folder: Path) -> None:
    outside = folder.parent / "outside"
    (folder / "capabilities" / "test" / "echo").rename(outside)
    (folder / "capabilities" / "test" / "echo").symlink_to(outside)
    capability = Project(folder).catalog.capability("golden.test.echo")
    assert capability is not None
    assert [fault.code for fault in capability.faults] == ["FILE_OUTSIDE"]


def test_a_file_of_a_capability_that_is_a_link_out_of_it_is_a_fault(folder: Path) -> None:
    (folder / "capabilities" / "test" / "echo" / "passwd").symlink_to("/etc/passwd")
    capability = Project(folder).catalog.capability("golden.test.echo")
    assert capability is not None
    assert [(f.file, f.code) for f in capability.faults] == [
        ("capabilities/test/echo/passwd", "FILE_OUTSIDE")
    ]
