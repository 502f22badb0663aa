"""A port for a server that is told where to listen."""

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """One that no outgoing connection is given meanwhile: those begin at 32768 on Linux.

    OSError where none of many is free.
    """
    for port in random.sample(range(20_000, 32_768), 100):
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")
