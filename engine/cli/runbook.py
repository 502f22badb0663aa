"""`harmony runbook`: what there is, one to read, one to run."""

from collections.abc import Iterator

import click

from engine import durations
from engine.cli import completing, fault_output, output, schema_text
from engine.cli.definitions import known_runbook
from engine.cli.frame import Frame, harmony_command, harmony_group
from engine.cli.runbook_run import run_command
from engine.language.runbook import Runbook
from engine.plan import Json


@harmony_command("list")
def list_command(frame: Frame) -> None:
    """List the project's runbooks."""
    catalog = frame.project.catalog
    found = [r for name in catalog.runbooks() if (r := catalog.runbook(name)) is not None]
    if frame.json:
        output.document(frame, [_short(each) for each in found])
        return
    rows = [
        (r.name, r.effect, ", ".join(r.parameters.get("properties", {})) or "-", r.title)
        for r in found
    ]
    for line in output.table(rows, ("RUNBOOK", "EFFECT", "PARAMETERS", "TITLE")):
        output.result(line)
    if not rows:
        output.say("no runbooks; `harmony new runbook NAME` makes one")


@harmony_command("show")
@click.argument("runbook", metavar="NAME", shell_complete=completing.runbooks)
def show_command(frame: Frame, runbook: str) -> None:
    """Show a runbook: its parameters and the blocks that would run."""
    found = known_runbook(frame.project.catalog, runbook)
    if frame.json:
        output.document(frame, _whole(found))
    else:
        output.result("\n".join(_page(found)))
        fault_output.show(found.faults, frame.project.folder)


command = harmony_group(
    "runbook", list_command, show_command, run_command, help="List, show or run runbooks."
)


def _short(runbook: Runbook) -> dict[str, Json]:
    return {
        "name": runbook.name,
        "title": runbook.title,
        "owner": runbook.owner,
        "effect": runbook.effect,
        "parameters": runbook.parameters,
        "healthy": all(fault.severity != "error" for fault in runbook.faults),
    }


def _whole(runbook: Runbook) -> dict[str, Json]:
    blocks = [
        {
            "name": b.name,
            "language": b.language,
            "code": b.code,
            "line": b.line,
            "runsWithAll": not b.excluded,
        }
        for b in runbook.blocks
    ]
    return {
        **_short(runbook),
        "digest": runbook.digest,
        "allowOutbound": runbook.allow_outbound,
        "timeoutMs": runbook.timeout_ms,
        "image": runbook.image,
        "blocks": blocks,
        "faults": runbook.faults,
    }


def _page(runbook: Runbook) -> Iterator[str]:
    r = runbook
    yield output.style(output.clean(r.name), bold=True) + output.clean(f"  {r.title}")
    yield ""
    facts = {
        "owner": r.owner,
        "effect": r.effect,
        "hosts": ", ".join(r.allow_outbound) or "none: no network",
        "at most": durations.render(r.timeout_ms) if r.timeout_ms else "as long as its step may",
        "digest": r.digest,
    }
    yield from ("  " + line for line in output.table(list(facts.items())))
    yield from ("", output.style("parameters", bold=True), *schema_text.lines(r.parameters))
    for block in r.blocks:
        note = " (only where it is named)" if block.excluded else ""
        yield ""
        yield output.style(output.clean(block.name), bold=True) + f"  {block.language}{note}"
        yield from ("    " + output.clean(line) for line in block.code.rstrip().split("\n"))
