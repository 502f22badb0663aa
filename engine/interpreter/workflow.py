"""The one workflow that runs every blueprint: its type is the blueprint's id.

It has its plan compiled by a local activity, pinned in the history from then on, and drives
RunState: what ended goes in, what to do next comes out. Nothing here reads a clock, a file or a
random number. Nothing that is not a Temporal failure may leave it or its handlers: such an
exception would not fail the run but have it hang.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

from engine import failures
from engine.errors import RunRefused
from engine.interpreter import ending
from engine.interpreter.clock import Clock
from engine.interpreter.starting import ChildStart, Continued, read_start
from engine.interpreter.under_way import UnderWay
from engine.messages import (
    CompiledRun,
    CompileRequest,
    Entry,
    GateView,
    Reply,
    RunError,
    RunView,
    StartArguments,
)
from engine.plan import Plan
from engine.run.commands import RunInfo
from engine.run.run_state import RunState

COMPILE_TIMEOUT = timedelta(seconds=60)
COMPILE_RETRY = RetryPolicy(maximum_attempts=3)


@workflow.defn(dynamic=True)
class Run:
    """One run of one blueprint."""

    def __init__(self) -> None:
        self.under_way: UnderWay | None = None
        self.journal: list[Entry] | None = None
        """What happens in this history, where a reader of histories asks for it; a worker has no
        use for it."""
        self._early: list[tuple[str, Sequence[RawValue]]] = []
        self._refused = False
        self._clock = Clock()

    @workflow.run
    async def run(self, arguments: Sequence[RawValue]) -> RunView:
        """From what it was started with to its result."""
        try:
            self.under_way = await _begin(arguments, self._clock, self.journal)
            for name, payloads in self._early:
                await self.under_way.signalled(name, payloads)
            return await self.under_way.to_its_end()
        except RunRefused as error:
            why = RunError(code=error.code, message=str(error))
            raise failures.run_failed(not_begun(why)) from None
        except failures.TEMPORAL:
            raise
        except Exception as error:
            raise failures.to_failure(error) from error
        finally:
            self._refused = self.under_way is None

    @workflow.signal(dynamic=True)
    async def signalled(self, name: str, payloads: Sequence[RawValue]) -> None:
        """An answer to a gate (`approval`), or a signal that a step waits for."""
        self._clock.tick()
        if self.under_way is None:
            self._early.append((name, payloads))
            return
        try:
            await self.under_way.signalled(name, payloads)
        except failures.TEMPORAL:
            raise
        except Exception as error:
            raise failures.to_failure(error) from error

    @workflow.update(dynamic=True)
    async def decide(self, name: str, payloads: Sequence[RawValue]) -> Reply:
        """The update `decide`: an answer to a gate. Dynamic, so that every payload is answered."""
        if name != "decide":
            raise failures.unknown_update(name)
        self._clock.tick()
        await workflow.wait_condition(lambda: self.under_way is not None or self._refused)
        if self.under_way is None:
            return Reply(accepted=False, state="unknown", reason="The run did not start")
        try:
            return await self.under_way.decide(payloads)
        except failures.TEMPORAL:
            raise
        except Exception as error:
            raise failures.to_failure(error) from error

    @workflow.query(name="approvalState")
    def approval_state(self) -> dict[str, dict[str, GateView]]:
        """Every gate by path, those of children too."""
        return {"gates": {} if self.under_way is None else self.under_way.gates()}

    @workflow.query
    def status(self) -> RunView:
        """The run as it is now; large outputs are left out where an answer cannot hold all."""
        return not_begun() if self.under_way is None else ending.fitting(self.under_way.view())

    @workflow.query
    def plan(self) -> Plan | None:
        """What the run does, pinned when it began."""
        return None if self.under_way is None else self.under_way.plan


def not_begun(error: RunError | None = None) -> RunView:
    """A run that has no plan yet, or never had one."""
    info = workflow.info()
    return RunView(
        run=info.workflow_id,
        blueprint=info.workflow_type,
        version="",
        digest="",
        status="running" if error is None else "failed",
        outputs={},
        steps={},
        gates={},
        error=error,
    )


async def _begin(
    arguments: Sequence[RawValue], clock: Clock, journal: list[Entry] | None
) -> UnderWay:
    start = read_start(arguments, workflow.info())
    if isinstance(start, Continued):
        plan = _plan(start.compiled)
        under_way = UnderWay(start, plan, RunState.restore(plan, start.snapshot), clock, journal)
        under_way.go_on()
        return under_way
    compiled = await _compile(start)
    plan, info = _plan(compiled), workflow.info()
    state = RunState(
        plan,
        compiled.inputs,
        compiled.context,
        RunInfo(
            id=info.workflow_id,
            started_at_ms=clock.ms,
            initiator=compiled.initiator,
            solo=start.solo,
            digest=compiled.digest,
            workflow_id=info.workflow_id,
            actor=start.actor,
        ),
    )
    begun = Continued(kind="continued", compiled=compiled, snapshot=None, solo=start.solo)
    if isinstance(start, ChildStart):
        begun = msgspec.structs.replace(begun, parent=start.parent, step=start.step)
    under_way = UnderWay(begun, plan, state, clock, journal)
    if compiled.record and not start.context.get("incident_id"):
        # The client could not know of the incident by which the run is looked for.
        ending.publish(plan, compiled.context, "running", indexed=compiled.indexed)
    under_way.begin()
    return under_way


async def _compile(start: StartArguments | ChildStart) -> CompiledRun:
    """The plan for these inputs, made on the worker once and pinned in the history."""
    info = workflow.info()
    shared = start if isinstance(start, ChildStart) else None
    arguments = (
        start
        if isinstance(start, StartArguments)
        else StartArguments(inputs=start.inputs, context=start.context, solo=start.solo)
    )
    compiled: CompiledRun = await workflow.execute_local_activity(
        "compile_plan",
        CompileRequest(
            blueprint=info.workflow_type,
            start=arguments,
            workflow_id=info.workflow_id,
            plan=None if shared is None else shared.plan,
            initiator="" if shared is None else shared.initiator,
            execution=info.first_execution_run_id,
        ),
        result_type=CompiledRun,
        start_to_close_timeout=COMPILE_TIMEOUT,
        retry_policy=COMPILE_RETRY,
    )
    if shared is None or compiled.error is not None:
        return compiled
    return msgspec.structs.replace(
        compiled, plan=_within(compiled.plan or shared.plan, shared.timeout_ms)
    )


def _within(plan: Plan, timeout_ms: int | None) -> Plan:
    """A child's own time limit is the one of its parent's step, where that is shorter."""
    if timeout_ms is None or timeout_ms >= plan.max_duration_ms:
        return plan
    return msgspec.structs.replace(plan, max_duration_ms=timeout_ms)


def _plan(compiled: CompiledRun) -> Plan:
    if compiled.plan is None:
        message = compiled.error or "The blueprint could not be read"
        raise RunRefused(message, code=compiled.error_code or "REFUSED")
    return compiled.plan
