"""The program of golden.transformers.incident-timeline against the real service."""

import asyncio
import contextlib
import csv
import io
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
from markdown_it import MarkdownIt
from sqlalchemy.engine import URL

from engine.incidents.incident import NewEvent
from engine.incidents.store import Store
from engine.plan import MAX_OUTPUT_BYTES
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


@pytest.fixture
def of_run(url: URL, incident: str) -> Iterator[Callable[..., None]]:
    """Writes on its timeline what only a worker may write."""
    with contextlib.closing(Store(url)) as store:

        def written(type_: str, count: int, gates: bool = False) -> None:
            made = [
                NewEvent(
                    type=type_,
                    description="look went well",
                    key=f"run/x/{type_}/{number}",
                    run="x",
                    gate=f"gate-{number}" if gates else None,
                )
                for number in range(count)
            ]
            store.append(incident, made)

        yield written


async def test_a_digest_is_all_that_a_post_mortem_shows(
    call: Call, of_run: Callable[..., None]
) -> None:
    await call("transition", to="Investigating")
    for kind, count in (("step.started", 3), ("step.succeeded", 2), ("step.failed", 1)):
        of_run(kind, count)
    digest, query = await call("digest"), await call("query")
    assert digest["leftOut"] == {"events": {"step.started": 3}, "approvals": 0}
    assert [event["sequence"] for event in digest["events"]] == [
        event["sequence"] for event in query["events"] if event["type"] != "step.started"
    ]
    assert (digest["incident"], digest["metrics"]) == (query["incident"], query["metrics"])


async def test_of_too_many_events_those_of_rare_types_are_given_first(
    call: Call, of_run: Callable[..., None]
) -> None:
    of_run("step.succeeded", 500)
    flood = [{"type": "note.flood", "description": "x" * 4_000} for _ in range(400)]
    await call("record", events=flood)
    await call("record", key="late", events=[{"type": "note.late", "description": "the last"}])
    refused = (await call("query"))["error"]
    assert refused["code"] == "TOO_LARGE"
    assert "900,000 bytes" in refused["message"]
    digest = await call("digest")
    assert len(json.dumps(digest)) < MAX_OUTPUT_BYTES
    types = [event["type"] for event in digest["events"]]
    assert (types[0], types[-1]) == ("incident.opened", "note.late")
    shown = types.count("note.flood")
    assert 100 < shown < 400
    went_well = types.count("step.succeeded")
    assert went_well < 50
    left_out = {"note.flood": 400 - shown, "step.succeeded": 500 - went_well}
    assert digest["leftOut"] == {"events": left_out, "approvals": 0}


async def test_a_digest_of_very_much_is_what_the_post_mortem_takes(
    call: Call, of_run: Callable[..., None]
) -> None:
    of_run("gate.opened", 1_100, gates=True)
    of_run("step.succeeded", 6_000)
    digest = await call("digest")
    assert len(digest["approvals"]) + digest["leftOut"]["approvals"] == 1_100
    given = {name: digest[name] for name in ("incident", "events", "approvals", "leftOut")}
    made = await asyncio.to_thread(program("transformers/post-mortem", {}, {}).call, given)
    assert " approvals." in made["markdown"]


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
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\n=1+1", "\r=1+1", "\t@a", "\uff1d1+1"]
)
def test_no_cell_of_a_csv_is_a_formula(cell: str) -> None:
    [row] = csv.DictReader(io.StringIO(formatted("csv", {"description": cell})))
    assert row["description"] == f"'{cell}"


def test_no_cell_of_a_csv_ends_its_row() -> None:
    said = "alice said\r=1+1"
    shown = io.StringIO(formatted("csv", {"description": said}), newline="")
    [row] = csv.DictReader(shown)
    assert row["description"] == said


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
