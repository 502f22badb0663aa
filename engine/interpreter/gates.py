"""Answers to gates: the one way in for updates and signals, own gates and children's alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from engine.errors import GateError
from engine.interpreter.driver import LOCAL_TIMEOUT, ONCE, Driver
from engine.interpreter.received import read
from engine.messages import ChildAnswer, Decide, GateView, Message, Reply, Standing
from engine.plan import OWN_SIGNALS

CHILD_GATES = f"{OWN_SIGNALS}gates"
"""The signal by which a child tells its parent of its gates."""


class ChildGates(Message, frozen=True, kw_only=True):
    """What a child tells its parent: its gates by path, its own children's among them."""

    step: str
    gates: dict[str, GateView]


def read_answer(arguments: Sequence[RawValue]) -> Decide:
    """The answer; GateError says what is wrong with it."""
    if len(arguments) != 1:
        raise GateError("An answer is one object with decision and approverId")
    try:
        return read(arguments[0], Decide)
    except ValueError as error:
        raise GateError(f"An answer is one object with decision and approverId: {error}") from None


@dataclass(slots=True)
class Gates:
    """The gates of one run and of its children."""

    driver: Driver
    note: Callable[[Decide, Reply, bool], None]
    """Keeps an answer that never came to a gate of this run; whether a child keeps it too."""
    children: dict[str, GateView] = field(default_factory=dict)
    """By path."""
    _told: dict[str, GateView] = field(default_factory=dict)

    def all(self) -> dict[str, GateView]:
        """Every gate by path, as the query `approvalState` lists them."""
        return {**self.driver.state.gates(), **self.children}

    def told_by_child(self, arguments: Sequence[RawValue]) -> None:
        """The signal of a child came; what is not one is ignored."""
        try:
            told = read(arguments[0], ChildGates)
        except (IndexError, ValueError):
            return
        self.merge(told.step, told.gates)

    def merge(self, step: str, gates: dict[str, GateView]) -> None:
        """Take over a child's gates as it tells of them; one that has closed stays closed."""
        for gate, view in gates.items():
            path = f"{step}/{gate}"
            if not _is_older(view, self.children.get(path)):
                self.children[path] = view

    def child_ended(self, step: str, gates: dict[str, GateView]) -> None:
        """None of a child's gates is open any more once it has ended."""
        self.merge(step, gates)
        for path, view in self.children.items():
            if path.startswith(f"{step}/") and view.state == "pending":
                self.children[path] = msgspec.structs.replace(view, state="cancelled")

    async def answer(self, decide: Decide) -> Reply:
        """Decide here, or have the child decide whose gate it is."""
        path = decide.gate or self._only_open()
        if path not in self.children:
            return await self._decide(decide)
        reply, answered = await self._forward(path, decide)
        self.note(decide, reply, answered)
        return reply

    async def _decide(self, decide: Decide) -> Reply:
        standing = await workflow.execute_local_activity(
            "standing_of",
            decide.approver_id,
            result_type=Standing,
            start_to_close_timeout=LOCAL_TIMEOUT,
            retry_policy=ONCE,
        )
        open_below = [path for path, view in self.children.items() if view.state == "pending"]
        now = self.driver.clock.ms
        reply, commands = self.driver.state.decide(decide, standing, now, open_below)
        self.driver.issue(commands)
        return reply

    async def _forward(self, path: str, decide: Decide) -> tuple[Reply, bool]:
        """The reply, and whether it is the child's own."""
        owner = self.children[path].workflow_id
        # A child's id is its parent's id, a slash and the step's key.
        key = owner.removeprefix(f"{workflow.info().workflow_id}/")
        local = msgspec.structs.replace(decide, gate=path.removeprefix(f"{key}/"))
        try:
            reply: Reply = await workflow.execute_local_activity(
                "answer_child_gate",
                ChildAnswer(workflow_id=owner, decide=local),
                result_type=Reply,
                start_to_close_timeout=LOCAL_TIMEOUT,
                retry_policy=ONCE,
            )
        except FailureError as error:
            why = f"The run of this gate, {owner}, could not be asked: {error.cause or error}"
            return Reply(accepted=False, state=self.children[path].state, reason=why), False
        if reply.accepted and reply.state != "pending":
            # Whoever has this reply sees the gate closed, though its run has yet to tell of it.
            closed = msgspec.structs.replace(self.children[path], state=reply.state)
            self.children[path] = closed
        return reply, True

    def _only_open(self) -> str | None:
        """The child's gate that alone is open; None also where an own gate is open."""
        opened = [path for path, view in self.all().items() if view.state == "pending"]
        return opened[0] if len(opened) == 1 else None

    async def tell(self, parent: str, step: str) -> bool:
        """Tell the parent where anything has changed; whether it had."""
        gates = self.all()
        if gates == self._told:
            return False
        self._told = gates
        handle = workflow.get_external_workflow_handle(parent)
        await handle.signal(CHILD_GATES, ChildGates(step=step, gates=gates))
        return True


def _is_older(view: GateView, known: GateView | None) -> bool:
    """Told before the gate closed, and come after; a gate that was asked anew is another one."""
    return (
        known is not None
        and known.state != "pending"
        and view.state == "pending"
        and view.asked_at == known.asked_at
    )
