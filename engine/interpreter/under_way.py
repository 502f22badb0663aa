"""A run under way: RunState and what Temporal tells it, until the result or a new history."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NoReturn

import msgspec
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from engine import failures, instants
from engine.errors import GateError
from engine.interpreter import children, ending
from engine.interpreter.clock import Clock
from engine.interpreter.continuing import MOMENT, PATIENCE, HistoryLimit
from engine.interpreter.driver import LOCAL_TIMEOUT, Driver
from engine.interpreter.gates import CHILD_GATES, Gates, read_answer
from engine.interpreter.received import read
from engine.interpreter.recording import Recording
from engine.interpreter.requests import Requests
from engine.interpreter.starting import Continued
from engine.messages import Actor, Decide, Entry, GateView, Reply, RunView
from engine.plan import APPROVAL_SIGNAL, GateStep, Plan
from engine.run import gate_entries
from engine.run.run_state import RunState

NO_POLICY = "There is no policy.yaml: everyone has every role"


class UnderWay:
    """One history of one run."""

    def __init__(
        self,
        start: Continued,
        plan: Plan,
        state: RunState,
        clock: Clock,
        journal: list[Entry] | None,
    ) -> None:
        """`journal` takes what happens; None where nobody reads it."""
        self.plan = plan
        self._journal = journal
        self._start = start
        self._state = state
        self._clock = clock
        self._crash: BaseException | None = None
        self._asked_here = False
        self._heard = False
        """A message came since this was last set back."""
        self._pausing = False
        self._telling: asyncio.Task[None] | None = None
        self._driver = Driver(
            plan=plan,
            state=state,
            requests=Requests(plan, start.compiled, start.solo, state.info.actor),
            clock=clock,
            crash=self._crashed,
            on_child_end=self._child_ended,
            children=dict(start.children),
        )
        self._gates = Gates(driver=self._driver, note=self._note, children=dict(start.gates))
        self._recording = Recording(start.compiled, dict(start.told), self._crashed)
        self._limit = HistoryLimit(start.compiled.continue_after)
        self._tells_parent = start.parent is not None and _has_gates(plan)

    def begin(self) -> None:
        """Start a new run's first steps."""
        self._driver.issue(self._state.begin(self._clock.ms))

    def go_on(self) -> None:
        """Take up what an earlier history had in flight."""
        self._driver.issue_pending()
        if self._driver.children:
            self._driver.background("watch", children.watch(self._driver))

    def gates(self) -> dict[str, GateView]:
        """Every gate by path, its children's too."""
        return self._gates.all()

    def view(self) -> RunView:
        """The run as it is now."""
        view = msgspec.structs.replace(self._state.view(), gates=self._gates.all())
        if self._start.compiled.open_policy:
            view = msgspec.structs.replace(view, warnings=(NO_POLICY, *view.warnings))
        if lost := self._recording.lost:
            text = f"{lost} entries could not be kept for the incident's timeline"
            view = msgspec.structs.replace(view, warnings=(*view.warnings, text))
        return view

    async def signalled(self, name: str, payloads: Sequence[RawValue]) -> None:
        """A signal came: an answer to a gate, a child's gates, or one that a step waits for."""
        self._heard = True
        if name == APPROVAL_SIGNAL:
            await self.decide(payloads)
        elif name == CHILD_GATES:
            self._gates.told_by_child(payloads)
            self._driver.touched = True
        else:
            self._named(name, payloads)

    def _named(self, name: str, payloads: Sequence[RawValue]) -> None:
        try:
            payload = read(payloads[0]) if payloads else None
        except ValueError as error:
            why = f"The signal {name} is ignored: its payload is not JSON ({error})"
            self._enter("signal.refused", why)
            return
        self._driver.issue(self._state.signal(name, payload, self._clock.ms))

    async def decide(self, payloads: Sequence[RawValue]) -> Reply:
        """An answer to a gate, by update or signal: one function decides."""
        self._heard = True
        try:
            answer = read_answer(payloads)
        except GateError as error:
            reply = Reply(accepted=False, state="unknown", reason=str(error))
            self._enter("gate.refused", reply.reason)
            return reply
        return await self._gates.answer(answer)

    async def to_its_end(self) -> RunView:
        """Drive the run until it has ended or goes on in a new history."""
        while True:
            try:
                await workflow.wait_condition(self._wakes)
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:
                    raise  # the worker only takes the run out of its memory
            self._mind_cancellation()
            heard, self._heard = self._heard, False
            self._driver.touched = False
            self._keep(self._state.entries())
            if self._crash is not None:
                await self._fail(self._crash)
            if self._ended():
                return await self._end()
            self._tell_parent()
            self._mind_history(after_message=heard)

    def _wakes(self) -> bool:
        return (
            self._driver.touched
            or self._crash is not None
            or self._ended()
            or (self._ready_for_a_new_history() and not self._pausing)
        )

    def _ended(self) -> bool:
        over = self._state.done and self._recording.idle
        return over and workflow.all_handlers_finished()

    def _ready_for_a_new_history(self) -> bool:
        driver = self._driver
        quiet = driver.calls == 0 and self._recording.idle
        return driver.holding and quiet and workflow.all_handlers_finished()

    def _mind_cancellation(self) -> None:
        """Looked for, not only caught: it may come together with what ends this history, and the
        next one would not know of it."""
        reason = workflow.cancellation_reason()
        if reason is not None and not self._asked_here:
            self._asked_here = True
            self._driver.issue(self._state.cancel(self._clock.tick(), *_asker(reason)))

    def _mind_history(self, *, after_message: bool) -> None:
        if not self._driver.holding and not self._state.done and self._limit.due():
            self._driver.holding = True
            if not self._ready_for_a_new_history():
                self._driver.background("patience", self._lose_patience())
        if not self._ready_for_a_new_history():
            return
        if not after_message:
            self._continue()
        elif not self._pausing:
            self._pausing = True
            self._driver.background("pause", self._pause())

    async def _pause(self) -> None:
        """The SDK has signals and updates looked at before it tells of a cancellation that came
        with them; with a timer it is told of in time."""
        await workflow.sleep(MOMENT, summary="before a new history")
        self._pausing = False
        self._driver.touched = True

    async def _lose_patience(self) -> None:
        await workflow.sleep(PATIENCE, summary="calls in flight before a new history")
        if self._driver.holding and self._limit.out_of_patience():
            self._driver.holding = False
            self._driver.issue_pending()

    def _continue(self) -> None:
        following = msgspec.structs.replace(
            self._start,
            snapshot=self._state.snapshot(),
            children=dict(self._driver.children),
            gates=dict(self._gates.children),
            told=dict(self._recording.told),
        )
        if not ending.fits(following):
            self._driver.holding = False
            self._limit.never()
            self._driver.issue_pending()
            return
        started = instants.render(self._state.info.started_at_ms)
        workflow.continue_as_new(
            args=[following],
            workflow=workflow.info().workflow_type,
            memo={**workflow.memo(), ending.STARTED: started},
        )

    async def _end(self) -> RunView:
        view, start = self.view(), self._start
        ending.publish(
            self.plan, start.compiled.context, view.status, indexed=start.compiled.indexed
        )
        if view.status == "cancelled":
            await self._end_cancelled()
        if view.status == "failed":
            raise failures.run_failed(ending.fitting(view))
        return ending.fitting(view) if start.parent is None else ending.for_parent(view)

    async def _end_cancelled(self) -> NoReturn:
        """Temporal lets a run end cancelled only in a history that was asked to, and only a
        client can ask: a run's request to cancel itself is refused."""
        if not self._asked_here:
            await workflow.execute_local_activity(
                "cancel_run", workflow.info().workflow_id, start_to_close_timeout=LOCAL_TIMEOUT
            )
            await workflow.wait_condition(lambda: False)
        raise asyncio.CancelledError

    async def _fail(self, error: BaseException) -> NoReturn:
        """End in order after a mistake of our own, and leave nothing running."""
        self._driver.stop_all()
        await asyncio.sleep(0)
        raise error

    def _tell_parent(self) -> None:
        """Tell of gates that have changed, one message at a time."""
        if not self._tells_parent or (self._telling is not None and not self._telling.done()):
            return
        self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        parent, step = str(self._start.parent), str(self._start.step)
        with contextlib.suppress(FailureError):  # a parent that is gone need not know
            while await self._gates.tell(parent, step):
                pass

    def _child_ended(self, key: str, gates: dict[str, GateView]) -> None:
        self._gates.child_ended(key, gates)

    def _note(self, answer: Decide, reply: Reply, by_child: bool) -> None:  # noqa: FBT001
        """Keep an answer that RunState has not seen; what a child keeps itself is on the
        incident's timeline by it."""
        event = "gate.answered" if reply.accepted else "gate.refused"
        self._enter(event, reply.reason, answer, recorded=not by_child)

    def _enter(
        self, event: str, text: str, answer: Decide | None = None, *, recorded: bool = True
    ) -> None:
        self._keep(self._state.entries())
        entry = Entry(
            at=instants.render(self._clock.ms),
            event=event,
            text=text,
            who=answer.approver_id if answer else None,
            source=answer.source if answer else None,
            user=answer.user if answer else None,
            host=answer.host if answer else None,
            gate=answer.gate if answer else None,
            data=gate_entries.refused(answer, text) if answer and recorded else {},
        )
        self._keep([entry], recorded=recorded)

    def _keep(self, entries: Sequence[Entry], *, recorded: bool = True) -> None:
        if self._journal is not None:
            self._journal += entries
        if recorded:
            self._recording.keep(entries)

    def _crashed(self, error: BaseException) -> None:
        if self._crash is None:
            self._crash = error


def _asker(reason: str) -> tuple[Actor | None, str]:
    """Who asked for a cancellation, as `harmony cancel` writes it; else why, as any client may."""
    try:
        return msgspec.json.decode(reason, type=Actor), ""
    except (ValueError, RecursionError):
        return None, reason


def _has_gates(plan: Plan) -> bool:
    plans = [plan, *plan.children.values()]
    return any(isinstance(step, GateStep) for each in plans for _, step in each.every_step())
