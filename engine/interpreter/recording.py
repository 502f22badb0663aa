"""Puts what happens in a run on its incident's timeline, as it happens.

One local activity at a time, with all that has happened since the last: one event of history for
each time that the run moved. Entries are numbered through all histories of the run, so that a
batch that is written twice counts once.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

from engine.messages import CompiledRun, Entry, RunEntries

BATCH = 500
TIMEOUT = timedelta(seconds=20)
TRIES = RetryPolicy(maximum_attempts=3)


class Recording:
    """What one history of a run puts on the timeline; nothing where the run has no incident."""

    def __init__(
        self, compiled: CompiledRun, recorded: int, crash: Callable[[BaseException], None]
    ) -> None:
        self._on = compiled.record
        self._context = compiled.context
        self._crash = crash
        self._waiting: list[Entry] = []
        self._writing: asyncio.Task[None] | None = None
        self.recorded = recorded
        """How many entries have been given a number, in all histories."""
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

    async def _write_one(self, batch: list[Entry]) -> None:
        info = workflow.info()
        entries = RunEntries(
            incident_id=str(self._context["incident_id"]),
            severity=_text(self._context.get("incident_severity")),
            title=_text(self._context.get("incident_title")),
            run=info.workflow_id,
            execution=info.first_execution_run_id,
            blueprint=info.workflow_type,
            first=self.recorded + 1,
            entries=tuple(batch),
        )
        self.recorded += len(batch)
        try:
            await workflow.execute_local_activity(
                "record_entries", entries, start_to_close_timeout=TIMEOUT, retry_policy=TRIES
            )
        except FailureError:
            self.lost += len(batch)  # the timeline never stops the run


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
