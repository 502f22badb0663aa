"""`harmony list`: the runs there are, those under way first."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from engine import instants
from engine.cli import completing, output
from engine.cli.frame import Frame, harmony_command
from engine.cli.reach import service
from engine.cli.run_lines import status_word
from engine.cli.shown import clock, span
from engine.plan import Json

if TYPE_CHECKING:
    from engine.temporal.client import ListedRun

_STATUS = ("running", "succeeded", "failed", "rejected", "timed_out", "cancelled")
_HEADER = ("RUN", "BLUEPRINT", "STATUS", "SEVERITY", "INCIDENT", "STARTED", "TOOK")


@harmony_command("list")
@click.option("--blueprint", metavar="ID", shell_complete=completing.blueprints)
@click.option("--status", type=click.Choice(_STATUS))
@click.option("--incident", metavar="INCIDENT")
@click.option("--severity", type=click.Choice(["P1", "P2", "P3", "P4"]))
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
def command(frame: Frame, limit: int, **wanted: str | None) -> int:
    """List runs: those under way, then those that ended, the latest first."""
    found = asyncio.run(_found(frame, wanted, limit))
    if frame.json:
        output.document(frame, [_document(run) for run in found])
        return 0
    for line in output.table([_row(run) for run in found], _HEADER):
        output.result(line)
    if not found:
        output.say("No runs.")
    elif len(found) == limit:
        output.say(f"The latest {limit}; --limit shows more.")
    return 0


async def _found(frame: Frame, wanted: dict[str, str | None], limit: int) -> "list[ListedRun]":
    async with service(frame, "kept") as temporal:
        from engine.temporal.client import RunFilter

        return await temporal.runs.list(RunFilter(**wanted), limit=limit)


def _document(run: "ListedRun") -> dict[str, Json]:
    return {
        "run": run.run,
        "blueprint": run.blueprint,
        "status": run.status,
        "incident": run.incident,
        "severity": run.severity,
        "startedAt": _instant(run.started_at),
        "finishedAt": _instant(run.closed_at) if run.closed_at else None,
    }


def _instant(at: datetime) -> str:
    return instants.render(int(at.timestamp() * 1000))


def _row(run: "ListedRun") -> tuple[str, ...]:
    end = run.closed_at or datetime.now(UTC)
    return (
        run.run,
        run.blueprint,
        status_word(run.status)[0],
        run.severity or "",
        run.incident or "",
        clock(_instant(run.started_at)),
        span((end - run.started_at).total_seconds()),
    )
