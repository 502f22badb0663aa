"""Writes what happens in runs into the store, once, in its order, and never in a run's way.

Where the store does not answer in time, batches wait in a spool in the state folder. They are
written through as soon as it answers again, by this process or by the next one, before anything
newer.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from engine.errors import IncidentError, StoreUnavailable
from engine.incidents.incident import NewEvent, Opening
from engine.incidents.run_events import events_of, opening_of
from engine.incidents.spool import Spool
from engine.messages import RunEntries

WRITE_SECONDS = 3.0
"""What a run waits for the store at most."""
AGAIN_SECONDS = 5.0
"""Between two tries of a store that is away."""
_log = logging.getLogger("harmony.timeline")


class Timelines(Protocol):
    """What a recorder writes to; `Store` is it. Called in threads.

    StoreUnavailable where it is away; IncidentError with code INCIDENT_UNKNOWN for an incident
    that it does not have, with another code for what it will never take.
    """

    def append(self, incident_id: str, events: Sequence[NewEvent]) -> object:
        """Put events at the end of a timeline, each key once."""

    def adopt(self, incident_id: str, opening: Opening) -> object:
        """Take in an incident that has its id from elsewhere; nothing where it is there."""


class Recorder:
    """One for each worker. `open_store` is called when something is first recorded."""

    def __init__(
        self, open_store: Callable[[], Timelines], state: Path, *, write_seconds: float
        = WRITE_SECONDS, again_seconds: float = AGAIN_SECONDS,
    ) -> None:  # fmt: skip
        self._open_store = open_store
        self._spool = Spool(state)
        self._write_seconds = write_seconds
        self._again_seconds = again_seconds
        self._store: Timelines | None = None
        self._turn = asyncio.Lock()
        self._away = False
        self._full = False
        self._later: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Write through what earlier processes left, in the background."""
        if not self._spool.empty:
            self._try_later()

    async def record(self, batch: RunEntries) -> None:
        """Have the batch in the store, or on the disk; OSError where neither takes it."""
        async with self._turn:
            # What is newer waits behind what is older, and no run waits for a store that is away.
            waits = self._later is not None and not self._later.done()
            if not waits and await self._write(batch):
                return
            self._keep(batch)
            self._try_later()

    def _keep(self, batch: RunEntries) -> None:
        try:
            self._spool.put(batch)
        except OSError as error:
            if not self._full:
                _log.warning("nor does the state folder take the timeline: %s", error.strerror)
            self._full = True
            raise
        self._full = False

    async def close(self) -> None:
        """Try once more, and leave what is left to whoever comes next."""
        if self._later is not None:
            self._later.cancel()
            await asyncio.gather(self._later, return_exceptions=True)
        async with self._turn:
            await self._written_through()
            self._spool.close()

    async def _written_through(self) -> bool:
        """Whether nothing of this process, or of one that has ended, waits any more."""
        for path, batches in self._spool.files():
            for batch in batches:
                if not await self._write(batch):
                    return False
            self._spool.done(path)
        return True

    async def _write(self, batch: RunEntries) -> bool:
        """Whether the store has the batch now, or has refused it for good."""
        try:
            async with asyncio.timeout(self._write_seconds):  # wait_for may swallow a cancellation
                await asyncio.to_thread(self._append, batch)
        except (StoreUnavailable, TimeoutError) as error:
            if not self._away:
                why = str(error) or f"it did not answer within {self._write_seconds:g} s"
                _log.warning("the timeline is kept in the state folder meanwhile: %s", why)
            self._away = True
            return False
        except IncidentError as error:
            _log.error("events of %s are refused by the store: %s", batch.run, error)
            self._spool.refuse(batch, str(error))
        if self._away:
            self._away = False
            _log.warning("the incident store answers again")
        return True

    def _append(self, batch: RunEntries) -> None:
        if self._store is None:
            self._store = self._open_store()
        events = events_of(batch)
        try:
            self._store.append(batch.incident_id, events)
        except IncidentError as error:
            if error.code != "INCIDENT_UNKNOWN":
                raise
            self._store.adopt(batch.incident_id, opening_of(batch))
            self._store.append(batch.incident_id, events)

    def _try_later(self) -> None:
        if self._later is None or self._later.done():
            self._later = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        """Until the store has it all."""
        while True:
            async with self._turn:
                try:
                    if await self._written_through():
                        return
                except Exception:
                    _log.exception("what waits for the incident store could not be written")
            await asyncio.sleep(self._again_seconds)
