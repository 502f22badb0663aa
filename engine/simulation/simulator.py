"""The simulator: the same RunState under a virtual clock, with canned answers.

Hours pass in milliseconds. Children are simulated too, each with a RunState of its own, unless
their whole end is canned. Pure: contracts and policy are handed in.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import msgspec

from engine import plan as plans
from engine.errors import RunRefused
from engine.messages import Decide, Entry, GateView, Reply, RunView, Standing, StepFailure
from engine.plan import Json, Plan
from engine.run.commands import (
    AskFlag,
    CallCapability,
    Command,
    Ended,
    RunInfo,
    StartChild,
    StartTimer,
    Stop,
)
from engine.run.run_state import RunState
from engine.simulation.scenario import Answer, Said, Scenario, Sent
from engine.simulation.simulated import Called, Contracts, Simulated
from engine.simulation.simulated_ends import as_ended, child_ended, timed_out, under

STARTED_AT_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: a simulated run always starts then."""

StandingOf = Callable[[str], Standing]


@dataclass(slots=True, eq=False)
class _Run:
    """The run itself, or a child of it."""

    plan: Plan
    state: RunState
    context: Mapping[str, Json]
    prefix: str = ""
    """`child/`; empty for the run itself."""
    ended: Callable[[RunView], None] = field(default=lambda _: None)
    live: dict[str, int] = field(default_factory=dict)
    """Key → number of the event that ends it. A stopped timer is no longer in it."""
    children: dict[str, "_Run"] = field(default_factory=dict)
    over: bool = False


def simulate(
    plan: Plan,
    inputs: Mapping[str, Json],
    context: Mapping[str, Json],
    scenario: Scenario,
    contracts: Contracts,
    standing_of: StandingOf,
    *,
    initiator: str = "",
    solo: bool = False,
) -> Simulated:
    """Run a plan, bound to its inputs, to its end."""
    info = RunInfo(
        id="simulated",
        workflow_id="simulated",
        started_at_ms=STARTED_AT_MS,
        initiator=initiator,
        solo=solo,
        digest=plans.digest(plan, inputs),
    )
    return Simulation(scenario, contracts, standing_of).run(plan, inputs, context, info)


class Simulation:
    """One run under a virtual clock."""

    def __init__(self, scenario: Scenario, contracts: Contracts, standing_of: StandingOf) -> None:
        self._scenario = scenario
        self._contracts = contracts
        self._standing_of = standing_of
        self._now = STARTED_AT_MS
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._entries: list[Entry] = []
        self._calls: list[Called] = []
        self._replies: list[tuple[Said, Reply]] = []
        self._runs: dict[str, _Run] = {}
        """By prefix."""

    def run(
        self, plan: Plan, inputs: Mapping[str, Json], context: Mapping[str, Json], info: RunInfo
    ) -> Simulated:
        """To the end of the run and of all that it set off."""
        root = _Run(plan, RunState(plan, inputs, context, info), context)
        self._runs[""] = root
        for sent in self._scenario.sent:
            self._at(STARTED_AT_MS + sent.after_ms, partial(self._send, sent))
        if self._scenario.cancel_after_ms is not None:
            at = STARTED_AT_MS + self._scenario.cancel_after_ms
            self._at(at, lambda: self.tell(root, root.state.cancel(self._now)))
        self.tell(root, root.state.begin(self._now))
        while self._events and not root.over:
            self._now, _, action = heapq.heappop(self._events)
            action()
        if not root.over:
            raise RuntimeError(f"the run of {plan.blueprint} waits for nothing, and has not ended")
        return self._result(root)

    def tell(self, run: _Run, commands: Iterable[Command]) -> None:
        """Carry out what a RunState asks for."""
        for command in commands:
            match command:
                case CallCapability():
                    self._call(run, command)
                case StartChild():
                    self._start_child(run, command)
                case StartTimer():
                    self._ends(run, command.key, command.until_ms, Ended())
                case AskFlag():
                    self._ask_flag(run, command)
                case Stop():
                    self._stop(run, command.key)
        self._take_note(run)

    def _result(self, root: _Run) -> Simulated:
        gates: dict[str, GateView] = {}
        for prefix, run in self._runs.items():
            gates.update({prefix + key: gate for key, gate in run.state.gates().items()})
        return Simulated(
            view=msgspec.structs.replace(root.state.view(), gates=gates),
            entries=tuple(self._entries),
            calls=tuple(self._calls),
            replies=tuple(self._replies),
            children={
                prefix.removesuffix("/"): run.state.view()
                for prefix, run in self._runs.items()
                if prefix
            },
            took_ms=self._now - STARTED_AT_MS,
        )

    def _at(self, time: int, action: Callable[[], None]) -> int:
        number = next(self._numbers)
        heapq.heappush(self._events, (max(time, self._now), number, action))
        return number

    def _ends(self, run: _Run, key: str, time: int, ended: Ended) -> None:
        """Have what is in flight under a key end at this time, and not otherwise."""

        def action() -> None:
            if run.live.get(key) == number:
                del run.live[key]
                self.tell(run, run.state.finished(key, ended, self._now))

        number = self._at(time, action)
        run.live[key] = number

    def _call(self, run: _Run, command: CallCapability) -> None:
        path = run.prefix + command.key
        self._calls.append(Called(path, self._now - STARTED_AT_MS, command))
        refusal = self._disabled(run, command) or self._contracts.refusal(command)
        if refusal is not None:
            self._ends(run, command.key, self._now, Ended(outcome="failed", failure=refusal))
            return
        answer = self._scenario.answer(path, command.attempt) or self._contracts.default(command)
        if answer.takes_ms > command.timeout_ms:
            answer = Answer(failure=timed_out(run.plan, command), takes_ms=command.timeout_ms)
        self._ends(run, command.key, self._now + answer.takes_ms, as_ended(answer))

    def _disabled(self, run: _Run, command: CallCapability) -> StepFailure | None:
        name = run.plan.capabilities[command.call.capability].id
        if self._scenario.flags.get(f"cap-{name}-enabled", True):
            return None
        message = f"the capability {name} is switched off: flag cap-{name}-enabled"
        return StepFailure(
            code="CAPABILITY_DISABLED", message=message, category="FATAL", started=False
        )

    def _ask_flag(self, run: _Run, command: AskFlag) -> None:
        on = self._scenario.flags.get(command.flag, True)

        def action() -> None:
            self.tell(run, run.state.flag(command.key, on, self._now))

        self._at(self._now, action)

    def _stop(self, run: _Run, key: str) -> None:
        child = run.children.get(key)
        if child is not None:
            self.tell(child, child.state.cancel(self._now))
        elif run.live.pop(key, None) is not None:
            # RunState ignores the end of what it does not wait for: of a timer.
            self._ends(run, key, self._now, Ended(outcome="cancelled"))

    def _start_child(self, run: _Run, command: StartChild) -> None:
        path = run.prefix + command.key
        canned = self._scenario.answer(path, 1)
        if canned is not None:
            self._ends(run, command.key, self._now + canned.takes_ms, as_ended(canned))
            return
        try:
            plan, inputs = self._contracts.bind(
                run.plan.child(command.blueprint), command.inputs, run.context
            )
        except RunRefused as refused:
            failure = StepFailure(code=refused.code, message=str(refused), category="FATAL")
            self._ends(run, command.key, self._now, Ended(outcome="failed", failure=failure))
            return
        digest = plans.digest(plan, inputs)  # of what is approved, however much time is left for it
        if command.timeout_ms is not None and command.timeout_ms < plan.max_duration_ms:
            plan = msgspec.structs.replace(plan, max_duration_ms=command.timeout_ms)
        view = run.state.view()
        info = RunInfo(
            id=path,
            workflow_id=path,
            started_at_ms=self._now,
            initiator=view.initiator,
            solo=view.solo,
            digest=digest,
        )
        state = RunState(plan, inputs, run.context, info)

        def ended(child: RunView) -> None:
            run.children.pop(command.key)
            self._ends(run, command.key, self._now, child_ended(child))

        child = _Run(plan, state, run.context, f"{path}/", ended)
        self._runs[child.prefix] = run.children[command.key] = child
        self.tell(child, state.begin(self._now))

    def _send(self, sent: Sent) -> None:
        run = self._runs.get(f"{sent.child}/" if sent.child else "")
        if run is not None and not run.over:
            self.tell(run, run.state.signal(sent.name, sent.payload, self._now))

    def _take_note(self, run: _Run) -> None:
        """See which gates have opened, and whether the run is over."""
        for entry in run.state.entries():
            if entry.event == "gate.opened" and entry.gate is not None:
                for said in self._scenario.said_at(run.prefix + entry.gate):
                    self._at(self._now + said.after_ms, partial(self._say, run, entry.gate, said))
            self._entries.append(under(run.prefix, entry))
        if run.state.done and not run.over:
            run.over = True
            run.ended(run.state.view())

    def _say(self, run: _Run, gate: str, said: Said) -> None:
        decide = Decide(
            gate=gate,
            decision=said.decision,
            approver_id=said.by,
            reason=said.reason,
            digest=said.digest,
            source="cli",
        )
        reply, commands = run.state.decide(decide, self._standing_of(said.by), self._now)
        self._replies.append((said, reply))
        self.tell(run, commands)
