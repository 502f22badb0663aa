"""The program of golden.transformers.incident-timeline against the real service."""

import asyncio
import csv
import io
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
from markdown_it import MarkdownIt

from tests.vendors.odd import ODD
from tests.vendors.program import program

Answer: TypeAlias = dict[str, Any]
Call: TypeAlias = Callable[..., Awaitable[Answer]]
CONTEXT = {"initiator_id": "alice"}
FOLDER = Path(__file__).parents[2] / "capabilities/transformers/incident-timeline"


@pytest.fixture
def call(served: httpx.AsyncClient, incident: str) -> Call:
    token = served.headers["Authorization"].removeprefix("Bearer ")
    config = {"url": str(served.base_url).removesuffix("/v1/")}
    capability = program("transformers/incident-timeline", config, {"token": token})

    async def called(operation: str, key: str = "key-1", **given: Any) -> Answer:
        document = {"operation": operation, "incident": incident, **given}
        return await asyncio.to_thread(capability.call, document, key=key, context=CONTEXT)

    return called


async def test_a_life_with_what_was_made_on_the_way(call: Call) -> None:
    begun = await call("transition", to="Investigating", reason="it is looked at")
    again = await call("transition", to="Investigating")
    assert (begun["changed"], again["changed"]) == (True, False)
    assert begun["incident"]["phase"] == "Triaging"
    page = {"pageId": "7", "pageUrl": "https://example.com/7", "spaceKey": "OPS"}
    await call("link-slack", channelId="C0INC1", channelName="inc-1", archived=False)
    await call("link-statuspage", statuspageId="p1", status="investigating")
    linked = (await call("link-confluence", **page))["incident"]
    assert linked["slack"] == {"channelId": "C0INC1", "channelName": "inc-1", "archived": False}
    assert linked["statuspage"] == {"statuspageId": "p1", "status": "investigating"}
    assert linked["confluence"] == page
    assert (await call("get-incident"))["incident"] == linked


async def test_a_wrong_transition_says_what_is_possible(call: Call) -> None:
    error = (await call("transition", to="Closed"))["error"]
    assert error["code"] == "WRONG_TRANSITION"
    assert "it can become Investigating" in error["message"]


async def test_an_attempt_that_is_repeated_records_nothing_new(call: Call) -> None:
    events = [{"type": "note.added", "description": text} for text in ("one", "two")]
    first = await call("record", events=events)
    again = await call("record", events=events)
    other = await call("record", events=events, key="key-2")
    assert (first["changed"], again["changed"], other["changed"]) == (True, False, True)
    notes = (await call("query", type="note.*"))["events"]
    assert [(each["actor"], each["description"]) for each in notes] == [
        ("alice", "one"), ("alice", "two"), ("alice", "one"), ("alice", "two"),
    ]  # fmt: skip


async def test_a_key_of_its_own_holds_over_runs(call: Call) -> None:
    event = {"type": "note.added", "description": "once", "key": "opened", "actor": "bob"}
    for run in ("key-1", "key-2"):
        await call("record", key=run, events=[event])
    [note] = (await call("query", type="note.added"))["events"]
    assert note["actor"] == "bob"


async def test_what_happens_in_runs_is_not_the_capabilitys_to_write(call: Call) -> None:
    event = {"type": "gate.answered", "description": "bob approved"}
    assert (await call("record", events=[event]))["error"]["code"] == "INPUTS"


async def test_a_query_fits_the_post_mortem(call: Call) -> None:
    for to in ("Investigating", "Resolved"):
        await call("transition", to=to)
    queried = await call("query")
    assert queried["metrics"]["mttrSeconds"] >= queried["metrics"]["mttaSeconds"] >= 0
    given = {name: queried[name] for name in ("incident", "events", "approvals")}
    document = await asyncio.to_thread(program("transformers/post-mortem", {}, {}).call, given)
    assert "It is slow" in document["title"]


async def test_formats_hold_what_people_wrote(call: Call) -> None:
    texts = [text.strip()[:4_000] for text in ODD if text.strip()]
    events = [{"type": "note.added", "description": text} for text in ("=1+1", *texts)]
    assert "error" not in await call("record", events=events)
    wanted = (await call("query", type="note.added"))["events"]
    for name in ("json", "csv", "markdown"):
        queried = await call("query", type="note.added", format=name)
        assert queried["events"] == wanted
        shown = queried["text"]
        if name == "json":
            assert json.loads(shown) == wanted
        elif name == "csv":
            rows = list(csv.DictReader(io.StringIO(shown)))
            assert len(rows) == len(wanted)
            assert rows[0]["description"] == "'=1+1"
        else:
            assert len(shown.splitlines()) == len(wanted) + 2
            assert "&lt;script&gt;" in shown


HOSTILE = "@channel a | b\n# c [d](https://evil.example) \u202e \x1b[31m $x$"


def test_markdown_of_hostile_text_pings_links_and_moves_nothing() -> None:
    found = formatted("markdown", {"actor": "@here", "description": HOSTILE})
    [row] = found.splitlines()[2:]
    html = MarkdownIt("commonmark").enable("table").render(found)
    assert html.count("<td>") == 3
    assert "<a" not in html
    assert "https:" not in row
    assert "<h1" not in html
    assert "\u202e" not in row
    assert "\x1b" not in row
    assert row.count("@") == row.count("\\@") == 2


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\n=1+1", "\t@a", "\uff1d1+1"]
)
def test_no_cell_of_a_csv_is_a_formula(cell: str) -> None:
    [row] = csv.DictReader(io.StringIO(formatted("csv", {"description": cell})))
    assert row["description"] == f"'{cell}"


def formatted(name: str, event: dict[str, str]) -> str:
    """What the program makes of one event, without a service."""
    code = (
        "import json, sys; from formats import FORMATS;"
        "sys.stdout.write(FORMATS[sys.argv[1]](json.load(sys.stdin)))"
    )
    whole = {"at": "2026-03-01T02:14:00.000Z", "actor": "bob", "description": "", **event}
    done = subprocess.run(
        [sys.executable, "-c", code, name], input=json.dumps([whole]).encode(), timeout=30,
        cwd=FOLDER, capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout.decode()


def test_text_is_escaped_as_in_a_post_mortem() -> None:
    """Each folder stands alone, so the file is there twice."""
    own, other = (FOLDER.parent / name / "escaping.py" for name in (FOLDER.name, "post-mortem"))
    assert own.read_bytes() == other.read_bytes()


async def test_a_service_that_knows_another_token(served: httpx.AsyncClient, incident: str) -> None:
    config = {"url": str(served.base_url).removesuffix("/v1/")}
    other = program("transformers/incident-timeline", config, {"token": "another"})
    given = {"operation": "get-incident", "incident": incident}
    answer = await asyncio.to_thread(other.call, given)
    assert answer["error"]["code"] == "UNAUTHORIZED"
