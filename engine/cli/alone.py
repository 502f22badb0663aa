"""Runs one capability alone, for `capability run` and `runbook run`: the checks are a run's."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import click

from engine.cli import output
from engine.cli.desk import desk
from engine.cli.frame import Frame
from engine.errors import ContractViolation, NotAllowed, RunRefused
from engine.messages import StepAnswer
from engine.plan import Effect, Json


@dataclass(frozen=True, slots=True)
class Alone:
    """What is to be run, and for whom."""

    capability: str
    given: Mapping[str, Json]
    config: Mapping[str, Json]
    context: Mapping[str, Json]
    initiator: str
    runner: str | None
    """As `--runner` says; None takes harmony.yaml's."""


def run(frame: Frame, wanted: Alone) -> StepAnswer:
    """Run it to its end and give what came out; wrong input, and who may not, are refused before.

    What the program says on stderr is shown, without secrets. Ctrl-C ends it and all it started.
    """
    try:
        return asyncio.run(_run(frame, wanted))
    except (ContractViolation, NotAllowed) as error:
        if error.started:
            raise
        raise RunRefused(error.message, code=error.code) from None


async def _run(frame: Frame, wanted: Alone) -> StepAnswer:
    from engine.runners.choice import choose_runner
    from engine.steps.capability_cases import execute_capability
    from engine.steps.flags import Flags
    from engine.steps.step_execution import StepExecutor

    project = frame.project
    settings = project.settings
    runner, choice = choose_runner(wanted.runner or settings.runner, project.containers)
    output.say(choice)
    flags = Flags(settings.flags_file, os.environ, warn=output.say)
    try:
        async with desk(frame) as incidents:
            answer = await execute_capability(
                project,
                StepExecutor(project, runner, flags, service=incidents.service),
                wanted.capability,
                dict(wanted.given),
                config=wanted.config,
                context=wanted.context,
                initiator=wanted.initiator,
                listen=_listen,
            )
    finally:
        await flags.close()
        await runner.close()
    for warning in answer.warnings:
        output.say(output.style("warning: ", fg="yellow") + output.clean(warning))
    return answer


def _listen(words: str) -> None:
    if words.strip():
        output.say(output.clean(words.rstrip()))


def confirm(what: str, effect: Effect, *, yes: bool) -> None:
    """Have a destructive effect confirmed: at the terminal, or by `--yes`; no gate is before it."""
    if effect != "destructive" or yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise RunRefused(
            f"{what} is destructive and no gate is before it; say --yes, or run it by a blueprint"
        )
    if not click.confirm(f"{what} is destructive. Run it?", err=True):
        raise click.Abort
