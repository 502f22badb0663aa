"""Carries out what RunState asks for, as Temporal knows it, and tells RunState how it ended."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from engine import failures
from engine.interpreter.clock import Clock, now_ms
from engine.interpreter.requests import Requests, TaskRoom, never_taken
from engine.interpreter.starting import ChildStart
from engine.messages import (
    GateView,
    Message,
    RunView,
    StepAnswer,
    StepCall,
    StepFailure,
)
from engine.plan import Plan, encode
from engine.run.commands import (
    AskFlag,
    CallCapability,
    Command,
    Ended,
    StartChild,
    StartTimer,
    Stop,
)
from engine.run.run_state import RunState

ONCE = RetryPolicy(maximum_attempts=1)
LOCAL_TIMEOUT = timedelta(seconds=10)
HEARTBEAT_TIMEOUT = timedelta(seconds=20)
GRACE_MS = 30_000
"""What ending a program and telling of it may take beyond its time: SIGTERM, ten seconds,
SIGKILL."""


_HELD_BACK = StepFailure(
    code="CANCELLED", message="it was stopped before it began", category="FATAL", started=False
)


@dataclass(slots=True)
class Driver:
    """What is in flight for one run. Callbacks never raise: a mistake of ours goes to `crash`."""

    plan: Plan
    state: RunState
    requests: Requests
    clock: Clock
    crash: Callable[[BaseException], None]
    on_child_end: Callable[[str, dict[str, GateView]], None]
    touched: bool = False
    """Something has happened since this was last set back."""
    holding: bool = False
    """New work waits in `RunState.pending` for the next history."""
    calls: int = 0
    """Calls, flags, children that start or are stopped: what must end before a new history."""
    children: dict[str, str] = field(default_factory=dict)
    """Key → workflow id of the children that run."""
    _tasks: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    _later: dict[str, CallCapability | StartChild] = field(default_factory=dict)
    """What waits for the next workflow task."""
    _room: TaskRoom = field(default_factory=TaskRoom)

    def issue(self, commands: Iterable[Command]) -> None:
        """Carry the commands out, in their order."""
        self.touched = True
        for command in commands:
            match command:
                case Stop():
                    self._stop(command.key)
                case _ if self.holding:
                    pass
                case CallCapability():
                    call = self.requests.call(command)
                    if self._is_taken(command, call):
                        self._call(command, call)
                case StartChild():
                    start = self.requests.child(command)
                    if self._is_taken(command, start):
                        self._start_child(command, start)
                case StartTimer():
                    self._start_timer(command)
                case AskFlag():
                    self._ask_flag(command)

    def stop_all(self) -> None:
        """Cancel whatever is in flight, without waiting for it."""
        for task in self._tasks.values():
            task.cancel()

    def finished(self, key: str, ended: Ended) -> None:
        """Tell RunState, and carry out what it asks for then."""
        self.issue(self.state.finished(key, ended, self.clock.tick()))

    def issue_pending(self) -> None:
        """Carry out all that RunState has in flight and that is not: after a new beginning, or
        where it was held back."""
        commands = self.state.pending.items()
        known = self._tasks.keys() | self.children.keys() | self._later.keys()
        missing = [command for key, command in commands if key not in known]
        self.issue(missing)

    def _stop(self, key: str) -> None:
        task = self._tasks.get(key)
        if key in self.children:
            self.calls += 1  # the server forgets what a history asks of others once it has ended
            self.background(f"stop/{key}", self._cancel_child(self.children[key]))
        elif task is not None:
            task.cancel()
        elif self._later.pop(key, None) is not None or self.holding:
            # What was held back has never begun, and must not in the next history.
            self.finished(key, Ended(outcome="cancelled", failure=_HELD_BACK))

    def _is_taken(self, command: CallCapability | StartChild, message: Message) -> bool:
        """Whether the server takes it now. One that it never takes has failed; what does not fit
        beside others is issued with the next workflow task."""
        size = len(encode(message))
        failure = never_taken(message, size)
        if failure is not None:
            self.finished(command.key, _failed(failure))
        elif self._room.takes(size):
            return True
        else:
            if not self._later:
                self.background("later", self._issue_later())
            self._later[command.key] = command
        return False

    async def _issue_later(self) -> None:
        while self._later:
            await workflow.sleep(milliseconds(1), summary="more than one message holds")
            commands, self._later = list(self._later.values()), {}
            self.issue(commands)

    async def _cancel_child(self, workflow_id: str) -> None:
        """Ask a child to end, of this history or an earlier one; it may just have ended."""
        try:
            with contextlib.suppress(FailureError):
                await workflow.get_external_workflow_handle(workflow_id).cancel()
        finally:
            self.calls -= 1

    def background(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Something that goes on beside the steps."""
        task = asyncio.create_task(work)
        self._watch(f"background/{name}", task, lambda done: done.result())

    def _watch(
        self, key: str, task: asyncio.Task[Any], ended: Callable[[asyncio.Task[Any]], None]
    ) -> None:
        self._tasks[key] = task
        task.add_done_callback(partial(self._done, key, ended))

    def _done(
        self, key: str, ended: Callable[[asyncio.Task[Any]], None], task: asyncio.Task[Any]
    ) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        try:
            ended(task)
        except Exception as error:
            self.crash(error)

    def _call(self, command: CallCapability, call: StepCall) -> None:
        self.calls += 1
        task = workflow.start_activity(
            "run_step",
            call,
            result_type=StepAnswer,
            start_to_close_timeout=milliseconds(call.timeout_ms + GRACE_MS),
            schedule_to_close_timeout=_until(command.deadline_ms),
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=ONCE,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=command.key,
        )
        idempotent = self.plan.capabilities[command.call.capability].idempotent
        self._watch(command.key, task, partial(self._call_ended, command.key, idempotent))

    def _call_ended(self, key: str, idempotent: bool, task: asyncio.Task[StepAnswer]) -> None:  # noqa: FBT001
        self.calls -= 1
        error = _error(task)
        if error is None:
            answer = task.result()
            self.finished(
                key,
                Ended(output=answer.output, runner=answer.runner, warnings=answer.warnings),
            )
            return
        failure = failures.of_activity(error, idempotent=idempotent)
        outcome = Ended(outcome="cancelled") if failure is None else _failed(failure)
        self.finished(key, outcome)

    def _start_child(self, command: StartChild, start: ChildStart) -> None:
        self.calls += 1
        task = asyncio.create_task(self._run_child(command, start))
        self._watch(command.key, task, partial(self._child_ended, command))

    async def _run_child(self, command: StartChild, start: ChildStart) -> RunView:
        try:
            child_id = f"{workflow.info().workflow_id}/{command.key}"
            handle: workflow.ChildWorkflowHandle[
                Any, RunView
            ] = await workflow.start_child_workflow(
                command.blueprint,
                start,
                id=child_id,
                result_type=RunView,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                # A parent that goes on in a new history counts as closed for its children.
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=command.key,
            )
        finally:
            self.calls -= 1
        self.children[command.key] = child_id
        return await handle

    def _child_ended(self, command: StartChild, task: asyncio.Task[RunView]) -> None:
        self.children.pop(command.key, None)
        error = _error(task)
        view = task.result() if error is None else None
        ended = Ended(outcome="cancelled")
        if view is not None:
            ended = _child_outcome(view)
        elif error is not None:
            found = failures.of_child(error)
            if found is not None:
                failure, view = found
                ended = _failed(failure)
        self.child_finished(command.key, ended, {} if view is None else view.gates)

    def child_finished(self, key: str, ended: Ended, gates: dict[str, GateView]) -> None:
        """A child has ended, however this run came to know."""
        self.on_child_end(key, gates)
        self.finished(key, ended)

    def _start_timer(self, command: StartTimer) -> None:
        delay = milliseconds(max(command.until_ms - now_ms(), 1))
        task = asyncio.create_task(workflow.sleep(delay, summary=command.key))
        self._watch(command.key, task, partial(self._timer_ended, command))

    def _timer_ended(self, command: StartTimer, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        task.result()
        now = self.clock.tick(command.until_ms)
        self.issue(self.state.finished(command.key, Ended(), now))

    def _ask_flag(self, command: AskFlag) -> None:
        self.calls += 1
        task = workflow.start_local_activity(
            "flag_is_on",
            command.flag,
            result_type=bool,
            start_to_close_timeout=LOCAL_TIMEOUT,
            retry_policy=ONCE,
        )
        self._watch(command.key, task, partial(self._flag_answered, command.key))

    def _flag_answered(self, key: str, task: asyncio.Task[bool]) -> None:
        self.calls -= 1
        if task.cancelled():
            return
        # A flag server that does not answer means the documented default.
        on = task.result() if _error(task) is None else True
        self.issue(self.state.flag(key, on, self.clock.ms))


def milliseconds(count: int) -> timedelta:
    """A duration as Temporal takes it."""
    return timedelta(milliseconds=count)


def _until(deadline_ms: int | None) -> timedelta | None:
    if deadline_ms is None:
        return None
    return milliseconds(max(deadline_ms - now_ms(), 1) + GRACE_MS)


def _error(task: asyncio.Task[Any]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _failed(failure: StepFailure) -> Ended:
    return Ended(outcome="failed", failure=failure)


def _child_outcome(view: RunView) -> Ended:
    outcome = view.status if view.status != "running" else "failed"
    return Ended(outcome=outcome, output=view.outputs)
