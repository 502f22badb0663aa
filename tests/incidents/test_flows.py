"""The incident's blueprints on a real server, while vendors fail; then they are run again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from temporalio.client import Client

from engine.plan import Retry
from engine.run import call_ends
from engine.run.calls import back_off
from tests.canned import outcomes
from tests.incidents.lifecycle import Lifecycle, lifecycle

Scenario: TypeAlias = Callable[[Lifecycle], Awaitable[None]]
INITIATED = {"channels": 1, "announcements": 1, "pages": 1}
FASTER = 20
"""How many times as soon an attempt follows another here: shipped capabilities wait half a minute
for a vendor that is down."""


@pytest.fixture
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts as ever, after less waiting."""

    def sooner(retry: Retry, attempt: int, retry_after_ms: int | None) -> int:
        return back_off(retry, attempt, retry_after_ms) // FASTER

    monkeypatch.setattr(call_ends, "back_off", sooner)


async def made(life: Lifecycle, incident: str) -> dict[str, int]:
    """What there is, without what there is none of."""
    return {name: count for name, count in (await life.made(incident)).items() if count}


async def statuspage_is_down(life: Lifecycle) -> None:
    incident = await life.opened("P1")
    await life.fails("statuspage")
    first = await life.run("incident.initiate", incident)
    assert first.status == "failed"
    assert outcomes(first)["publish_now"] == "failed"
    assert first.steps["publish_now"].attempts == 5
    assert first.undone == ()
    assert await made(life, incident) == {"channels": 1, "announcements": 1}
    known = await life.incident(incident)
    assert (known.status, known.statuspage) == ("Investigating", None)
    assert known.slack is not None
    [part] = await life.told(incident, "incident.initiated")
    assert "started in part" in part
    assert "not told" in part
    await life.fails("statuspage", "well")
    again = await life.run("incident.initiate", incident)
    assert again.status == "succeeded", again
    assert again.outputs["channel"] == first.outputs["channel"]
    assert await made(life, incident) == INITIATED
    third = await life.run("incident.initiate", incident)
    assert third.status == "succeeded", third
    assert await made(life, incident) == INITIATED
    assert len(await life.told(incident, "incident.initiated")) == 2
    assert await life.intact(incident)


async def slack_is_down(life: Lifecycle) -> None:
    incident = await life.opened("P1")
    await life.fails("slack")
    first = await life.run("incident.initiate", incident)
    assert first.status == "failed"
    assert outcomes(first)["publish_now"] == "succeeded"
    assert await made(life, incident) == {"pages": 1}
    known = await life.incident(incident)
    assert (known.slack, known.statuspage is None) == (None, False)
    await life.fails("slack", "well")
    again = await life.run("incident.initiate", incident)
    assert again.status == "succeeded", again
    assert again.outputs["statuspage"] == first.outputs["statuspage"]
    assert await made(life, incident) == INITIATED
    assert await life.intact(incident)


async def the_end_of_an_incident(life: Lifecycle) -> None:
    incident = await life.opened("P1")
    assert (await life.run("incident.initiate", incident)).status == "succeeded"
    await life.fails("statuspage")
    run = await life.start("incident.close-out", incident)
    assert (await life.answered(run, "ask")).accepted
    closing = await life.ended(run)
    assert (closing.status, outcomes(closing)["page"]) == ("failed", "failed")
    assert (await life.incident(incident)).status == "Resolved"
    assert await made(life, incident) == {**INITIATED, "resolutions": 1}
    await life.fails("statuspage", "well")
    run = await life.start("incident.close-out", incident)
    assert (await life.answered(run, "ask")).accepted
    assert (await life.ended(run)).status == "succeeded"
    closed = {**INITIATED, "resolutions": 1, "resolved": 1}
    assert await made(life, incident) == closed
    await life.fails("confluence")
    unwritten = await life.run("incident.post-mortem", incident, by="carol")
    assert (unwritten.status, outcomes(unwritten)["page"]) == ("failed", "failed")
    assert (await life.incident(incident)).status == "PostMortem"
    await life.fails("confluence", "well")
    run = await life.start("incident.post-mortem", incident, by="carol")
    assert not (await life.answered(run, "review", by="carol")).accepted
    assert (await life.answered(run, "review", decision="rejected")).accepted
    assert (await life.ended(run)).status == "rejected"
    run = await life.start("incident.post-mortem", incident, by="carol")
    assert (await life.answered(run, "review")).accepted
    assert (await life.ended(run)).status == "succeeded"
    assert await made(life, incident) == {**closed, "documents": 1, "links": 1}
    known = await life.incident(incident)
    assert known.status == "Closed"
    assert known.confluence is not None
    assert (await life.run("incident.post-mortem", incident, by="carol")).status == "succeeded"
    assert await made(life, incident) == {**closed, "documents": 1, "links": 1}
    assert await life.intact(incident)


async def answers_are_lost(life: Lifecycle) -> None:
    """What was asked for is done, and the connection breaks before the answer."""
    incident = await life.opened("P1")
    for vendor in ("slack", "statuspage", "confluence"):
        await life.fails(vendor, "lost", 1)
    begun = await life.run("incident.initiate", incident)
    assert begun.status == "succeeded", begun
    assert max(step.attempts for step in begun.steps.values()) > 1
    assert await made(life, incident) == INITIATED
    for vendor in ("slack", "statuspage"):
        await life.fails(vendor, "lost", 1)
    run = await life.start("incident.close-out", incident)
    await life.answered(run, "ask")
    assert (await life.ended(run)).status == "succeeded"
    assert await made(life, incident) == {**INITIATED, "resolutions": 1, "resolved": 1}


@pytest.mark.usefixtures("soon_again")
@pytest.mark.timeout(400)
async def test_a_vendor_that_is_down_leaves_nothing_half_and_doubles_nothing(
    client: Client, tmp_path: Path
) -> None:
    """Side by side, since most of it is waiting."""

    async def played(scenario: Scenario) -> None:
        async with lifecycle(client, tmp_path) as life:
            await scenario(life)

    scenarios = (statuspage_is_down, slack_is_down, the_end_of_an_incident, answers_are_lost)
    ends = await asyncio.gather(*map(played, scenarios), return_exceptions=True)
    if failed := [end for end in ends if isinstance(end, Exception)]:
        raise ExceptionGroup("scenarios failed", failed)
