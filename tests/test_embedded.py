"""The embedded server: shared, found again, and gone when nobody uses it."""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from temporalio.service import RPCError

from engine.errors import ServiceUnavailable, ServiceUnusable
from engine.temporal import embedded
from engine.temporal.connection import connect
from engine.temporal.embedded import EmbeddedServer, embedded_server, state_folder

USER = """
import asyncio, sys
from pathlib import Path
from engine.temporal.connection import connect
from engine.temporal.embedded import embedded_server
async def main():
    async with embedded_server(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        sys.stdin.read()
asyncio.run(main())
"""


async def until(true: Callable[[], bool], limit: float = 20) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(limit):
        while not true():
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def unguarded(state: Path) -> bool:
    with (state / "guardian.lock").open("r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


async def user(state: Path) -> tuple[asyncio.subprocess.Process, int]:
    """Another program that uses the server, and the server's process id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", USER, str(state),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    return process, int(line)


async def test_two_programs_share_one_server_that_ends_with_the_last(tmp_path: Path) -> None:
    first, pid = await user(tmp_path)
    second, same = await user(tmp_path)
    assert pid == same
    first.terminate()
    await first.wait()
    assert alive(pid)
    second.kill()  # not even a chance to give back its share
    await second.wait()
    await until(lambda: not alive(pid))
    await until(lambda: unguarded(tmp_path))
    assert not (tmp_path / "server.json").exists()


async def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    async with embedded_server(tmp_path) as first:
        client = await connect(first.address)
        await client.start_workflow("any", id="kept", task_queue="nobody")
    await until(lambda: unguarded(tmp_path))
    async with embedded_server(tmp_path) as second:
        assert second.pid != first.pid
        client = await connect(second.address)
        assert (await client.get_workflow_handle("kept").describe()).workflow_type == "any"


async def test_ten_at_once_start_one_server(tmp_path: Path) -> None:
    shares = [EmbeddedServer(tmp_path / "new") for _ in range(10)]
    found = await asyncio.gather(*(share.ready() for share in shares))
    for share in shares:
        share.close()
    assert len({each.pid for each in found}) == 1
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    await until(lambda: unguarded(tmp_path / "new"))


async def test_whoever_only_looks_is_not_taken_for_a_guardian(tmp_path: Path) -> None:
    looking = (tmp_path / "guardian.lock").open("wb")
    fcntl.flock(looking, fcntl.LOCK_SH)
    share = EmbeddedServer(tmp_path)
    looking.close()
    assert alive((await share.ready()).pid)
    share.close()
    await until(lambda: unguarded(tmp_path))


STEADY = """
import sys
sys.path.insert(0, {folder!r})
import guardian
guardian.STEADY_SECONDS = 0
guardian.main(sys.argv[1:])
"""
LOST = """
import os, signal, subprocess, sys
sys.path.insert(0, {folder!r})
import guardian
start = subprocess.Popen
def lost(*words, **how):
    start(*words, **how)
    os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen = lost
guardian.main(sys.argv[1:])
"""
TAKEN = """
import sys
sys.path.insert(0, {folder!r})
import guardian
free, taken = guardian.free_ports, [{port}]
guardian.free_ports = lambda number: [taken.pop(), *free(number - 1)] if taken else free(number)
guardian.main(sys.argv[1:])
"""


ONE_OF_ITS_OWN = """#!/bin/sh
echo "$@" >> {folder}/starts
if [ $(wc -l < {folder}/starts) = 1 ]; then
  echo "listen tcp 127.0.0.1:41000: bind: address already in use"
  exit 1
fi
exec {program} "$@"
"""


async def test_a_server_that_found_a_port_of_its_own_taken_is_where_it_was_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens a moment before it finds that out, and is found by then."""
    program = tmp_path / "temporal"
    program.write_text(ONE_OF_ITS_OWN.format(folder=tmp_path, program=embedded.binary()))
    program.chmod(0o755)
    monkeypatch.setattr(embedded, "binary", lambda: str(program))
    async with embedded_server(tmp_path) as server:
        await connect(server.address)
    first, second = (tmp_path / "starts").read_text().splitlines()
    assert first == second
    await until(lambda: unguarded(tmp_path))


async def test_a_server_of_another_folder_at_the_same_port_is_not_taken_for_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the choice of a port and the server's own listening another may come first."""
    async with embedded_server(tmp_path / "other") as other:
        guardian = tmp_path / "guardian.py"
        port = int(other.address.rpartition(":")[2])
        guardian.write_text(TAKEN.format(folder=str(Path(embedded.__file__).parent), port=port))
        monkeypatch.setattr(embedded, "_GUARDIAN", str(guardian))
        async with embedded_server(tmp_path / "own") as own:
            assert own.address != other.address
            client = await connect(own.address)
            await client.start_workflow("any", id="own", task_queue="nobody")
            elsewhere = await connect(other.address)
            with pytest.raises(RPCError, match="not found"):
                await elsewhere.get_workflow_handle("own").describe()
        await until(lambda: unguarded(tmp_path / "own"))


async def test_tracing_set_for_other_programs_does_not_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a Dagger container OTEL's variables name a protocol that the server does not take."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
    async with embedded_server(tmp_path) as server:
        assert alive(server.pid)


async def test_a_server_whose_guardian_was_killed_is_taken_over(tmp_path: Path) -> None:
    first, pid = await user(tmp_path)
    os.kill(parent_of(pid), signal.SIGKILL)
    await until(lambda: unguarded(tmp_path))
    second, same = await user(tmp_path)
    assert same == pid
    for process in (first, second):
        process.terminate()
        await process.wait()
    await until(lambda: not alive(pid))


async def test_a_server_whose_guardian_was_killed_is_stopped_with_its_last_user(
    tmp_path: Path,
) -> None:
    async with embedded_server(tmp_path) as server:
        os.kill(parent_of(server.pid), signal.SIGKILL)
        await until(lambda: unguarded(tmp_path))
    await until(lambda: not alive(server.pid))


async def test_a_server_whose_guardian_was_killed_as_it_began_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = embedded._GUARDIAN
    guardian = tmp_path / "guardian.py"
    guardian.write_text(LOST.format(folder=str(Path(own).parent)))
    monkeypatch.setattr(embedded, "_GUARDIAN", str(guardian))
    share = EmbeddedServer(tmp_path)
    await until(lambda: unguarded(tmp_path))
    monkeypatch.setattr(embedded, "_GUARDIAN", own)
    server = await share.ready()
    assert alive(server.pid)
    share.close()
    await until(lambda: not alive(server.pid))


async def test_a_server_that_was_killed_is_back_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guardian = tmp_path / "guardian.py"
    guardian.write_text(STEADY.format(folder=str(Path(embedded.__file__).parent)))
    monkeypatch.setattr(embedded, "_GUARDIAN", str(guardian))
    async with embedded_server(tmp_path) as first:
        client = await connect(first.address)
        await client.start_workflow("any", id="kept", task_queue="nobody")
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: not alive(first.pid))
        async with embedded_server(tmp_path) as second:
            assert (second.address, second.ui_url) == (first.address, first.ui_url)
            assert second.pid != first.pid
            kept = await client.get_workflow_handle("kept").describe()
            assert kept.workflow_type == "any"
    await until(lambda: unguarded(tmp_path))


async def test_a_state_file_left_behind_is_not_believed(tmp_path: Path) -> None:
    stale = {"pid": 1, "address": "127.0.0.1:9", "ui": "http://127.0.0.1:9"}
    (tmp_path / "server.json").write_text(json.dumps(stale))
    async with embedded_server(tmp_path) as server:
        assert server.pid != 1


async def test_a_server_that_does_not_run_is_not_started_where_that_is_not_wanted(
    tmp_path: Path,
) -> None:
    with pytest.raises(ServiceUnavailable, match="No embedded Temporal server is running"):
        EmbeddedServer(tmp_path, start=False)


async def test_a_damaged_database_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").write_text("not a database" * 100)
    with pytest.raises(ServiceUnavailable, match=r"did not start: .*not a database.*move it away"):
        async with embedded_server(tmp_path):
            pass
    (tmp_path / "temporal.db").unlink()
    async with embedded_server(tmp_path) as server:
        assert server.pid > 0


async def test_a_locked_database_is_one_clear_sentence(tmp_path: Path) -> None:
    async with embedded_server(tmp_path):
        pass
    await until(lambda: unguarded(tmp_path))
    holder = sqlite3.connect(tmp_path / "temporal.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    share = EmbeddedServer(tmp_path)
    try:
        with pytest.raises(ServiceUnavailable, match=r"database is locked|did not answer within"):
            await share.ready(limit=12)
    finally:
        share.close()
        holder.close()
    await until(lambda: unguarded(tmp_path))


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null/state"])
def test_a_folder_that_cannot_be_written_is_one_clear_sentence(folder: str) -> None:
    with pytest.raises(ServiceUnusable, match="choose another folder with --state"):
        EmbeddedServer(Path(folder))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


async def test_a_disk_that_is_full_is_one_clear_sentence(small_disk: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="did not start: the disk is full; make room"):
        async with embedded_server(small_disk / "too-small"):
            pass
    (small_disk / "fill").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(ServiceUnavailable, match=r"No space left .* another folder with --state"):
        EmbeddedServer(small_disk / "full")


def test_where_the_state_is_kept() -> None:
    assert state_folder(Path("/a/b"), {}) == Path("/a/b")
    assert state_folder(None, {"XDG_STATE_HOME": "/x"}) == Path("/x/harmony")
    assert state_folder(None, {"XDG_STATE_HOME": "relative"}).parts[-2:] == ("state", "harmony")
