"""How a page learns that something has changed."""

import asyncio


class Changes:
    """A number that grows with each change, and a wait for it to grow."""

    def __init__(self) -> None:
        self.version = 0
        self.closed = False
        self._changed = asyncio.Condition()

    async def happened(self) -> None:
        """Something has changed: whoever waits goes on."""
        self.version += 1
        await self._wake()

    async def close(self) -> None:
        """Nobody waits any more, now or later."""
        self.closed = True
        await self._wake()

    async def after(self, version: int, *, seconds: float) -> int:
        """The version once it differs from this one, or as it is when the time is up."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.closed or self.version != version)
        except TimeoutError:
            pass
        return self.version

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
