"""A session with the engine that there is, and a base image for programs to run in."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import dagger
import pytest

SOCKET = "/run/dagger/engine.sock"
BASE = os.environ.get("HARMONY_TEST_BASE", "127.0.0.1:5000/harmony/base:1")
"""An image with python3."""
HOST, PROGRAM = "_EXPERIMENTAL_DAGGER_RUNNER_HOST", "_EXPERIMENTAL_DAGGER_CLI_BIN"


@asynccontextmanager
async def engine() -> AsyncIterator[tuple[dagger.Client, dagger.Container]]:
    """The session and the image; without an engine the test is skipped, and says so."""
    if HOST not in os.environ:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as there:
            there.connect(SOCKET)
            os.environ[HOST] = f"unix://{SOCKET}"
    if HOST not in os.environ:
        why = f"no Dagger engine answers at {SOCKET}, and {HOST} is not set"
        pytest.skip(why)
    built = Path.home() / ".cache" / "dagger-engine" / "v0.21.8" / "session"
    if built.exists():
        os.environ.setdefault(PROGRAM, str(built))
    async with dagger.Connection(dagger.Config()) as client:
        yield client, client.container().from_(BASE)
