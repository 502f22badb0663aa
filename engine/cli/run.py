"""`harmony run`: one run to its end, live, with a server and a worker where there is no cluster."""

import asyncio
import contextlib
import os
import shlex
from collections.abc import AsyncIterator
from importlib import import_module

import click

from engine.cli import arguments, asking, incident_start, output
from engine.cli.desk import desk
from engine.cli.frame import Frame, harmony_command, program
from engine.cli.interrupts import Interrupted, Interrupts, unless
from engine.cli.leaving import leave
from engine.cli.ordering import Order, check, order, order_options
from engine.cli.presenter import presenter
from engine.cli.reach import Service, embedded, on_cluster, service
from engine.cli.run_lines import EXIT_STATUS, ending, output_lines, status_word, words
from engine.cli.runner_check import check_runner, refuse_on_cluster
from engine.errors import RunRefused
from engine.messages import RunView, Standing

_CANCEL_SECONDS = 2
"""How long the second Ctrl-C waits for the server to have heard of the first."""


@harmony_command("run")
@order_options
@arguments.runner_option
@click.option("--follow", "-f", is_flag=True, help="With --json: a line for each change.")
def command(
    frame: Frame,
    blueprint: str,
    given_inputs: tuple[str, ...],
    given_context: tuple[str, ...],
    severity: str | None,
    acting_as: str | None,
    run_id: str | None,
    solo: bool,  # noqa: FBT001
    runner: str | None,
    follow: bool,  # noqa: FBT001
) -> int:
    """Run a blueprint to its end and show each step.

    Where TEMPORAL_ADDRESS is not set an embedded Temporal server and a worker are started with it.
    Ctrl-C cancels the run: what it did is undone; a second Ctrl-C leaves it alone.
    """
    refuse_on_cluster(runner)
    asked = order(
        blueprint,
        given_inputs=given_inputs,
        given_context=given_context,
        severity=severity,
        acting_as=acting_as,
        run_id=run_id,
        solo=solo,
    )
    return asyncio.run(_Running(frame, asked, runner, follow=follow).to_its_end())


class _Running:
    """One call of `harmony run`."""

    def __init__(self, frame: Frame, asked: Order, runner: str | None, *, follow: bool) -> None:
        self._frame = frame
        self._asked = asked
        self._runner = runner
        self._follow = follow
        self._shown = presenter()

    async def to_its_end(self) -> int:
        """Start the run and follow it; the exit status."""
        interrupts = Interrupts()
        try:
            async with contextlib.AsyncExitStack() as held:
                temporal, worker = await unless(interrupts.first, self._prepare(held))
                self._asked = await incident_start.start(self._frame, self._asked, temporal.runs)
                self._say_started(temporal)
                return self._told(await self._followed(temporal, worker, interrupts))
        except Interrupted:
            output.say("Stopped before the run was started.")
            return EXIT_STATUS["cancelled"]

    async def _prepare(
        self, held: contextlib.AsyncExitStack
    ) -> tuple[Service, asyncio.Task[None] | None]:
        """The way to Temporal, and the worker where there is no cluster."""
        if on_cluster():
            check(self._frame, self._asked)
            return await held.enter_async_context(service(self._frame, "started")), None
        check_runner(self._frame, self._runner)
        # The server starts while the definition is checked and all that a run needs is imported.
        share = embedded(self._frame, "started")
        held.callback(share.close)
        await asyncio.sleep(0)
        check(self._frame, self._asked)
        import_module("engine.temporal.worker")
        temporal = await held.enter_async_context(service(self._frame, "started", share=share))
        return temporal, await held.enter_async_context(self._worker(temporal))

    @contextlib.asynccontextmanager
    async def _worker(self, temporal: Service) -> AsyncIterator[asyncio.Task[None]]:
        """A worker in this process; at the end it lets what it has under way come to its end."""
        stop = asyncio.Event()
        serving = asyncio.create_task(self._serve(temporal, stop))
        try:
            yield serving
        finally:
            stop.set()
            await serving

    async def _serve(self, temporal: Service, stop: asyncio.Event) -> None:
        from engine.temporal.worker import serve

        async with desk(self._frame) as incidents:
            await serve(
                temporal.client,
                self._frame.project,
                self._runner,
                stop=stop,
                desk=incidents,
                say=self._say,
            )

    async def _followed(
        self, temporal: Service, worker: asyncio.Task[None] | None, interrupts: Interrupts
    ) -> RunView:
        from engine.cli.following import Follower

        follower = Follower(
            temporal.runs,
            self._asked.run,
            self._shown,
            asks=self._asked.actor if asking.at_terminal() else None,
            standing=self._standing,
            each=self._each,
        )
        following = asyncio.create_task(follower.to_the_end())
        cancelling = asyncio.create_task(self._cancel_on(interrupts, temporal))
        leaving = asyncio.create_task(interrupts.second.wait())
        watched = [task for task in (following, cancelling, leaving, worker) if task is not None]
        while not following.done():
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                await asyncio.wait((cancelling,), timeout=_CANCEL_SECONDS)
                self._leave()
            for task in (cancelling, worker):
                if task is not None and task.done() and task in watched:
                    watched.remove(task)
                    await task
        self._shown.close()
        return await following

    async def _cancel_on(self, interrupts: Interrupts, temporal: Service) -> None:
        await interrupts.first.wait()
        self._shown.note(
            (("Cancelling: undoing what was done, then `finally`. Ctrl-C again leaves it.",
              "yellow"),)
        )  # fmt: skip
        with contextlib.suppress(RunRefused):  # it has just ended by itself
            await temporal.runs.cancel(self._asked.run, self._asked.actor)

    def _leave(self) -> None:
        self._shown.pause()
        run = shlex.quote(self._asked.run)
        output.say(f"Left {run}, which is being cancelled; see how it ends:")
        output.say(f"  {program()} status {run}")
        if not on_cluster():
            output.say("Its undoing goes on when a worker is there again:")
            output.say(f"  {program()} worker")
        leave(EXIT_STATUS["cancelled"])

    def _standing(self, name: str) -> Standing:
        """What the policy at hand says of this person; without one the run itself will say."""
        if not self._frame.has_project:
            return Standing(open_policy=True)
        return self._frame.project.policy.standing(name)

    def _each(self, view: RunView) -> None:
        if self._frame.json and self._follow:
            output.json_line(self._frame, view)

    def _say(self, text: str) -> None:
        """What the worker has to say, beside the live picture."""
        self._shown.note(((text, "bright_black"),))

    def _say_started(self, temporal: Service) -> None:
        who = output.clean(self._asked.actor.name)
        solo = ", solo" if self._asked.start.solo else ""
        output.say(f"{output.style(self._asked.run, bold=True)}, started by {who}{solo}")
        link = temporal.link(self._asked.run)
        output.say(link or f"on {os.environ['TEMPORAL_ADDRESS']}, namespace {temporal.namespace}")

    def _told(self, view: RunView) -> int:
        """The result, and the exit status that says it too."""
        word, colour = status_word(view.status)
        output.say(output.style(word, fg=colour, bold=True))
        for line in ending(view):
            output.say(words(line))
        if view.status != "succeeded":
            output.say(f"All that happened: {program()} history {shlex.quote(view.run)}")
        if not self._frame.json:
            for text in output_lines(view):
                output.result(text)
        elif not self._follow:
            output.document(self._frame, view)
        return EXIT_STATUS[view.status]
