"""Blueprints that would make checking them endless: each is checked at once."""

import time
from pathlib import Path

import pytest

from engine.language.planner import compile_blueprint
from engine.project.folder import Project
from engine.validation.check import check
from tests import faulty

ITEM = "{{ item }}"
HEAD = "version: 1.0.0\ntitle: T\nowner: o\n"


def steps(lines: list[str]) -> str:
    return "steps:\n" + "".join(f"- {{id: s{n}, {line}}}\n" for n, line in enumerate(lines))


def reads(text: str) -> str:
    return f'set: {{a: "{text}", b: "{text}"}}'


ENDLESS = "{% for i in range(90000) %}{% for j in range(90000) %}x{% endfor %}{% endfor %}"

HOSTILE = {
    "reads-nowhere": (
        steps([f"set: {{x: '{'{{ steps.stpe.x }} ' * 20}'}}"] * 1_900),
        {"REFERENCE_UNKNOWN"},
    ),
    "types-that-double": (
        steps(["set: {a: 1}"] + [reads(f"{{{{ steps.s{n}.output }}}}") for n in range(1_500)]),
        set(),
    ),
    "loops-that-read-nothing": (
        steps([f"set: {{x: '{ENDLESS}'}}"] * 1_000),
        {"EXPRESSION_FAILS"},
    ),
    "many-keys": (
        "steps: [{id: a, set: {x: 1}}]\n" + "".join(f"k{n}: 1\n" for n in range(80_000)),
        {"UNKNOWN_KEY"},
    ),
    "too-many-steps": (steps(["set: {x: 1}"] * 2_001), {"TOO_MANY_STEPS"}),
    "many-edges": (
        steps([f"needs: [{', '.join(f's{m}' for m in range(max(0, n - 60), n))}], set: {{x: 1}}"
               for n in range(2_000)]),
        set(),
    ),
    "one-ring": (
        steps([f"needs: [s{(n + 1) % 2_000}], set: {{x: 1}}" for n in range(2_000)]),
        {"NEEDS_CYCLE"},
    ),
    "capabilities-that-are-not": (
        steps([f"run: golden.tset.echo{n}" for n in range(2_000)]),
        {"CAPABILITY_UNKNOWN"},
    ),
    "long-literal-loops": (
        steps(
            [f"foreach: [{'1, ' * 400}], run: golden.test.echo, with: {{value: '{ITEM}'}}"] * 400
        ),
        set(),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faulty.make_project(tmp_path_factory.mktemp("hostile") / "project")


@pytest.mark.parametrize("name", HOSTILE)
def test_checking_ends_soon(folder: Path, name: str) -> None:
    body, codes = HOSTILE[name]
    path = folder / "blueprints" / f"{name}.yaml"
    path.write_text(f"blueprint: {name}\n{HEAD}{body}")
    began = time.process_time()
    faults = check(Project(folder), [path])
    assert time.process_time() - began < 2
    assert {fault.code for fault in faults} == codes
    assert len(faults) <= 500
    path.unlink()


def test_children_of_children_cost_once_each(folder: Path) -> None:
    deepest = 400
    for n in range(deepest):
        body = (
            f"steps: [{{id: a, blueprint: n{n + 1}}}, {{id: b, blueprint: n{n + 1}}}]\n"
            'outputs: {x: "{{ steps.a.output.x }}", y: "{{ steps.b.output.x }}"}\n'
        )
        (folder / "blueprints" / f"n{n}.yaml").write_text(f"blueprint: n{n}\n{HEAD}{body}")
    last = folder / "blueprints" / f"n{deepest}.yaml"
    last.write_text(
        f"blueprint: n{deepest}\n{HEAD}steps: [{{id: a, set: {{}}}}]\noutputs: {{x: 1}}\n"
    )
    began = time.process_time()
    plan = compile_blueprint(Project(folder).catalog, "n0")
    assert time.process_time() - began < 2
    assert len(plan.children) == deepest
