"""What a process has to do with incidents: opens and finds them, records runs, has them served.

The store is opened when it is first needed; until then, and while it is away, nothing here is
heavier than a folder's name.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from engine.errors import IncidentError, StoreUnavailable
from engine.incidents.incident import Incident, Opening
from engine.incidents.recorder import Recorder

if TYPE_CHECKING:
    from engine.incidents.store import Store

FIND_SECONDS = 3.0
"""What the start of a run waits to hear what is known of its incident."""
OPEN_SECONDS = 20.0
"""What the start of an incident waits for its number."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Service:
    """Where the incident service listens, and what opens it."""

    url: str
    token: str = field(repr=False)


class Desk:
    """One for each process that serves or starts runs. Use it as a context."""

    def __init__(self, open_store: Callable[[], "Store"], state: Path) -> None:
        self._open_store = open_store
        self._opening = threading.Lock()
        self._store: Store | None = None
        self.recorder = Recorder(self.store, state)
        self._serving: asyncio.Task[None] | None = None
        self._served: asyncio.Future[Service] | None = None

    async def __aenter__(self) -> Self:
        await self.recorder.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.recorder.close()
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        if self._store is not None:
            await asyncio.to_thread(self._store.close)

    def store(self) -> "Store":
        """The store, opened once, by whichever thread comes first."""
        with self._opening:
            if self._store is None:
                self._store = self._open_store()
            return self._store

    async def open(self, opening: Opening) -> tuple[Incident, bool]:
        """The incident of this opening, one however often it is tried, and whether it was made
        now; StoreUnavailable."""
        return await _within(OPEN_SECONDS, lambda: self.store().open(opening))

    async def adopt(self, incident_id: str, opening: Opening) -> Incident:
        """An incident that has its id from elsewhere; StoreUnavailable."""
        return await _within(OPEN_SECONDS, lambda: self.store().adopt(incident_id, opening))

    async def find(self, incident_id: str) -> Incident | None:
        """The incident; None where the store has none, or does not say so in time."""
        try:
            return await _within(FIND_SECONDS, lambda: self.store().get(incident_id))
        except (StoreUnavailable, IncidentError):
            return None

    async def ready(self) -> None:
        """StoreUnavailable while the store does not answer."""
        try:
            await _within(FIND_SECONDS, lambda: self.store().get("INC-0000-0000"))
        except IncidentError:
            return

    async def service(self) -> Service:
        """The incident service on 127.0.0.1, from now to the end of this context."""
        if self._served is None:
            self._served = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._served))
        return await asyncio.shield(self._served)

    async def _serve(self, served: "asyncio.Future[Service]") -> None:
        from engine.incidents.serving import incident_service

        try:
            store = await asyncio.to_thread(self.store)
            async with incident_service(store) as (url, token):
                served.set_result(Service(url, token))
                await asyncio.Event().wait()
        except Exception as error:
            self._served = None  # the next step tries again
            if served.done():
                raise
            served.set_exception(error)


async def _within(seconds: float, ask: Callable[[], _T]) -> _T:
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.to_thread(ask)
    except TimeoutError:
        raise StoreUnavailable(
            f"The incident store does not answer within {seconds:g} s; `harmony doctor` says where "
            "it is"
        ) from None
