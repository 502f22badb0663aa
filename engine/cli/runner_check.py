"""The runner that was asked for, looked at before anything is started for it."""

import click

from engine.cli.frame import Frame
from engine.cli.reach import on_cluster


def check_runner(frame: Frame, asked: str | None) -> None:
    """Refuse, with what to do, a runner that this command's worker could not have.

    `auto` always finds one, so nothing is looked for.
    """
    wanted = asked or frame.project.settings.runner
    if wanted != "auto":
        from engine.runners.choice import choose_runner

        choose_runner(wanted, frame.project.containers)


def refuse_on_cluster(asked: str | None) -> None:
    """`run` has no worker of its own on a cluster: what runs steps there is the workers' choice."""
    if asked is not None and on_cluster():
        raise click.UsageError(
            "--runner says what this command's own worker takes; with TEMPORAL_ADDRESS set the "
            "cluster's workers run the steps: give it to `harmony worker`"
        )
