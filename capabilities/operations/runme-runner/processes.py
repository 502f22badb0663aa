"""One child process in a group of its own: run, heard, and ended with all that it started."""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

GRACE_SECONDS = 3.0
_SET_CHILD_SUBREAPER = 36
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended and what it said."""

    exit_code: int
    """128 + n where signal n ended it."""
    stdout: bytes
    stderr: bytes
    milliseconds: int
    timed_out: bool
    truncated: bool


class _Heard:
    """The beginning and the end of what comes out of a pipe; the middle is let go."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._length = 0

    def add(self, data: bytes) -> None:
        self._length += len(data)
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        del self._tail[: -self._half]

    @property
    def truncated(self) -> bool:
        return self._length > len(self._head) + len(self._tail)

    def text(self) -> bytes:
        gap = self._length - len(self._head) - len(self._tail)
        between = f"\n[… {gap} bytes left out …]\n".encode() if gap else b""
        return bytes(self._head) + between + bytes(self._tail)


def adopt_orphans() -> None:
    """Become the parent of whatever a child leaves behind, so that it can be ended."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    timeout: float | None,
    limit: int,
) -> Ended:
    """Run to its end, the time-out (seconds) or SIGTERM; nothing it started is left."""
    child = None
    with _signals() as (woken, told), selectors.DefaultSelector() as selector:
        selector.register(woken, selectors.EVENT_READ)
        try:
            started = time.monotonic()
            child = subprocess.Popen(
                command, cwd=cwd, env=dict(environment), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
            heard = tuple(_hear(selector, pipe, limit) for pipe in (child.stdout, child.stderr))
            ended = partial(_has_ended, child)
            timed_out = not _listen(selector, timeout, lambda: bool(told) or ended())
            milliseconds = round((time.monotonic() - started) * 1000)
        finally:
            _end_all(child, selector)
        selector.unregister(woken)
        _listen(selector, GRACE_SECONDS)
    with child:
        code = child.wait()
    return Ended(
        exit_code=128 - code if code < 0 else code,
        stdout=heard[0].text(),
        stderr=heard[1].text(),
        milliseconds=milliseconds,
        timed_out=timed_out,
        truncated=heard[0].truncated or heard[1].truncated,
    )


@contextlib.contextmanager
def _signals() -> Iterator[tuple[int, list[bool]]]:
    """A descriptor that is readable on SIGCHLD and SIGTERM, and a list that is filled by SIGTERM.

    Until the end of the context SIGTERM does no more than that, so it cannot break into what ends
    the child; then it is raised again, for whom it was meant. The descriptor wakes the one thread
    that listens, whichever thread the kernel gives the signal to.
    """
    told: list[bool] = []
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    terminate = signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    child = signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    try:
        yield readable, told
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, child)
        signal.signal(signal.SIGTERM, terminate)
        os.close(readable)
        os.close(writable)
        if told:
            signal.raise_signal(signal.SIGTERM)


def _hear(selector: selectors.BaseSelector, pipe: object, limit: int) -> _Heard:
    heard = _Heard(limit)
    selector.register(pipe, selectors.EVENT_READ, heard)  # type: ignore[arg-type]
    return heard


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has exited; it is not yet reaped."""
    how = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, child.pid, how) is not None


def _listen(
    selector: selectors.BaseSelector,
    timeout: float | None,
    done: Callable[[], bool] = lambda: False,
) -> bool:
    """Hear the pipes until `done`, or until all are closed; False where time ran out."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while selector.get_map() and not done():
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return False
        for key, _ in selector.select(left):
            data = os.read(key.fd, _CHUNK)
            if key.data is None:
                continue
            if data:
                key.data.add(data)
            else:
                selector.unregister(key.fileobj)
    return True


def _end_all(child: subprocess.Popen[bytes] | None, selector: selectors.BaseSelector) -> None:
    """SIGTERM to every descendant, SIGKILL to those still there after the grace."""
    for number, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        deadline = time.monotonic() + patience
        told: set[int] = set()
        while not _none_left(child) and time.monotonic() < deadline:
            for pid in _descendants() - told:
                told.add(pid)
                _tell(pid, number)
            _listen(selector, 0.01)


def _none_left(child: subprocess.Popen[bytes] | None) -> bool:
    """Reap what has ended; whether no child is left. Orphans are ours (`adopt_orphans`)."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        if ended is None:
            return False
        if child and ended.si_pid == child.pid:
            child.wait()
        else:
            os.waitpid(ended.si_pid, 0)


def _tell(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _descendants() -> set[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        if parent := _parent(entry):
            children.setdefault(parent, []).append(int(entry.parent.name))
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        new = children.get(waiting.pop(), [])
        found.update(new)
        waiting.extend(new)
    return found


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0
