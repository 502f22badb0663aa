"""Faulty definitions under test: the faults that a file's own comments expect."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from engine.faults import Fault
from engine.project.folder import Project
from engine.validation.check import check

ROOT = Path(__file__).parent.parent
_MARK = re.compile(r"([A-Z_]+)@(\d+)")

POLICY = """roles:
  incident-approver: {scopes: [workflow:approve]}
  incident-manager: {includes: [incident-approver]}
"""
CHILD = """blueprint: all.child
version: 1.0.0
title: T
owner: o
steps: [{id: a, set: {text: hi}}]
outputs: {text: "{{ steps.a.output.text }}", number: 1}
"""
BROKEN = "blueprint: flow.broken\nversion: 1.0.0\ntitle: T\nowner: o\nsteps: [{id: a, set: 1}]\n"


def make_project(folder: Path) -> Path:
    """A project with the capabilities, runbooks and blueprints of tests/project, and a policy."""
    shutil.copytree(ROOT / "tests" / "project", folder)
    runner = "capabilities/operations/runme-runner"
    shutil.copytree(ROOT / runner, folder / runner)
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "blueprints" / "flow.broken.yaml").write_text(BROKEN)
    (folder / "blueprints" / "all.child.yaml").write_text(CHILD)
    return folder


def faults_in(project: Path, file: Path) -> tuple[Fault, ...]:
    """What `harmony validate` says of a blueprint, put into the project under its own name."""
    copied = project / "blueprints" / file.name
    shutil.copyfile(file, copied)
    try:
        return check(Project(project), [copied])
    finally:
        copied.unlink()


def faults_in_contract(project: Path, file: Path) -> tuple[Fault, ...]:
    """What `harmony validate` says of a contract, put into the project under its own name."""
    folder = project / "capabilities" / "test" / file.stem
    folder.mkdir()
    shutil.copyfile(file, folder / "capability.yaml")
    try:
        return check(Project(project), [folder])
    finally:
        shutil.rmtree(folder)


def expected(file: Path) -> list[tuple[int, int, str]]:
    """The marks `# ! CODE@column` of a file, each for its own line."""
    return sorted(_marks(file.read_text()))


def _marks(text: str) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for code, column in _MARK.findall(line.partition("# ! ")[2]):
            yield number, int(column), code
