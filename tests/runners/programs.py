"""Programs for the tests of runners, and what to ask of the machine about them."""

import asyncio
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine.runners.base import Executed, Execution


def program(folder: Path, source: str, name: str = "program.py") -> Path:
    """Write a program into a capability's folder."""
    path = folder / name
    path.write_text(textwrap.dedent(source))
    path.chmod(0o755)
    return path


def execution(folder: Path, source: str, **given: Any) -> Execution:
    """An execution of this Python source, with a time-out that a test does not reach."""
    program(folder, source)
    settings: dict[str, Any] = {
        "command": ("python3", "program.py"),
        "folder": folder,
        "stdin": b"{}",
        "timeout_seconds": 60,
    }
    return Execution(**{**settings, **given})


def output(executed: Executed) -> Any:
    """What the program wrote, as JSON; a program that failed fails the test with its words."""
    assert executed.exit_code == 0, executed.stderr.decode() + executed.note
    return msgspec.json.decode(executed.stdout)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, a dead one that nobody took leave of left out."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def marked(mark: str) -> list[int]:
    """The processes that have this text in their command line.

    A container's recorder has the whole command in its settings, before there is a program.
    """
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            own = [word for word in words if not word.startswith(b"{")]
            if any(mark.encode() in word for word in own) and is_alive(int(folder.name)):
                found.append(int(folder.name))
    return found


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def exists(path: str | Path) -> bool:
    """Whether there is such a file."""
    return Path(path).exists()


def open_descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
