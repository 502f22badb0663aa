"""`harmony start`: a run on the cluster, or on the embedded server that is running."""

import asyncio
import shlex

from engine.cli import incident_start, output
from engine.cli.frame import Frame, harmony_command, program
from engine.cli.ordering import Order, check, order, order_options
from engine.cli.reach import service


@harmony_command("start")
@order_options
def command(
    frame: Frame,
    blueprint: str,
    given_inputs: tuple[str, ...],
    given_context: tuple[str, ...],
    severity: str | None,
    acting_as: str | None,
    run_id: str | None,
    solo: bool,  # noqa: FBT001
) -> int:
    """Start a blueprint and print the run's id; a worker carries it out."""
    asked = order(
        blueprint,
        given_inputs=given_inputs,
        given_context=given_context,
        severity=severity,
        acting_as=acting_as,
        run_id=run_id,
        solo=solo,
    )
    return asyncio.run(_start(frame, asked))


async def _start(frame: Frame, asked: Order) -> int:
    check(frame, asked)
    async with service(frame, "running") as temporal:
        asked = await incident_start.start(frame, asked, temporal.runs)
        output.say(
            f"Started by {output.clean(asked.actor.name)}; a worker carries it out. Follow it:"
        )
        output.say(f"  {program()} status {shlex.quote(asked.run)} --follow")
        link = temporal.link(asked.run)
        if link:
            output.say(f"  {link}")
    if frame.json:
        output.document(frame, {"run": asked.run})
    else:
        output.result(asked.run)
    return 0
