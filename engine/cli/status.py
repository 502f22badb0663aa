"""`harmony status`: what one run has done, what it waits for, and what to type."""

import asyncio

import click

from engine.cli import output
from engine.cli.frame import Frame, harmony_command, program
from engine.cli.presenter import presenter
from engine.cli.reach import Service, service
from engine.cli.run_lines import (
    Line,
    decision_line,
    ending,
    gate_lines,
    heading,
    open_gates,
    output_lines,
    step_lines,
    words,
)
from engine.messages import RunView


@harmony_command("status")
@click.argument("run")
@click.option("--follow", "-f", is_flag=True, help="Go on showing it until it has ended.")
def command(frame: Frame, run: str, follow: bool) -> int:  # noqa: FBT001
    """Show one run: its steps, its gates and who must answer them, its outputs."""
    return asyncio.run(_follow(frame, run) if follow else _status(frame, run))


async def _status(frame: Frame, run: str) -> int:
    async with service(frame, "kept") as temporal:
        seen = await temporal.runs.look(run)
        if not seen.answered:
            output.say(output.style(unserved(), fg="yellow"))
        if frame.json:
            output.document(frame, seen.view)
        else:
            _show(temporal, seen.view)
    return 0


async def _follow(frame: Frame, run: str) -> int:
    async with service(frame, "kept") as temporal:
        shown = presenter()
        seen = await temporal.runs.look(run)
        shown.note(heading(seen.view))
        if not seen.answered:
            shown.note(((unserved(), "yellow"),))
            shown.show(seen.view)
        async for view in temporal.runs.follow(run):
            shown.show(view)
            if frame.json:
                output.json_line(frame, view)
        shown.close()
        for line in ending(view):
            output.say(words(line))
        if not frame.json:
            print_outputs(view)
    return 0


def unserved() -> str:
    """What to say of a run that no worker answers for."""
    return (
        "No worker answers, so this run stands still and is shown as its history has it; "
        f"start one with `{program()} worker`."
    )


def print_outputs(view: RunView) -> None:
    """The run's outputs, on stdout."""
    for text in output_lines(view):
        output.result(text)


def _show(temporal: Service, view: RunView) -> None:
    for line in report(view):
        output.result(words(line))
    if view.outputs:
        output.result("\nOutputs")
        for text in output_lines(view):
            output.result(f"  {text}".replace("\n", "\n  "))
    link = temporal.link(view.run)
    if link:
        output.result(f"\n{link}")


def report(view: RunView) -> list[Line]:
    """What a person woken by this run reads: what it waits for first, then how it got there."""
    lines = [heading(view)]
    waiting = open_gates(view)
    if waiting:
        lines += [(), (("Waiting for", "yellow"),)]
    for path, gate in waiting.items():
        lines += [(("  ", None), *line) for line in gate_lines(view.run, path, gate)]
    more = ending(view)
    lines += [(), *more] if more else []
    if view.steps:
        lines += [(), (("Steps", None),), *((("  ", None), *line) for line in step_lines(view))]
    answers = [(path, d) for path, gate in view.gates.items() for d in gate.decisions]
    if answers:
        lines += [(), (("Answers", None),)]
        lines += [(("  ", None), *decision_line(path, decision)) for path, decision in answers]
    return lines
