"""The post-mortem capability: people's text stays in its cell or item, whatever it is."""

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine.plan import MAX_OUTPUT_BYTES

FOLDER = Path(__file__).parents[1] / "capabilities" / "transformers" / "post-mortem"
PARTS = [path.stem for path in FOLDER.glob("*.py")]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HOSTILE = [
    "a | b",
    "\\| a \\\\| b",
    "`code` ``` fence",
    "x\n# heading\n\n| --- |\r\n- item",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "12) item",
    "> quote",
    "---",
    "===",
    "<script>alert(1)</script><!-- ",
    "[x](javascript:alert(1)) ![y](http://z) [a]: http://b",
    "<http://evil> https://evil.example www.evil.example mailto:a@b.c",
    "&lt;b&gt; &#124; &amp;",
    "*a* __b__ ~~c~~ \\*d\\*",
    "[[timeline]] {{summary}} ${x}",
    "\u2028# a\u2029| b \x0b\x0c\x85\x1c",
    "\u202egnp.exe \ud83d end",
    "ends with \\",
    "🔥 日本語 é",
]
WORDS = st.lists(
    st.sampled_from([*HOSTILE, *"\\|`#-+*_<>[]()!&;~\n\r\t 1.:=$@{}"]) | st.text(max_size=8),
    max_size=8,
).map("".join)


@pytest.fixture(scope="module")
def program() -> Iterator[ModuleType]:
    """The program's main module; its parts leave no names behind."""
    kept = {name: sys.modules.pop(name) for name in PARTS if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("main")
    finally:
        sys.path.remove(str(FOLDER))
        for name in PARTS:
            sys.modules.pop(name, None)
        sys.modules.update(kept)


def filled(words: str) -> dict[str, Any]:
    """An input that has `words` wherever people's text may stand."""
    event = {"type": "step.failed", "actor": words, "description": words, "run": words}
    approval = {"gate": words, "status": words, "approverId": words, "source": words}
    return {
        "incident": {"id": words or "x", "title": words, "severity": words, "status": words}
        | {"impactedServices": [words]},
        "events": [{**event, "step": words, "sequence": 1}],
        "approvals": [{**approval, "reason": words, "workflowId": words}],
        "actionItems": [{"text": words, "owner": words}],
    }


def shape(markdown: str) -> list[str]:
    """The kinds of tokens of a document, in order, but for plain text within a line."""
    kinds = []
    for token in PARSER.parse(markdown):
        inner = {child.type for child in token.children or ()} - {"text", "text_special"}
        kinds += [token.type, *sorted(inner)]
    return kinds


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_text_does_not_change_the_document(program: ModuleType, words: str) -> None:
    assert shape(program.answer(filled(words))["markdown"]) == shape(
        program.answer(filled("plain"))["markdown"]
    )


@settings(max_examples=60, deadline=None)
@given(words=WORDS)
def test_no_text_breaks_out_and_all_of_it_is_shown(program: ModuleType, words: str) -> None:
    made = program.answer(filled(words))
    assert shape(made["markdown"]) == shape(program.answer(filled("plain"))["markdown"])
    assert made == program.answer(filled(words))
    assert len(made["title"]) <= 255
    shown = importlib.import_module("escaping").one_line(words) or "not recorded"
    tokens = PARSER.parse(made["markdown"])
    lines = ["".join(child.content for child in each.children or ()) for each in tokens]
    assert f"{shown} (owner: {shown})" in lines
    assert lines.count(shown) >= 9


def test_bare_addresses_do_not_become_links(program: ModuleType) -> None:
    markdown = program.answer(filled("https://evil.example www.evil.example a@b.example"))[
        "markdown"
    ]
    assert "https://" not in markdown
    assert "www.evil" not in markdown
    assert "a@b" not in markdown


def test_events_stand_in_the_order_of_the_chain(program: ModuleType) -> None:
    events = [{"type": f"note.{letter}", "sequence": n} for letter, n in (("b", 2), ("a", 1))]
    document = filled("plain") | {"events": events, "template": "[[timeline]]\n[[runs]]"}
    markdown = program.answer(document)["markdown"]
    assert markdown.index("note.a") < markdown.index("note.b")
    assert "No results of steps are recorded." in markdown


def test_an_end_before_the_start_gives_no_number(program: ModuleType) -> None:
    no_number = "cannot be told, since the recorded end is before the recorded start"
    document = filled("plain") | {"template": "[[metrics]]"}
    document["incident"] |= {
        "startedAt": "2026-03-01T02:14:00.000Z",
        "acknowledgedAt": "2026-03-01T02:13:59.999Z",
        "resolvedAt": "2026-03-02T04:14:01.999Z",
    }
    assert program.answer(document)["markdown"].splitlines() == [
        f"- MTTA (started to acknowledged): {no_number}",
        "- MTTR (started to resolved): 26 h 00 min 01 s",
    ]


def test_the_standard_document_has_every_section(program: ModuleType) -> None:
    lines = program.answer(filled("plain"))["markdown"].splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "# Post-mortem plain: plain",
        "## Summary",
        "## Impact",
        "## Timeline",
        "## Metrics",
        "## Decisions",
        "## What ran",
        "## Action items",
    ]


def test_what_ran_leaves_out_what_did_not_end(program: ModuleType) -> None:
    kinds = [
        "run.started",
        "step.started",
        "step.retry",
        "step.skipped",
        "step.failed",
        "runbook.ran",
        "run.ended",
    ]
    events = [{"type": kind, "sequence": number} for number, kind in enumerate(kinds)]
    lines = program.answer(filled("plain") | {"events": events, "template": "[[runs]]"})
    assert [line.split(" | ")[3] for line in lines["markdown"].splitlines()[2:]] == kinds[-3:]


def test_a_document_of_very_much_is_one_that_a_step_may_give(program: ModuleType) -> None:
    """Each character of the texts is several in Markdown."""
    many, few = range(1_000), {"type": "note.rare", "sequence": 0, "description": "seen"}
    words = "|&" * 400
    document = filled("plain")
    document["events"] = [few] + [
        {"type": kind, "sequence": number, "description": words, "run": "w"}
        for number in many
        for kind in ("step.failed", "step.succeeded")
    ]
    document["approvals"] = [{"gate": "g", "status": "Approved", "reason": words} for _ in many]
    made = program.answer(document)
    assert len(json.dumps(made, ensure_ascii=False).encode()) < MAX_OUTPUT_BYTES
    lines = made["markdown"].splitlines()
    assert any("| note.rare |" in line for line in lines)
    failed = [line for line in lines if "| step.failed |" in line]
    assert 0 < len(failed) < 1_000
    told = [line for line in lines if line.startswith("Left out, since")]
    numbers = [[int(n.replace(",", "")) for n in re.findall(r"(\d[\d,]*) ", line)] for line in told]
    decided = sum(line.startswith("| g |") for line in lines)
    shown = sum("| w |" in line for line in failed)
    assert numbers == [
        [1_000 - (len(failed) - shown)],
        [1_000 - decided],
        [1_000 - shown, 1_000],
    ]
