"""Runs programs so that nothing they start outlives them. A script of its own, not a module.

The process runner starts it once: `python -I -S supervisor.py ORDERS REQUESTS`. The first process
forks copies of itself, one for each byte it reads from the socket REQUESTS. A copy takes an order
from ORDERS, runs that one program to its end, and takes the next. It is the subreaper of its
program: a grandchild that gets away by `setsid` and a double fork becomes its child, so a program
has ended when its copy has no children left.

The control socket of a run carries marshalled tuples. To the worker: ("started",), then
("ended", wait status, note), or ("refused", exit code, sentence). From the worker: b"T" (SIGTERM,
SIGKILL after the grace), b"K" (SIGKILL). A worker that is gone counts as b"T".
"""

import array
import contextlib
import ctypes
import errno
import gc
import marshal
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

LEFTOVER_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL for what a program that ended by itself left behind."""
GIVE_UP = 10.0
"""Seconds of SIGKILL after which a survivor (asleep in the kernel, or of another user) is left."""
COUNT_EVERY = 0.25
"""Seconds between two counts of processes: the kernel counts a user's, and none of root's."""
_PR_SET_CHILD_SUBREAPER = 36
_RESET = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
"""However this process was started, `nohup` and `&` included: a program hears every signal."""


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux: sessions are all there is
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def go_first() -> None:
    """Be scheduled before any program, as root may: a program that forks without end must not keep
    its supervisor from counting and ending it. What it starts is scheduled as usual."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def wake_on_children() -> int:
    """A descriptor that becomes readable whenever a child ends."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable


def drain(descriptor: int) -> None:
    """Read away what is there."""
    with contextlib.suppress(BlockingIOError):
        while len(os.read(descriptor, 4096)) == 4096:
            pass


def children(pid: int) -> Iterator[int]:
    """The children of a process, of all its threads; none where it has ended."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as f:
            yield from map(int, f.read().split())


def descendants(pid: int, besides: frozenset[int] = frozenset()) -> list[int]:
    """Everything below a process, without the subtrees of `besides`."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = [child for child in children(waiting.pop()) if child not in besides]
        found += below
        waiting += below
    return found


def signal_all(number: int, besides: frozenset[int] = frozenset()) -> None:
    """Send a signal to everything below this process, whole process groups at a time.

    A group gets it at one moment, so that a process cannot fork its way out between two sends.
    """
    own = os.getpgrp()
    pids = descendants(os.getpid(), besides)
    groups = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            groups.add(os.getpgid(pid))
    for group in groups - {own}:
        with contextlib.suppress(OSError):
            os.killpg(group, number)
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def remove(folder: str, secrets: list[str]) -> None:
    """Remove a run's private folder, whatever the program put there."""
    try:
        for key in secrets:
            os.unlink(f"{folder}/secrets/{key}")
        os.rmdir(f"{folder}/secrets")
        os.rmdir(f"{folder}/tmp")
        os.rmdir(folder)
    except OSError:
        remove_tree(folder)


def remove_tree(folder: str) -> None:
    """Remove a folder with all in it, where need be after opening what was closed to us."""
    import shutil

    for parent, folders, _ in os.walk(folder):
        for name in folders:
            if not os.path.islink(path := f"{parent}/{name}"):
                with contextlib.suppress(OSError):
                    os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


class Program:
    """One program, from its order to its last descendant's end."""

    def __init__(self, wake: int, order: dict[str, Any], descriptors: list[int]) -> None:
        self.order = order
        self.wake = wake
        self.streams = descriptors[:3]
        self.control = socket.socket(fileno=descriptors[3])
        self.pid = 0
        self.status = 0
        self.ended = False
        self.note = ""
        self.survivors = 0
        self.kill_at: float | None = None

    def run(self) -> bool:
        """Start it, wait for its end, end what it left, remove its folder, and report.

        False where something it started could not be ended.
        """
        report: tuple[str | int, ...]
        try:
            self.start()
        except OSError as error:
            code = 127 if error.errno == errno.ENOENT else 126
            program = self.order["command"][0]
            report = ("refused", code, f"cannot start '{program}': {error.strerror}")
        else:
            self.tell(("started",))
            self.wait()
            report = ("ended", self.status, self.note)
        remove(self.order["folder"], self.order["secrets"])
        self.tell(report)
        self.control.close()
        return not self.survivors

    def tell(self, message: tuple[str | int, ...]) -> None:
        """To the worker, where it is still there."""
        with contextlib.suppress(OSError):
            self.control.send(marshal.dumps(message))

    def start(self) -> None:
        """Start it in a session of its own, within its limits from its first instruction on.

        It inherits the limits of this process, which may raise its own again; the program's are
        made final as soon as there is a program.
        """
        order = self.order
        try:
            os.chdir(order["cwd"])
            if os.environ.get("PATH") != order["environment"]["PATH"]:
                os.environ["PATH"] = order["environment"]["PATH"]
            limits = [(kind, lower(kind, value)) for kind, value in order["limits"]]
            self.pid = os.posix_spawnp(
                order["command"][0],
                order["command"],
                order["environment"],
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, stream, number)
                    for number, stream in enumerate(self.streams)
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=_RESET,
            )
            for kind, value in limits:
                with contextlib.suppress(OSError):  # it has ended, or became another user's
                    resource.prlimit(self.pid, kind, (value, value))
        finally:
            for stream in self.streams:
                os.close(stream)

    def wait(self) -> None:
        """Until this process has no children, and so the program no descendants, left."""
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        poll.register(self.control, select.POLLIN)
        while self.reap():
            for descriptor, _ in poll.poll(self.patience()):
                if descriptor == self.wake:
                    drain(self.wake)
                elif not self.obey():
                    poll.unregister(self.control)
            self.count()
            if not self.press():
                return

    def reap(self) -> bool:
        """Take the exit status of whatever ended; whether any child is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self.pid:
                    self.status, self.ended = status, True
        except ChildProcessError:
            return False
        if self.ended and self.kill_at is None:
            self.end(LEFTOVER_GRACE)
        return True

    def obey(self) -> bool:
        """Read a word from the worker; False where it is gone."""
        word = self.control.recv(16)
        self.end(0.0 if word == b"K" else self.order["grace"])
        return bool(word)

    def end(self, grace: float) -> None:
        """SIGTERM now, SIGKILL after the grace; a stopped process is woken to hear it."""
        until = time.monotonic() + grace
        if self.kill_at is None or until < self.kill_at:
            self.kill_at = until
            if grace:
                signal_all(signal.SIGTERM)
                signal_all(signal.SIGCONT)

    def press(self) -> bool:
        """SIGKILL once the grace is over; False where even that does not help."""
        if self.kill_at is None or (over := time.monotonic() - self.kill_at) < 0:
            return True
        signal_all(signal.SIGKILL)
        if over > GIVE_UP:
            self.survivors = len(descendants(os.getpid()))
            self.note = f"{self.survivors} of its processes could not be ended"
        return not self.survivors

    def patience(self) -> float:
        """Milliseconds to wait for something to happen."""
        if self.kill_at is not None:
            return max(2.0, 1000 * (self.kill_at - time.monotonic()))
        return 1000 * COUNT_EVERY

    def count(self) -> None:
        """End a program that has more processes than it may."""
        most = self.order["processes"]
        if self.kill_at is None and len(descendants(os.getpid())) > most:
            self.note = f"it had more than {most} processes at once"
            self.end(0.0)


def lower(kind: int, value: int) -> int:
    """Hold this process, and so what it starts, to a limit; what the limit became."""
    soft, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    if soft != value:
        resource.setrlimit(kind, (value, hard))
    return value


def serve(orders: socket.socket) -> None:
    """Be a copy: run one program after the other, until an empty order or the worker's end."""
    os.setsid()
    adopt_orphans()
    go_first()
    wake = wake_on_children()
    while True:
        data, descriptors = receive(orders)
        if not descriptors or not Program(wake, marshal.loads(data), descriptors).run():
            return


def receive(orders: socket.socket) -> tuple[bytes, list[int]]:
    """An order and its descriptors, none of them inherited: `socket.recv_fds` drops that flag."""
    found = array.array("i")
    data, ancillary, _, _ = orders.recvmsg(
        262_144, socket.CMSG_LEN(4 * found.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content)
    return data, list(found)


class Nursery:
    """The first process: makes copies, and ends what a copy that was killed left behind."""

    def __init__(self, orders: socket.socket, requests: socket.socket) -> None:
        self.orders = orders
        self.requests = requests
        self.copies: set[int] = set()

    def run(self) -> None:
        """Until the worker closes its end of the socket, or is gone."""
        adopt_orphans()
        wake = wake_on_children()
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self.requests, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wake:
                    drain(wake)
                    self.reap()
                elif wanted := self.requests.recv(4096):
                    self.fork(len(wanted))
                else:
                    return

    def fork(self, number: int) -> None:
        """Make that many copies."""
        for _ in range(number):
            if pid := os.fork():
                self.copies.add(pid)
            else:
                leave_after(lambda: serve(self.orders))

    def reap(self) -> None:
        """Forget the copies that ended; clean up after one that was killed."""
        lost = False
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                lost = lost or os.WIFSIGNALED(ended[1])
                self.copies.discard(ended[0])
        if lost:
            self.end_strays()

    def end_strays(self) -> None:
        """A program can kill its own supervisor; what it started is ours then, and ended."""
        until = time.monotonic() + GIVE_UP
        known = frozenset(self.copies)
        while (strays := descendants(os.getpid(), known)) and time.monotonic() < until:
            signal_all(signal.SIGKILL, known)
            for pid in strays:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            time.sleep(0.002)


def leave_after(work: Callable[[], None]) -> NoReturn:
    """End this copy when the work is done, without the first process's way out."""
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def main() -> None:
    """Serve the two sockets whose descriptors are the arguments."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    gc.freeze()
    sockets = [socket.socket(fileno=int(number)) for number in sys.argv[1:3]]
    for each in sockets:
        each.set_inheritable(False)
    Nursery(*sockets).run()


if __name__ == "__main__":
    main()
