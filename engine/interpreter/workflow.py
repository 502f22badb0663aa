"""The one workflow that runs every blueprint: its type is the blueprint's id.

It has its plan compiled by a local activity, pinned in the history from then on, and drives
RunState: what ended goes in, what to do next comes out. Nothing here reads a clock, a file or a
random number, and nothing that is not a Temporal failure may leave it: such an exception would not
fail the run but hang it.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from engine import failures, instants
from engine.commands import RunInfo
from engine.errors import RunRefused
from engine.interpreter import ending
from engine.interpreter.continuing import PATIENCE, HistoryLimit
from engine.interpreter.driver import Driver, now_ms
from engine.interpreter.gates import CHILD_GATES, Gates, read_answer
from engine.interpreter.starting import ChildStart, Continued, read_start
from engine.messages import (
    CompiledRun,
    CompileRequest,
    Decide,
    Entry,
    GateView,
    Reply,
    RunView,
    StartArguments,
)
from engine.plan import Json, Plan
from engine.run_state import RunState

COMPILE_TIMEOUT = timedelta(seconds=60)
COMPILE_RETRY = RetryPolicy(maximum_attempts=3)


@workflow.defn(dynamic=True)
class Run:
    """One run of one blueprint."""

    def __init__(self) -> None:
        self.journal: list[Entry] | None = None
        """Where a reader of histories collects what happened; a worker keeps none of it."""
        self._run: _Run | None = None
        self._early: list[tuple[str, Sequence[RawValue]]] = []

    @workflow.run
    async def run(self, arguments: Sequence[RawValue]) -> RunView:
        """From what it was started with to its result."""
        try:
            self._run = await _begin(self, arguments)
            for name, payloads in self._early:
                self._run.signalled(name, payloads)
            return await self._run.to_its_end()
        except RunRefused as error:
            raise failures.to_failure(error) from None
        except failures.TEMPORAL:
            raise
        except Exception as error:
            raise failures.to_failure(error) from error
