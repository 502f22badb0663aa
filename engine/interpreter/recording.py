"""Puts what happens in a run on its incident's timeline, as it happens.

One local activity at a time, with all that has happened since the last: one event of history for
each time that the run moved.

A worker may die after it wrote and before Temporal knows, and the run then moves on from where
Temporal knows it, perhaps in another order, for more has come meanwhile. So an entry is named by
what it says, never by its number: the same is written once, and what is new is never taken for it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from engine.messages import CompiledRun, Entry, RunEntries
from engine.plan import encode

BATCH = 500
REPEATABLE = frozenset(
    ("gate.answered", "gate.refused", "signal", "signal.ignored", "signal.refused")
)
"""Events that may be the same twice: people and other programs may send the same again."""
MOST_REPEATABLE = 1_000
"""Kinds of those that are counted; beyond, the same that comes again is one entry."""
TIMEOUT = timedelta(seconds=20)
TRIES = RetryPolicy(maximum_attempts=3)


class Recording:
    """What one history of a run puts on the timeline; nothing where the run has no incident."""

    def __init__(
        self, compiled: CompiledRun, told: dict[str, int], crash: Callable[[BaseException], None]
    ) -> None:
        self._on = compiled.record
        self._context = compiled.context
        self._crash = crash
        self._waiting: list[Entry] = []
        self._writing: asyncio.Task[None] | None = None
        self.told = told
        """How often each of what may happen again was told, in all histories."""
        self.lost = 0
        """How many no worker could keep."""

    @property
    def idle(self) -> bool:
        """All that happened is written."""
        return self._writing is None and not self._waiting

    def keep(self, entries: Sequence[Entry]) -> None:
        """Write these after what waits already."""
        if not self._on or not entries:
            return
        self._waiting += entries
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._write_one(batch)
        except Exception as error:
            self._crash(error)
        finally:
            self._writing = None

    def _name(self, entry: Entry) -> str:
        name = _identity(entry)
        if entry.event not in REPEATABLE:
            return name
        before = self.told.get(name, 0)
        if before or len(self.told) < MOST_REPEATABLE:
            self.told[name] = before + 1
        return name if not before else f"{name}.{before + 1}"

    async def _write_one(self, batch: list[Entry]) -> None:
        info = workflow.info()
        entries = RunEntries(
            incident_id=str(self._context["incident_id"]),
            severity=_text(self._context.get("incident_severity")),
            title=_text(self._context.get("incident_title")),
            run=info.workflow_id,
            execution=info.first_execution_run_id,
            blueprint=info.workflow_type,
            entries=tuple(batch),
            names=tuple(self._name(entry) for entry in batch),
        )
        try:
            await workflow.execute_local_activity(
                "record_entries", entries, start_to_close_timeout=TIMEOUT, retry_policy=TRIES
            )
        except FailureError:
            self.lost += len(batch)  # the timeline never stops the run


def _identity(entry: Entry) -> str:
    """The event and what it says, all but when."""
    said = [entry.step, entry.gate, entry.who, entry.source, entry.user, entry.host, entry.text]
    return f"{entry.event}.{hashlib.sha256(encode(said)).hexdigest()[:20]}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
