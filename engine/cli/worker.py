"""`harmony worker`: serves the task queue until it is told to stop, then drains."""

import asyncio
from typing import TYPE_CHECKING

import click

from engine.cli import arguments, output
from engine.cli.desk import desk, store_warning
from engine.cli.frame import Frame, harmony_command
from engine.cli.interrupts import Interrupted, Interrupts, unless
from engine.cli.leaving import leave
from engine.cli.reach import Service, on_cluster, service
from engine.cli.runner_check import check_runner
from engine.errors import ServiceUnavailable, ServiceUnusable

if TYPE_CHECKING:
    from engine.temporal.step_metrics import Runtime

_PAUSE_SECONDS = 2.0


@harmony_command("worker")
@arguments.runner_option
@click.option("--no-solo", is_flag=True, help="Refuse runs whose initiator may answer the gates.")
@click.option(
    "--metrics", metavar="HOST:PORT", help="Serve numbers to Prometheus there, at /metrics."
)
def command(frame: Frame, runner: str | None, no_solo: bool, metrics: str | None) -> int:  # noqa: FBT001
    """Serve the task queue `harmony` until told to stop; what runs then comes to its end.

    Where TEMPORAL_ADDRESS is not set it holds the embedded server. SIGTERM or Ctrl-C drains it, a
    second one ends it at once.
    """
    return asyncio.run(_Serving(frame, runner, no_solo=no_solo, metrics=metrics).until_stopped())


class _Serving:
    """One worker, from its start to its end; it waits for a server that is away."""

    def __init__(
        self, frame: Frame, runner: str | None, *, no_solo: bool, metrics: str | None
    ) -> None:
        self._frame = frame
        self._runner = runner
        self._no_solo = no_solo
        self._metrics = metrics
        self._runtime: Runtime | None = None
        self._waiting = False

    async def until_stopped(self) -> int:
        """Serve, again and again where the server goes away."""
        interrupts = Interrupts()
        project = self._frame.project
        check_runner(self._frame, self._runner)
        self._measure()
        output.say(f"Serving {project.folder}")
        if project.policy.is_open:
            output.say("No policy.yaml: everyone has every role.")
        if warning := store_warning():
            output.say(warning)
        while not interrupts.first.is_set():
            try:
                await self._serve(interrupts)
            except ServiceUnusable:
                raise  # waiting would not mend it
            except ServiceUnavailable as error:
                await self._away(error, interrupts)
            except Interrupted:
                break
        output.say("Stopped.")
        return 0

    def _measure(self) -> None:
        """Open what Prometheus reads, once for all connections."""
        if self._metrics is not None:
            from engine.temporal.step_metrics import runtime_at

            self._runtime = runtime_at(self._metrics)
            output.say(f"Numbers: http://{self._metrics}/metrics")

    async def _serve(self, interrupts: Interrupts) -> None:
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as held:
            temporal = await unless(
                interrupts.first,
                held.enter_async_context(service(self._frame, "started", runtime=self._runtime)),
            )
            self._waiting = False
            await self._with(temporal, interrupts)

    async def _with(self, temporal: Service, interrupts: Interrupts) -> None:
        from engine.temporal.connection import TASK_QUEUE

        serving = asyncio.create_task(self._to_the_end(temporal, interrupts))
        where = temporal.ui if not on_cluster() else f"namespace {temporal.namespace}"
        output.say(f"Ready: task queue {TASK_QUEUE}, {where}")
        second = asyncio.create_task(interrupts.second.wait())
        first = asyncio.create_task(interrupts.first.wait())
        await asyncio.wait((serving, first), return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            output.say("Draining: steps under way come to their end.")
            await asyncio.wait((serving, second), return_when=asyncio.FIRST_COMPLETED)
        if second.done():
            leave(130)
        await serving

    async def _to_the_end(self, temporal: Service, interrupts: Interrupts) -> None:
        from engine.temporal.worker import serve

        async with desk(self._frame) as incidents:
            await serve(
                temporal.client,
                self._frame.project,
                self._runner,
                no_solo=self._no_solo,
                stop=interrupts.first,
                desk=incidents,
                say=output.say,
            )

    async def _away(self, error: ServiceUnavailable, interrupts: Interrupts) -> None:
        """Say once that the server is away, and wait a little."""
        if not self._waiting:
            output.say(f"{error}; waiting for it.")
            self._waiting = True
        try:
            await asyncio.wait_for(interrupts.first.wait(), _PAUSE_SECONDS)
        except TimeoutError:
            return
