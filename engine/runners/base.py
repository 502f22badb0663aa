"""The seam between the engine and whatever runs a capability's program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What one execution may use at most."""

    memory_bytes: int = 2 * 1024**3
    processes: int = 512
    file_bytes: int = 1024**3
    """Size of one file it writes."""
    open_files: int = 1024
    temporary_bytes: int = 512 * 1024**2
    """Of all files in TMPDIR together, where the backend can hold it to that."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One program to run: all a runner may know."""

    command: tuple[str, ...]
    folder: Path
    """The capability's folder; the working folder of the program."""
    stdin: bytes
    timeout_seconds: float
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Key → value; each becomes a file in $OCS_SECRETS_DIR."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """OCS_* names only; PATH, HOME, TMPDIR and LANG are the runner's."""
    image: str = ""
    allow_outbound: tuple[str, ...] = ()
    """`host:port` entries, resolved; () is no network."""
    cache_key: str | None = None
    """Run, step and attempt; None where an answer from the backend's cache is welcome."""
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Executed:
    """How it ended, and what the program wrote."""

    exit_code: int
    """The program's own; 128 + n where signal n ended it; 127 where there is no such program and
    126 where it cannot be run, as shells have it."""
    stdout: bytes
    """The first `MAX_STDOUT` bytes; the rest was read and dropped."""
    stderr: bytes
    """The last `MAX_STDERR` bytes."""
    timed_out: bool = False
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    note: str = ""
    """What the runner has to say of this run: why it did not start, or was ended early."""


MAX_STDOUT = 8 * 1024**2
MAX_STDERR = 64 * 1024
LONGEST_COMMAND = 64 * 1024
"""Characters; half of what the kernel takes in one argument."""


class Runner(Protocol):
    """One backend. Safe for concurrent use; cancelling `run` ends the program and all it started.

    Raises RunnerUnavailable where the backend is away (trying again helps); its `started` says
    whether the program may have begun.
    """

    name: str
    """`process` or `dagger`."""

    async def run(self, execution: Execution) -> Executed:
        """Run it to its end, its time-out, or the cancellation of the awaiting task."""
        ...

    async def close(self) -> None:
        """Give back what the backend holds open."""
        ...
