"""A real PostgreSQL server for tests, from Debian's package, in a folder of its own."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from engine.temporal.guardian import free_ports

REQUIRED = "HARMONY_REQUIRE_POSTGRESQL"
"""Set to 1 where the tests must not be skipped: CI."""
LIMIT = 30.0
"""Seconds for the server to answer, and to end."""


def programs() -> Path:
    """Where initdb and postgres are; else the test is skipped, or fails where they must be."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    why = "there is no initdb: install Debian's package postgresql"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED} is 1, and {why}", pytrace=False)
    pytest.skip(why)


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The URL of a server on 127.0.0.1, without a database's name; it ends with the context."""
    there = programs()
    folder = Path(tempfile.mkdtemp(prefix="harmony-postgresql-"))
    user = _owner(folder)
    try:
        subprocess.run(
            [there / "initdb", "--auth=trust", "--username=harmony", "--no-sync", folder / "data"],
            user=user, cwd=folder, check=True, timeout=LIMIT * 2, capture_output=True,
        )  # fmt: skip
        with _server(there / "postgres", folder, user) as port:
            yield f"postgresql://harmony@127.0.0.1:{port}"
    finally:
        shutil.rmtree(folder)


def _owner(folder: Path) -> int | None:
    """PostgreSQL does not run as root: who owns its folder instead."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return user.pw_uid


@contextlib.contextmanager
def _server(program: Path, folder: Path, user: int | None) -> Iterator[int]:
    [port] = free_ports(1)
    settings = ["listen_addresses=127.0.0.1", f"port={port}", "fsync=off", "max_connections=120",
                f"unix_socket_directories={folder}"]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-D", folder / "data", *(f"--{each}" for each in settings)],
            user=user, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait(server, port, folder / "log")
        yield port
    finally:
        server.send_signal(signal.SIGINT)  # without waiting for its clients
        try:
            server.wait(LIMIT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(LIMIT)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            psycopg.connect(f"postgresql://harmony@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {log.read_text()}", pytrace=False)
            time.sleep(0.05)
        else:
            return
