"""The language, as files: each invalid blueprint has exactly the faults that its comments name."""

from pathlib import Path

import pytest

from engine.errors import DefinitionError
from engine.language.fault_codes import FAULT_CODES
from engine.language.planner import compile_blueprint
from engine.project.folder import Project
from tests import faulty

FOLDER = faulty.ROOT / "tests" / "blueprints"
INVALID = sorted((FOLDER / "invalid").glob("*.yaml"))
VALID = sorted((FOLDER / "valid").glob("*.yaml"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faulty.make_project(tmp_path_factory.mktemp("faulty") / "project")


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_an_invalid_blueprint_has_the_faults_that_it_names(project: Path, file: Path) -> None:
    faults = faulty.faults_in(project, file)
    assert faulty.expected(file)
    assert sorted((f.line, f.column, f.code) for f in faults) == faulty.expected(file)
    assert all(fault.file == f"blueprints/{file.name}" for fault in faults)
    assert all(FAULT_CODES[fault.code].severity == fault.severity for fault in faults)


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_a_valid_blueprint_has_none_and_becomes_a_plan(project: Path, file: Path) -> None:
    assert faulty.faults_in(project, file) == ()
    copied = project / "blueprints" / file.name
    copied.write_bytes(file.read_bytes())
    plan = compile_blueprint(Project(project).catalog, file.stem)
    copied.unlink()
    assert plan.blueprint == file.stem


def test_one_faulty_blueprint_does_not_keep_others_from_starting(project: Path) -> None:
    catalog = Project(project).catalog
    assert compile_blueprint(catalog, "test.hello").blueprint == "test.hello"
    with pytest.raises(DefinitionError) as caught:
        compile_blueprint(catalog, "flow.broken")
    assert [fault.code for fault in caught.value.faults] == ["WRONG_TYPE"]


def test_what_uses_a_faulty_one_is_faulty_too(project: Path) -> None:
    user = project / "blueprints" / "user.yaml"
    user.write_text(
        "blueprint: user\nversion: 1.0.0\ntitle: T\nowner: o\nsteps: [{id: a, blueprint: middle}]\n"
    )
    middle = project / "blueprints" / "middle.yaml"
    middle.write_text(
        "blueprint: middle\nversion: 1.0.0\ntitle: T\nowner: o\n"
        "steps: [{id: a, blueprint: flow.broken}]\n"
    )
    with pytest.raises(DefinitionError) as caught:
        compile_blueprint(Project(project).catalog, "user")
    user.unlink()
    middle.unlink()
    codes = {(fault.file, fault.code) for fault in caught.value.faults}
    assert codes == {
        ("blueprints/user.yaml", "BLUEPRINT_FAULTY"),
        ("blueprints/middle.yaml", "BLUEPRINT_FAULTY"),
        ("blueprints/flow.broken.yaml", "WRONG_TYPE"),
    }


def test_blueprints_that_run_each_other_round_about_are_each_refused(project: Path) -> None:
    names = ["ring.a", "ring.b", "ring.c"]
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        (project / "blueprints" / f"{name}.yaml").write_text(
            f"blueprint: {name}\nversion: 1.0.0\ntitle: T\nowner: o\n"
            f"steps: [{{id: a, blueprint: {following}}}]\n"
            'outputs: {x: "{{ steps.a.output.x }}"}\n'
        )
    for name in names:
        with pytest.raises(DefinitionError) as caught:
            compile_blueprint(Project(project).catalog, name)
        assert {fault.code for fault in caught.value.faults} == {"BLUEPRINT_RECURSION"}
    for name in names:
        (project / "blueprints" / f"{name}.yaml").unlink()
