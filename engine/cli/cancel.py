"""`harmony cancel`: stop a run; what it did is undone, then `finally` runs."""

import asyncio
import shlex

import click

from engine.cli import arguments, output
from engine.cli.frame import Frame, harmony_command, program
from engine.cli.reach import service
from engine.messages import Actor


@harmony_command("cancel")
@click.argument("run")
@arguments.as_option
def command(frame: Frame, run: str, acting_as: str | None) -> int:
    """Cancel a run: what it did is undone, then its `finally` steps run."""
    return asyncio.run(_cancel(frame, run, arguments.who(acting_as)))


async def _cancel(frame: Frame, run: str, by: Actor) -> int:
    async with service(frame, "running") as temporal:
        await temporal.runs.cancel(run, by)
    if frame.json:
        output.document(frame, {"run": run, "cancelling": True})
    else:
        output.say("The run stops: what it did is undone, then `finally` runs. See how it ends:")
        output.say(f"  {program()} status {shlex.quote(run)} --follow")
    return 0
