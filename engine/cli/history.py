"""`harmony history`: everything that happened in a run, when, and who did it."""

import asyncio

import click
import msgspec

from engine.cli import output
from engine.cli.frame import Frame, harmony_command
from engine.cli.reach import service
from engine.cli.shown import clock, one_line
from engine.messages import Entry


@harmony_command("history")
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
def command(frame: Frame, run: str, follow: bool) -> int:  # noqa: FBT001
    """Show everything that happened, with who and when."""
    return asyncio.run(_follow(frame, run) if follow else _history(frame, run))


async def _history(frame: Frame, run: str) -> int:
    async with service(frame, "kept") as temporal:
        entries = await temporal.runs.history(run)
    if frame.json:
        output.document(frame, [_told(entry) for entry in entries])
    else:
        for entry in entries:
            output.result(_line(entry))
    return 0


async def _follow(frame: Frame, run: str) -> int:
    shown = 0
    async with service(frame, "kept") as temporal:
        async for _ in temporal.runs.follow(run):
            entries = await temporal.runs.history(run)
            for entry in entries[shown:]:
                if frame.json:
                    output.json_line(frame, _told(entry))
                else:
                    output.result(_line(entry))
            shown = len(entries)
    return 0


def _told(entry: Entry) -> Entry:
    """Without what the text says already."""
    return msgspec.structs.replace(entry, data={})


def _line(entry: Entry) -> str:
    about = f"  [{one_line(_who(entry))}]" if entry.who else ""
    return f"{clock(entry.at)}  {one_line(entry.event)}: {one_line(entry.text, 500)}{about}"


def _who(entry: Entry) -> str:
    """`alice (cli, root on bastion)`."""
    system = f"{entry.user or '?'} on {entry.host}" if entry.host else entry.user
    whence = ", ".join(word for word in (entry.source, system) if word)
    return f"{entry.who} ({whence})" if whence else str(entry.who)
