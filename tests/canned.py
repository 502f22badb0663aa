"""Activities with canned answers, and a world in which runs are served with them.

The engine's own compiler makes the plans. Steps are answered here, by their key or as the test
capabilities would, so that a test says exactly when a step ends and how.
"""

import asyncio
import contextlib
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from temporalio import activity
from temporalio.client import Client, WorkflowHistory

from engine import failures
from engine.errors import CapabilityFailed, Category, DefinitionError, RunRefused, StepTimedOut
from engine.language.catalog import Catalog
from engine.language.planner import bind, compile_blueprint
from engine.messages import (
    CompiledRun,
    CompileRequest,
    Decide,
    GateView,
    Reply,
    RunEntries,
    RunView,
    Standing,
    StartArguments,
    StepAnswer,
    StepCall,
)
from engine.plan import Json, Plan
from engine.temporal.client import Runs
from engine.temporal.histories import histories
from engine.temporal.worker import run_until, workers

TEMPORAL = Path(sysconfig.get_path("scripts")) / "temporal"
PROJECT = Path(__file__).parent / "project"
STANDINGS = {
    "approver": Standing(roles=("incident-approver",)),
    "manager": Standing(roles=("incident-manager",)),
    "starter": Standing(roles=("incident-approver",)),
    "bot": Standing(roles=("incident-approver",), agent=True),
}


@dataclass
class Canned:
    """What the worker of a test says when it is asked."""

    continue_after: int = 4_000
    indexed: bool = True
    plans: dict[str, Plan] = field(default_factory=dict)
    """Plans that are in no file."""
    flags: dict[str, bool] = field(default_factory=dict)
    answer: Callable[[StepCall], Json] | None = None
    """A step's output; or raises a StepError."""
    calls: list[StepCall] = field(default_factory=list)
    open: dict[str, asyncio.Event] = field(default_factory=dict)
    """Steps that do not end before their event is set."""
    record: bool = False
    """Runs are put on a timeline: what they send is in `recorded`."""
    recorded: list[RunEntries] = field(default_factory=list)
    record_fails: int = 0
    """How often it fails first."""
    catalog: Catalog = field(default_factory=lambda: Catalog.load(PROJECT))

    @property
    def activities(self) -> list[Callable[..., Any]]:
        return [
            self.compile_plan, self.run_step, self.standing_of, self.flag_is_on,
            self.record_entries,
        ]  # fmt: skip

    @activity.defn(name="compile_plan")
    async def compile_plan(self, request: CompileRequest) -> CompiledRun:
        try:
            start = request.start
            plan = request.plan or self.plans.get(request.blueprint)
            plan = plan or compile_blueprint(self.catalog, request.blueprint)
            bound = bind(plan, start.inputs, start.context, self.catalog)
        except RunRefused as error:
            return CompiledRun(error_code=error.code, error=str(error))
        except DefinitionError as error:
            return CompiledRun(error_code="DEFINITION", error=str(error))
        return CompiledRun(
            plan=None if request.plan == bound.plan else bound.plan,
            inputs=bound.inputs,
            context=bound.context,
            digest=bound.digest,
            initiator=request.initiator or (start.actor.name if start.actor else "temporal"),
            indexed=self.indexed,
            continue_after=self.continue_after,
            record=self.record and "incident_id" in bound.context,
        )

    @activity.defn(name="run_step")
    async def run_step(self, call: StepCall) -> StepAnswer:
        self.calls.append(call)
        event = self.open.get(call.step)
        try:
            async with asyncio.timeout(call.timeout_ms / 1000):
                while event is not None and not event.is_set():
                    activity.heartbeat()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(event.wait(), 0.2)
            output = (self.answer or as_the_capability)(call)
        except TimeoutError:
            raise failures.to_failure(StepTimedOut("too long", idempotent=False)) from None
        except CapabilityFailed as error:
            raise failures.to_failure(error) from None
        return StepAnswer(output=output, runner="canned")

    @activity.defn(name="standing_of")
    async def standing_of(self, approver: str) -> Standing:
        return STANDINGS.get(approver, Standing())

    @activity.defn(name="flag_is_on")
    async def flag_is_on(self, flag: str) -> bool:
        return self.flags.get(flag, True)

    @activity.defn(name="record_entries")
    async def record_entries(self, entries: RunEntries) -> None:
        self.recorded.append(entries)
        if self.record_fails > 0:
            self.record_fails -= 1
            raise RuntimeError("the disk is full")

    def steps(self) -> list[str]:
        """The keys of all calls so far, in their order."""
        return [call.step for call in self.calls]


def as_the_capability(call: StepCall) -> Json:
    """What the capabilities under tests/project give back."""
    match call.capability:
        case "golden.test.flaky" if call.attempt <= call.input.get("failures", 1):
            code = call.input.get("code", "UNAVAILABLE")
            category: Category = "RETRYABLE" if code == "UNAVAILABLE" else "FATAL"
            raise CapabilityFailed(code, f"attempt {call.attempt}", category)
        case "golden.test.flaky":
            return {"attempt": call.attempt, "idempotencyKey": call.idempotency_key}
        case "golden.test.sleep":
            return {"slept": call.input["seconds"]}
        case _:
            return {"text": "", **call.input}


@dataclass
class World:
    """A client, and a worker that serves a task queue of this test's own."""

    client: Client
    canned: Canned
    queue: str
    runs: Runs

    async def start(
        self, blueprint: str, inputs: Json = None, context: Json = None, **more: Any
    ) -> str:
        run = f"{blueprint}-{uuid4().hex[:8]}"
        start = StartArguments(inputs=inputs or {}, context=context or {}, **more)
        await self.runs.start(blueprint, start, run)
        return run

    async def run(self, blueprint: str, inputs: Json = None, context: Json = None) -> RunView:
        return await self.runs.result(await self.start(blueprint, inputs, context))

    async def until(self, run: str, true: Callable[[RunView], bool], limit: float = 20) -> RunView:
        """The view in which it is true at last."""
        async with asyncio.timeout(limit):
            async for view in self.runs.follow(run):
                if true(view):
                    return view
        raise AssertionError(f"{run} ended before: {view}")

    async def until_open(self, run: str, *gates: str) -> RunView:
        def opened(gate: GateView | None) -> bool:
            return gate is not None and gate.state == "pending"

        return await self.until(run, lambda view: all(opened(view.gates.get(g)) for g in gates))

    async def approve(self, run: str, gate: str | None = None, by: str = "approver") -> Reply:
        return await self.answer(run, "approved", by, gate)

    async def answer(
        self, run: str, decision: str, by: str, gate: str | None = None, **more: str
    ) -> Reply:
        answer = Decide(decision=decision, approver_id=by, gate=gate, source="cli", **more)
        return await self.runs.decide(run, answer)

    async def temporal(self, *arguments: str) -> str:
        """What Temporal's own command line prints."""
        process = await asyncio.create_subprocess_exec(
            TEMPORAL, *arguments, "--address", self.client.service_client.config.target_host,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(30):
            printed, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        return printed.decode()

    async def histories(self, run: str) -> list[WorkflowHistory]:
        """The histories over which the run goes so far."""
        first = (await self.client.get_workflow_handle(run).describe()).raw_info.first_run_id
        return [history async for history in histories(self.client, run, first)]


@contextlib.asynccontextmanager
async def world(
    client: Client, canned: Canned | None = None, queue: str | None = None
) -> AsyncIterator[World]:
    """A world for as long as the block runs."""
    said = canned or Canned()
    queue = queue or f"test-{uuid4().hex}"
    stop = asyncio.Event()
    serving = asyncio.create_task(
        run_until(stop, workers(client, said.activities, task_queue=queue))
    )
    try:
        yield World(client, said, queue, Runs(client, task_queue=queue))
    finally:
        stop.set()
        await serving


def outcomes(view: RunView) -> dict[str, str]:
    """Each step's outcome."""
    return {key: step.outcome for key, step in view.steps.items()}


def text_of(view: RunView, step: str) -> str:
    """The text that an echo gave back."""
    output = view.steps[step].output
    assert isinstance(output, dict), msgspec.to_builtins(view)
    return str(output["text"])
