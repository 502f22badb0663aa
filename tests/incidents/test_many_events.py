"""An incident with more on its timeline than a run can carry is closed like any other."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from engine.incidents.incident import NewEvent
from tests.incidents.lifecycle import Lifecycle, lifecycle

STEPS = 6_000
FAILED = 6
RUN = "incident.remediate-INC-2026-0001"


def of_steps(number: int) -> list[NewEvent]:
    """What a run wrote of its steps: all went well but for each thousandth."""
    return [
        NewEvent(
            type="step.failed" if n % 1_000 == 0 else "step.succeeded",
            description=f"look-{n} looked at everything there is to see, and saw that it was good",
            key=f"run/x/{n}",
            run=RUN,
            step=f"look-{n}",
            data={"attempts": 1},
        )
        for n in range(number)
    ]


async def resolved(life: Lifecycle) -> str:
    incident = await life.opened("P1", "db-17 is slow")
    for to in ("Investigating", "Resolved"):
        await asyncio.to_thread(life.store.transition, incident, to)
    events = of_steps(STEPS)
    for start in range(0, STEPS, 500):
        await asyncio.to_thread(life.store.append, incident, events[start : start + 500])
    return incident


@pytest.mark.timeout(300)
async def test_it_is_closed_and_its_post_mortem_says_what_it_leaves_out(
    client: Client, tmp_path: Path
) -> None:
    async with lifecycle(client, tmp_path) as life:
        incident = await resolved(life)
        run = await life.start("incident.post-mortem", incident, by="carol")
        assert (await life.answered(run, "review")).accepted
        view = await life.ended(run)
        assert view.status == "succeeded", view.error
        assert (await life.incident(incident)).status == "Closed"
        assert (await life.made(incident))["documents"] == 1
        assert await life.intact(incident)
    output: Any = view.steps["build"].output
    markdown = output["markdown"]
    rows = [line for line in markdown.splitlines() if f"| {RUN} |" in line]
    [left_out] = re.findall("more than fit: ([0-9,]+) step.succeeded[.]", markdown)
    assert len(rows) + int(left_out.replace(",", "")) == STEPS
    assert sum("| step.failed |" in row for row in rows) == FAILED
    assert "events of steps that did not fail." in markdown
    assert re.search(r"MTTR \(started to resolved\): \d+ min \d\d s", markdown)
