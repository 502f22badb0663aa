"""The whole of `incident.initiate` against the sandbox, and fifty incidents at once on one worker.

The sandbox's vendors answer in milliseconds; real ones take longer, and nothing else changes.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from temporalio.client import Client

from benchmarks.measure import Figure
from benchmarks.server import bare_server
from engine import instants
from engine.errors import HarmonyError
from engine.messages import RunView
from tests.incidents.lifecycle import Lifecycle, lifecycle

ROUNDS = 5
AT_ONCE = 50
Span = tuple[int, int]
"""Milliseconds since the epoch: from, to."""


async def figures() -> list[Figure]:
    """Seconds of a P1's start with their shares, with each runner there is; then many at once."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        async with bare_server(Path(name) / "temporal.db") as client:
            for runner in ("process", "dagger"):
                try:
                    found += await _one(client, Path(name), runner)
                except HarmonyError as error:
                    print(f"  not with {runner}: {error}", file=sys.stderr)
            found += await _many(client, Path(name))
    return found


async def _one(client: Client, folder: Path, runner: str) -> list[Figure]:
    async with lifecycle(client, folder, runner=runner) as life:
        best = None
        for _ in range(ROUNDS):
            incident = await life.opened("P1")
            seen = len((await life.vendors())["requests"])
            began = time.perf_counter()
            view = await life.run("incident.initiate", incident)
            took = time.perf_counter() - began
            _must(view.status == "succeeded", f"{view.run} ended {view.status}")
            requests = (await life.vendors())["requests"][seen:]
            if best is None or took < best[0]:
                best = took, _covered(_steps(view)), _covered(map(_request, requests))
    _must(best is not None, "there was no round")
    took, steps, vendors = best or (0.0, 0.0, 0.0)
    share = (
        f"engine {_percent(took - steps, took)}, programs {_percent(steps - vendors, took)}, "
        f"vendors {_percent(vendors, took)}"
    )
    return [Figure(f"incident.initiate, P1, {runner}", took, None, "s", share)]


async def _many(client: Client, folder: Path) -> list[Figure]:
    async with lifecycle(client, folder) as life:
        alone = await life.run("incident.initiate", await life.opened("P1"))
        bare = sum(to - since for since, to in _steps(alone)) / 1000 * AT_ONCE
        opened = [await life.opened("P1", title=f"nr {n}") for n in range(AT_ONCE)]
        began = time.perf_counter()
        views = await asyncio.gather(*(life.run("incident.initiate", each) for each in opened))
        took = time.perf_counter() - began
        await _all_there_once(life, opened, views)
    detail = f"{AT_ONCE / took * 60:.0f} a minute; their steps one after the other {bare:.0f} s"
    return [
        Figure(f"{AT_ONCE} incidents at once, against the sum of their steps", took / bare, 1.0,
               detail=detail)
    ]  # fmt: skip


async def _all_there_once(life: Lifecycle, opened: list[str], views: list[RunView]) -> None:
    """None lost, none doubled, and every timeline as it was written."""
    _must(all(view.status == "succeeded" for view in views), "a run did not succeed")
    _must(len(set(opened)) == AT_ONCE, "an incident's number was given twice")
    state = await life.vendors()
    pages = [
        page["metadata"]["harmony"]["incident_id"] for page in state["statuspage"]["incidents"]
    ]
    for incident in opened:
        name = f"{incident.lower()}-"
        channels = [one for one in state["slack"]["channels"] if one["name"].startswith(name)]
        _must(len(channels) == 1, f"{incident} has {len(channels)} channels")
        _must(len(channels[0]["messages"]) == 1, f"{incident} was not announced once")
        _must(pages.count(incident) == 1, f"{incident} has {pages.count(incident)} pages")
        _must(await life.intact(incident), f"the timeline of {incident} is not intact")


def _steps(view: RunView) -> list[Span]:
    spans = ((step.started_at, step.finished_at) for step in view.steps.values())
    return [(instants.parse(a), instants.parse(b)) for a, b in spans if a and b]


def _request(asked: dict[str, object]) -> Span:
    ended, took = instants.parse(str(asked["at"])), int(str(asked["milliseconds"]))
    return ended - took, ended


def _covered(spans: Iterable[Span]) -> float:
    """Seconds in which at least one of them was under way."""
    total = end = 0
    for since, to in sorted(spans):
        total += max(0, to - max(since, end))
        end = max(end, to)
    return total / 1000


def _percent(part: float, whole: float) -> str:
    return f"{100 * max(part, 0) / whole:.0f} %"


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)
