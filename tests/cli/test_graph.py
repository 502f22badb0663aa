"""The picture of a blueprint: readable, and safe whatever its titles hold."""

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from engine.cli.picture import mermaid, shape, svg, text
from engine.cli.picture.layout import place
from engine.plan import (
    Call,
    Edge,
    GateStep,
    Outcome,
    PinnedCapability,
    Plan,
    Retry,
    RunStep,
    SetStep,
    Step,
    WaitStep,
)
from tests.cli.conftest import Harmony

HOSTILE = '"]; click s0 "javascript:1" <b>&`x`\x1b[31m \u202e #quot; end --> ]]></style> \ud800'
FORMATS = (mermaid.draw, svg.draw, text.draw)
ROOT = Path(__file__).parents[2]
BLUEPRINT = """
blueprint: x.y
version: 1.0.0
title: x
owner: x
inputs: {type: object, required: [name], properties: {name: {type: string}}}
steps:
  - id: ask
    gate: {ask: Go on?, approvers: [x], timeout: 1h}
"""
STEP = """
  - id: {name}
    needs: {{ask: approved}}
    run: golden.operations.runme-runner
    with: {{runbook: "{runbook}", env: {{FOLDER: /srv/x, PATTERN: "*.log"}}}}
"""
RUNBOOKS = {
    "look": "disk-pressure", "make-room": "reclaim-space", "chosen": "{{ inputs.name }}",
}  # fmt: skip
_MERMAID_LINE = re.compile(
    r'flowchart TD|  subgraph last\["finally"\]|  end'
    r'|  +s\d+(\[|\[\[|\{\{|\(\[|\[/)"[^"<>\[\]{}`|]*(<br/>[^"<>\[\]{}`|]*)*"'
    r"(\]|\]\]|\}\}|\]\)|/\])"
    r'|  s\d+ -->(\|"[\w #;]+"\|)? s\d+'
    r"|  classDef \w+ [\w:#,]+|  class [s\d,]+ \w+"
)
ACT = PinnedCapability(
    id="golden.x.y", version="1.0.0", digest="", effect="destructive", idempotent=False,
    timeout_ms=1, retry=Retry(),
)  # fmt: skip
WELL: tuple[Outcome, ...] = ("succeeded", "approved", "skipped")


def _set(name: str, *needs: str) -> SetStep:
    edges = tuple(Edge(step=need, outcomes=WELL) for need in needs)
    return SetStep(id=name, values={"a": 1}, needs=edges)


def _plan(*steps: Step, finally_: tuple[Step, ...] = ()) -> Plan:
    return Plan(
        blueprint="a.b", version="1.0.0", title=HOSTILE, owner="x", steps=steps, finally_=finally_,
        capabilities={f"{ACT.id}@{ACT.version}": ACT},
    )  # fmt: skip


def _diamond() -> Plan:
    asked = (Edge(step="ask", outcomes=("rejected", "timed_out")),)
    return _plan(
        _set("a"),
        _set("b", "a"),
        _set("c", "a"),
        GateStep(id="ask", ask=HOSTILE, approvers=("x",), timeout={"default": 1},
                 needs=tuple(Edge(step=s, outcomes=WELL) for s in "bc")),
        RunStep(id="act", title=HOSTILE, call=Call(capability="golden.x.y@1.0.0"), timeout_ms=1,
                retry=Retry(), when=HOSTILE, needs=asked),
        WaitStep(id="pause", duration_ms=60_000, needs=(Edge(step="act", outcomes=WELL),)),
        finally_=(_set("tell"),),
    )  # fmt: skip


def test_text_shows_lanes() -> None:
    diamond = _plan(_set("a"), _set("b", "a"), _set("c", "a"), _set("d", "b", "c"))
    lines = text.draw(shape.of(diamond)).split("\n")
    assert [line.split("  ")[0] for line in lines[2:8]] == ["◇", "├─╮", "◇ │", "│ ◇", "├─╯", "◇"]


def test_text_keeps_what_is_not_connected_apart() -> None:
    lines = text.draw(shape.of(_plan(_set("a"), _set("b")))).split("\n")
    assert [line[:1] for line in lines[2:5]] == ["◇", "", "◇"]


def test_text_says_the_outcomes_of_needs() -> None:
    assert "after ask rejected or timed_out" in text.draw(shape.of(_diamond()))


def test_text_stays_within_80_columns() -> None:
    many = [_set(f"step-with-a-rather-long-name-{number}") for number in range(40)]
    wide = _plan(*many, _set("last", *(step.id for step in many)))
    for plan in (_diamond(), wide):
        drawn = text.draw(shape.of(plan))
        assert max(map(len, drawn.split("\n"))) <= 80
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", drawn)


def test_mermaid_holds_nothing_that_is_markup() -> None:
    for line in mermaid.draw(shape.of(_diamond())).split("\n"):
        assert _MERMAID_LINE.fullmatch(line), line


def test_svg_is_well_formed_and_on_its_own() -> None:
    drawn = svg.draw(shape.of(_diamond()))
    root = ET.fromstring(drawn)
    names = {element.tag.partition("}")[2] for element in root.iter()}
    assert names <= {"svg", "title", "style", "defs", "marker", "path", "rect", "text", "g",
                     "polygon"}  # fmt: skip
    assert "href" not in drawn
    assert drawn.count("http") == 1, "only the namespace"


def test_layout_puts_sources_above_and_nothing_on_top_of_another() -> None:
    drawn = shape.of(_diamond())
    layout = place(drawn)
    assert len(set(layout.places.values())) == len(drawn.nodes)
    for link in drawn.links:
        assert layout.places[link.source][1] < layout.places[link.target][1]
    below = max(row for key, (_, row) in layout.places.items() if not key.startswith("finally/"))
    assert layout.places["finally/tell"][1] > below


@pytest.mark.timeout(20)
def test_a_large_blueprint_is_drawn_too() -> None:
    steps = [_set("s0"), *(_set(f"s{n}", f"s{n - 1}", "s0") for n in range(1, 1500))]
    drawn = shape.of(_plan(*steps))
    assert all(draw(drawn) for draw in FORMATS)


@pytest.mark.usefixtures("shared_project")
def test_the_command_prints_each_format(harmony: Harmony) -> None:
    assert harmony("graph", "test.hello").out.startswith("test.hello 1.0.0")
    assert harmony("graph", "test.hello", "--format", "mermaid").out.startswith("flowchart TD")
    assert harmony("graph", "test.hello", "--format", "svg").out.startswith("<svg ")
    document = harmony("graph", "test.hello", "--json").document
    assert [node["key"] for node in document["nodes"]] == ["hello", "ask", "again", "refused"]


def test_a_step_has_the_effect_of_the_runbook_that_it_names(
    harmony: Harmony, project: Path
) -> None:
    for shared in ("capabilities", "runbooks"):
        shutil.copytree(ROOT / shared, project / shared)
    steps = "".join(STEP.format(name=name, runbook=runbook) for name, runbook in RUNBOOKS.items())
    (project / "blueprints" / "x.y.yaml").write_text(BLUEPRINT + steps)
    nodes = harmony("graph", "x.y", "--json").document["nodes"]
    assert {node["key"]: node["effect"] for node in nodes if node["kind"] == "run"} == {
        "look": "read", "make-room": "destructive", "chosen": "destructive",
    }  # fmt: skip


def test_a_faulty_blueprint_is_not_drawn(harmony: Harmony, project: Path) -> None:
    (project / "blueprints" / "x.y.yaml").write_text("blueprint: x.y\nsteps: []\n")
    ran = harmony("graph", "x.y", "--json")
    assert ran.status == 2
    assert ran.document["faults"]
    assert "blueprints/x.y.yaml:" in ran.err
