"""What could not be put into the store yet: one file for each process, in the state folder.

A line is one batch, written out before it counts as kept. Each process holds a lock on its own
file; the files of processes that have ended are whose who comes next.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import msgspec

from engine.messages import RunEntries

FOLDER = "timeline"
_ENDING = ".jsonl"
_REFUSED = "refused.jsonl"


class Spool:
    """Batches in the order in which they came, oldest file first. Not for two threads at once."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER
        self._own: FileIO | None = None

    @property
    def waiting(self) -> int:
        """How many files wait here, other processes' too."""
        return len(self._files())

    @property
    def empty(self) -> bool:
        """Whether nothing waits here, of whichever process."""
        return not self._files()

    def put(self, batch: RunEntries) -> None:
        """Keep a batch, on the disk when this comes back; OSError where the disk has no room, and
        then nothing of it is there."""
        if self._own is None:
            self._own = self._begin()
        size = self._own.seek(0, os.SEEK_END)
        line = memoryview(msgspec.json.encode(batch) + b"\n")
        try:
            while line:
                line = line[self._own.write(line) :]
            os.fsync(self._own.fileno())
        except OSError:
            self._own.truncate(size)
            raise

    def refuse(self, batch: RunEntries, why: str) -> None:
        """Keep what the store will never take where people can look at it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = msgspec.json.encode({"why": why, "batch": batch}) + b"\n"
        with _opened(self._folder / _REFUSED) as file:
            file.write(line)

    def files(self) -> Iterator[tuple[Path, list[RunEntries]]]:
        """Each file that is this process's or nobody's, with its batches, locked meanwhile.

        Call `done` for one whose batches are in the store.
        """
        for path in self._files():
            with contextlib.ExitStack() as held:
                if self._own is None or path != Path(self._own.name):
                    file = held.enter_context(_opened(path))
                    if not _locked(file):
                        continue
                yield path, _read(path)

    def done(self, path: Path) -> None:
        """The file's batches are in the store."""
        if self._own is not None and path == Path(self._own.name):
            self._own.close()
            self._own = None
        path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave what waits to whoever comes next."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def _begin(self) -> FileIO:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{time.time_ns():020}-{os.getpid()}{_ENDING}"
        while True:
            file = _opened(path)
            fcntl.flock(file, fcntl.LOCK_EX)
            if path.exists() and path.samefile(f"/dev/fd/{file.fileno()}"):
                return file
            file.close()  # another process found it empty, and took it away

    def _files(self) -> list[Path]:
        found = self._folder.glob(f"*{_ENDING}") if self._folder.is_dir() else ()
        return sorted(path for path in found if path.name != _REFUSED)


def _opened(path: Path) -> FileIO:
    """For appending, with no buffer: what a full disk does not take is not tried again later."""
    return FileIO(path, "ab", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _locked(file: FileIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> list[RunEntries]:
    """The batches; a last line that was cut off when its process died was never kept."""
    found = []
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            with contextlib.suppress(msgspec.MsgspecError):
                found.append(msgspec.json.decode(line, type=RunEntries))
    return found
