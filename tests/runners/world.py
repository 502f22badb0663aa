"""A server on this machine's loopback that programs call: what they did to the world."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class World:
    """Answers `answer n` to the n-th request, and keeps the paths that were asked for."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self._arrived: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._released: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def url(self, path: str) -> str:
        """`held…` is answered once it is released."""
        return f"http://127.0.0.1:{self.port}/{path}"

    async def arrival(self, path: str) -> None:
        """Until somebody has asked for this."""
        async with asyncio.timeout(60):
            await self._arrived[path].wait()

    def release(self, path: str) -> None:
        """Answer it now, and from now on at once."""
        self._released[path].set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split()[1].decode().removeprefix("/")
            self.asked.append(path)
            text = f"answer {len(self.asked)}".encode()
            self._arrived[path].set()
            if path.startswith("held"):
                await self._released[path].wait()
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def world_on_loopback() -> AsyncIterator[World]:
    """Serve on a free port until the block ends."""
    world = World()
    server = await asyncio.start_server(world.serve, "127.0.0.1", 0)
    world.port = server.sockets[0].getsockname()[1]
    try:
        yield world
    finally:
        server.close()
