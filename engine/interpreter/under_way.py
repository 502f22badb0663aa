"""A run under way: RunState and what Temporal tells it, until the result or a new history."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from temporalio import workflow
from temporalio.common import RawValue

from engine import failures, instants
from engine.commands import Ended, StartChild
from engine.interpreter import ending
from engine.interpreter.children import Children
from engine.interpreter.continuing import PATIENCE, HistoryLimit
from engine.interpreter.driver import Driver, now_ms
from engine.interpreter.gates import CHILD_GATES, Gates, read_answer
from engine.interpreter.starting import Continued
from engine.messages import CompiledRun, Decide, Entry, GateView, Reply, RunView
from engine.plan import Json, Plan
from engine.run_state import RunState

NO_POLICY = "There is no policy.yaml: everyone has every role"


class UnderWay:
    """One history of one run."""

    def __init__(self, start: Continued, plan: Plan, state: RunState) -> None:
        self._start = start
        self._state = state
        self.plan = plan
        self.journal: list[Entry] = []
        """What happened since it was last taken."""
        self._crash: BaseException | None = None
        self._told = 0
        self._driver = Driver(
            plan=plan,
            state=state,
            compiled=start.compiled,
            solo=start.solo,
            crash=self._crashed,
            on_child_end=self._child_ended,
        )
        self._gates = Gates(driver=self._driver, note=self._note, children=dict(start.gates))
        self._limit = HistoryLimit(start.compiled.continue_after)
