"""What a run asks of its worker: its plan, its steps, its people, its flags."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from temporalio import activity

from engine import failures
from engine.errors import CapabilityFailed, HarmonyError
from engine.incidents.desk import Desk
from engine.messages import (
    CompiledRun,
    CompileRequest,
    RunEntries,
    Standing,
    StepAnswer,
    StepCall,
)
from engine.project.folder import Project
from engine.runners.base import Runner
from engine.steps.admission import admit
from engine.steps.flags import Flags
from engine.steps.incident_admission import admit_for_incident
from engine.steps.step_execution import StepExecutor
from engine.temporal import step_metrics
from engine.temporal.spans import NoSpans, Spans

HEARTBEAT_SECONDS = 1.0
"""A cancellation comes back with a heartbeat; this is how long one may take to be heard."""
_log = logging.getLogger("harmony.step")


class Activities:
    """Bound to one project and one runner; serves many runs at once."""

    def __init__(
        self,
        project: Project,
        runner: Runner,
        flags: Flags,
        *,
        allow_solo: bool = True,
        indexed: bool = False,
        desk: Desk | None = None,
        spans: Spans | None = None,
    ) -> None:
        """Without a desk no run is put on a timeline, and no incident is opened."""
        self._spans = spans or NoSpans()
        self._project = project
        self._flags = flags
        self._allow_solo = allow_solo
        self._indexed = indexed
        self._desk = desk
        self._executor = StepExecutor(
            project, runner, flags, service=None if desk is None else desk.service
        )

    @property
    def all(self) -> Sequence[Callable[..., Any]]:
        """What a worker registers."""
        always = (self.compile_plan, self.run_step, self.standing_of, self.flag_is_on)
        return always if self._desk is None else (*always, self.record_entries)

    @activity.defn(name="compile_plan")
    async def compile_plan(self, request: CompileRequest) -> CompiledRun:
        """The plan bound to the run's inputs, or why there is none; never fails."""
        solo, indexed = self._allow_solo, self._indexed
        if self._desk is None:
            return admit(self._project, request, allow_solo=solo, indexed=indexed)
        return await admit_for_incident(
            self._project, request, self._desk, allow_solo=solo, indexed=indexed
        )

    @activity.defn(name="record_entries")
    async def record_entries(self, entries: RunEntries) -> None:
        """What happened in a run, for its incident's timeline; comes back whether or not the store
        is there, and fails where the disk has no room either."""
        if self._desk is not None:
            try:
                await self._desk.recorder.record(entries)
            except OSError as error:
                raise failures.to_try_again(error) from None

    @activity.defn(name="standing_of")
    async def standing_of(self, name: str) -> Standing:
        """What policy.yaml says of a name now."""
        self._project.refresh()
        return self._project.policy.standing(name)

    @activity.defn(name="flag_is_on")
    async def flag_is_on(self, flag: str) -> bool:
        """Whether a flag is on; the default where nothing answers."""
        return await self._flags.is_on(flag)

    @activity.defn(name="run_step")
    async def run_step(self, call: StepCall) -> StepAnswer:
        """One attempt of a step; its failure is always a StepFailure."""
        with step_metrics.counted(call), self._spans.executed(call):
            return await self._attempt(call)

    async def _attempt(self, call: StepCall) -> StepAnswer:
        try:
            async with _heartbeats():
                return await self._executor.run(call, _log_lines(call))
        except HarmonyError as error:
            raise failures.to_failure(error) from None
        except asyncio.CancelledError:
            if _was_asked_for():
                raise
            raise failures.to_failure(_stopped(call)) from None
        except Exception as error:
            _log.exception("%s of %s failed in Harmony itself", call.step, call.run_id)
            raise failures.to_failure(error) from None


@contextlib.asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    """A heartbeat each second until the block ends, its ending of a program included."""
    beating = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beating.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        activity.heartbeat()


def _was_asked_for() -> bool:
    """Whether the run cancelled the step, or has given it up; else the worker is stopping."""
    details = activity.cancellation_details()
    if details is None:
        return False
    return details.cancel_requested or details.timed_out or details.not_found


def _stopped(call: StepCall) -> CapabilityFailed:
    if call.idempotent:
        return CapabilityFailed(
            "WORKER_STOPPED", "the worker was stopped while the step ran", "RETRYABLE"
        )
    return CapabilityFailed(
        "WORKER_STOPPED",
        "the worker was stopped while the step ran, and its effect is unknown; it is not run "
        "again, because it is not idempotent",
        "FATAL",
    )


def _log_lines(call: StepCall) -> Callable[[str], None]:
    def listen(text: str) -> None:
        for line in text.splitlines():
            _log.info("%s %s: %s", call.run_id, call.step, line)

    return listen
