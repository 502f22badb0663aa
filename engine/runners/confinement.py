"""Runs one command so that it reaches what its contract declares, and nothing else. Linux 5.12 on.

A script of its own: the standard library, Python 3.9 on, no module beside it. It is mounted
read-only into a container and started first, as root with every capability:

    python3 -I -S confinement.py SPEC -- COMMAND…

SPEC is one JSON document, given as the argument itself. It must hold no secret. All keys may be
left out but `reach`:

    reach            object: declared "host:port" → "host:port" where it is served from here. The
                     two are the same but for a service of the worker's host: there the first is
                     what the program is told ("127.0.0.1:8080"), the second the name by which this
                     container reaches it ("loopback:8080"). Hosts are names, IPv4 or [IPv6]
                     addresses. {} is no network at all.
    environment      object: added to PATH (the image's), HOME, TMPDIR (both private) and LANG; the
                     command sees nothing else
    folder           its working folder ("/")
    timeout          seconds after which it is told SIGTERM (none)
    grace            seconds between a SIGTERM from outside or the time-out, and SIGKILL (10)
    memory_bytes     of all its processes and its files in TMPDIR together (2 GiB), held by a
                     control group where this container has its own, and by RLIMIT_DATA for each
                     process in any case
    processes        and threads at once (512)
    file_bytes       in one file (1 GiB)
    open_files       for each process (1024)
    temporary_bytes  in TMPDIR (/tmp) and /dev/shm together (512 MiB)

stdin, stdout and stderr are the command's own. The exit status is the command's; 128 + n where
signal n ended it; 127 no such command, 126 it cannot be run, 125 it could not be confined and was
not started. What there is to say stands at the end of stderr, in lines that begin "harmony: ".

Two processes stay. The outer half keeps the container's network, and forwards each connection to
a declared host:port; the sockets that it listens on are in the command's own network, which has
nothing but a loopback. It also answers the command's DNS: a declared name has an address there, any
other does not exist. The inner half is process 1 of the command's own process namespace: it
reaps, passes signals on, and takes everything along when it ends. Both give up every capability
once the command is ready. The command is in a user namespace that knows the user 65534 alone.
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    Target = tuple[str, str, int]
    """What is declared, and the host and port where it is served from here."""

USER = 65534
NOT_CONFINED, CANNOT_RUN, NO_SUCH_COMMAND = 125, 126, 127
LEFTOVER_SECONDS = 1.0
"""Between SIGTERM and the end for what a command that ended by itself left behind."""
CONNECT_SECONDS = 30.0
"""For a declared host to accept a connection."""
DRAIN_SECONDS = 5.0
"""For what the command had sent before it ended to reach its host."""
MOST_CONNECTIONS = 2000
MOST_NAMES = 20
LONGEST_NAME = 253
CHUNK = 128 * 1024
TO_ALL = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
"""Signals that end: they go to every process. Others go to the command's first process."""
TO_FIRST = {signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT}

libc = ctypes.CDLL(None, use_errno=True)


class NotConfined(Exception):
    """The command was not started; the text says why."""


def check(result: int, what: str) -> None:
    """Raise what the kernel answered."""
    if result == -1:
        raise NotConfined(f"{what}: {os.strerror(ctypes.get_errno())}")


def say(sentence: str) -> None:
    """A line on stderr, if there is still anyone to read it."""
    try:
        os.write(2, f"harmony: {sentence}\n".encode("utf-8", "replace"))
    except OSError:
        return


class Spec:
    """What the caller wants; see the top of this file."""

    def __init__(self, text: str) -> None:
        given = json.loads(text)
        self.reach = [(*split(a), (a, *split(b))) for a, b in given["reach"].items()]
        self.declared = list(given["reach"])
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/tmp",
            "TMPDIR": "/tmp",
            "LANG": "C.UTF-8",
            **given.get("environment", {}),
        }
        self.folder: str = given.get("folder", "/")
        self.timeout: float | None = given.get("timeout")
        self.grace: float = given.get("grace", 10)
        self.memory_bytes: int = given.get("memory_bytes", 2 * 1024**3)
        self.processes: int = given.get("processes", 512)
        self.file_bytes: int = given.get("file_bytes", 1024**3)
        self.open_files: int = given.get("open_files", 1024)
        self.temporary_bytes: int = given.get("temporary_bytes", 512 * 1024**2)


def split(entry: str) -> tuple[str, int]:
    """The host, lower case and without brackets, and the port of `host:port`."""
    host, _, port = entry.rpartition(":")
    host = host.strip("[]").lower().rstrip(".")
    named = host.isascii() and all(c.isalnum() or c in ".-_:" for c in host)
    numbered = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if family := family_of(host):
        packed = socket.inet_pton(family, host)
        host, named = socket.inet_ntop(family, packed), any(packed)
    if not host or not named or not numbered:
        raise NotConfined(f"'{entry}' is not host:port")
    return host, int(port)


def family_of(host: str) -> int:
    """AF_INET or AF_INET6 where the host is an address, else 0."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family
    return 0


MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv6 address begins that is an IPv4 address."""


def is_of_the_machine(address: str) -> bool:
    """Whether an address is a loopback, link-local or no address: it is another one everywhere.

    Clouds serve a machine's own credentials at a link-local address.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address.partition("%")[0])
    packed = packed.removeprefix(MAPPED)
    if len(packed) == 4:
        return packed[0] in (0, 127) or packed.startswith(b"\xa9\xfe")
    return packed[:15] == bytes(15) or (packed[0] == 0xFE and packed[1] & 0xC0 == 0x80)


# ---- the command's network: a loopback, and a listener for each declared host:port ----

RTM_NEWLINK, RTM_NEWADDR = 16, 20
NLM_F_REQUEST_ACK_CREATE = 0x1 | 0x4 | 0x400
IFF_UP, IFA_F_NODAD, IFA_ADDRESS, IFA_LOCAL = 1, 2, 1, 2
LOOPBACK = 1
"""The index of `lo`, the first interface of every network namespace."""


def netlink(kind: int, body: bytes) -> None:
    """Ask the kernel to change this process's network."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        head = struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST_ACK_CREATE, 1, 0)
        kernel.send(head + body)
        failed = -struct.unpack_from("=i", kernel.recv(4096), 16)[0]
        if failed not in (0, errno.EEXIST):
            raise NotConfined(f"cannot set up its loopback: {os.strerror(failed)}")


def loopback_up() -> None:
    """Start `lo`, which has 127.0.0.0/8 and ::1."""
    netlink(RTM_NEWLINK, struct.pack("=BxHiII", 0, 0, LOOPBACK, IFF_UP, IFF_UP))


def loopback_address(family: int, address: str) -> None:
    """Give `lo` one more address."""
    packed = socket.inet_pton(family, address)
    body = struct.pack("=BBBBI", family, 8 * len(packed), IFA_F_NODAD, 0, LOOPBACK)
    for kind in (IFA_LOCAL, IFA_ADDRESS):
        body += struct.pack("=HH", 4 + len(packed), kind) + packed
    netlink(RTM_NEWADDR, body)


class Network:
    """What the outer half holds of the command's network.

    `names` are the declared names with their addresses inside, `listeners` the sockets with the
    host and port each stands for. To be made inside that network.
    """

    def __init__(self, spec: Spec) -> None:
        loopback_up()
        self.names = {"localhost": "127.0.0.1", "step": "127.0.0.1"}
        self.listeners: dict[socket.socket, Target] = {}
        for host, port, target in spec.reach:
            try:
                self.listeners[self.listen(host, port)] = target
            except OSError as error:  # another spelling of an entry that is served already
                if error.errno != errno.EADDRINUSE:
                    raise
        self.resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.resolver.bind(("127.0.0.53", 53))
        self.resolver.setblocking(False)
        self.counters = [os.open(f"/proc/thread-self/net/{name}", os.O_RDONLY) for name in COUNTED]
        self.before = 0
        self.before = self.unrouted()

    def listen(self, host: str, port: int) -> socket.socket:
        """The socket on which the command finds this host and port."""
        family = family_of(host)
        if family:
            address = host
            if not (host.startswith("127.") or host == "::1"):
                loopback_address(family, host)
        else:
            count = len(self.names)
            address = self.names.setdefault(host, f"127.10.{count // 250}.{count % 250 + 1}")
        listener = socket.socket(family or socket.AF_INET)
        listener.bind((address, port))
        listener.listen(1024)
        listener.setblocking(False)
        return listener

    def unheard(self) -> int:
        """How many connections found no one listening."""
        return counter(self.read(0), "Tcp:", "AttemptFails")

    def unrouted(self) -> int:
        """How many times an address was tried that this network does not have."""
        _, _, rest = self.read(1).partition("Ip6OutNoRoutes")
        return counter(self.read(0), "Ip:", "OutNoRoutes") + int(rest.split()[0]) - self.before

    def read(self, index: int) -> str:
        """The counters of the command's network, whoever asks."""
        return os.pread(self.counters[index], 65536, 0).decode("ascii")


COUNTED = ("snmp", "snmp6")


def counter(text: str, group: str, name: str) -> int:
    """One number out of /proc/net/snmp, a line of names above each line of numbers."""
    names, numbers = (line.split() for line in text.splitlines() if line.startswith(group))
    return int(numbers[names.index(name)])


def answer(query: bytes, names: dict[str, str], refused: dict[str, None]) -> bytes:
    """The answer to one DNS query; a name that does not exist here is added to `refused`."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    name = ".".join(labels).lower()
    (kind,) = struct.unpack_from("!H", query, at + 1)
    question = query[12 : at + 5]
    records, code = b"", 0
    if name not in names:
        code = 3
        if len(refused) < MOST_NAMES and not name.endswith(".arpa"):
            refused["".join(c if c.isprintable() else "?" for c in name[:LONGEST_NAME])] = None
    elif kind == 1:
        records = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(names[name])
    return (
        query[:2]
        + struct.pack("!HHHHH", 0x8580 | code, 1, bool(records), 0, 0)
        + question
        + records
    )


# ---- forwarding ----


class Flow:
    """One direction of a connection, and what of it the other side has not taken yet."""

    __slots__ = ("ended", "source", "target", "waiting")

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.waiting = memoryview(b"")
        self.ended = False

    def pump(self) -> None:
        """Move what can be moved without waiting; hand on the end of the stream after it."""
        try:
            for _ in range(8):
                if self.waiting:
                    self.waiting = self.waiting[self.target.send(self.waiting) :]
                if self.waiting or self.ended:
                    return
                self.waiting = memoryview(self.source.recv(CHUNK))
                if not self.waiting:
                    self.ended = True
                    self.target.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return

    @property
    def done(self) -> bool:
        """Nothing more will come, and all that came has been handed on."""
        return self.ended and not self.waiting

    @property
    def reads(self) -> bool:
        """It waits for its source."""
        return not self.ended and not self.waiting


class Connection:
    """A connection of the command, and the one to the real host that stands behind it.

    `gently`: the outer one is never reset. The engine's way to a service of the worker's host
    keeps what was reset as one of 250 that it can have, and carries nothing more after these.
    """

    def __init__(self, inner: socket.socket, outer: socket.socket, *, gently: bool) -> None:
        self.sockets = (inner, outer)
        self.gently = gently
        self.up, self.down = Flow(inner, outer), Flow(outer, inner)
        self.watched = {inner: 0, outer: 0}
        for each in self.sockets:
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        outer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def pump(self) -> bool:
        """Move what can be moved; False when there is no more to come."""
        self.up.pump()
        self.down.pump()
        return not (self.up.done and self.down.done)

    def wanted(self) -> tuple[int, int]:
        """What to watch for at the inner and the outer socket."""
        up, down = self.up, self.down
        return (
            select.EPOLLIN * up.reads | select.EPOLLOUT * bool(down.waiting),
            select.EPOLLIN * down.reads | select.EPOLLOUT * bool(up.waiting),
        )


def close(connection: socket.socket, *, abort: bool = False) -> None:
    """Close it, with a reset where the other side shall know that something went wrong."""
    if abort:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def connect(host: str, port: int) -> socket.socket:
    """A connection to the real host; of its addresses the first that answers.

    Whoever owns a name says where it leads. It leads nowhere on this machine, or to the server of
    its credentials: who means these declares the address.
    """
    failure = OSError(errno.EHOSTUNREACH, "it has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host.encode(), port, 0, socket.SOCK_STREAM
    ):
        if not family_of(host) and is_of_the_machine(str(address[0])):
            words = f"it leads to {address[0]}, an address of this machine's own"
            failure = OSError(errno.EACCES, f"{words}; declare that address where it is meant")
            continue
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(CONNECT_SECONDS)
            made.connect(address)
        except OSError as error:
            failure = error
            made.close()
        else:
            return made
    raise failure


class Outer:
    """The outer half: forwards, answers DNS, and waits for the inner half to end."""

    def __init__(self, spec: Spec, network: Network, inner: int) -> None:
        self.spec = spec
        self.network = network
        self.inner = inner
        self.status: int | None = None
        self.deadline = spec.timeout and time.monotonic() + spec.timeout
        self.kill_at: float | None = None
        self.timed_out = False
        self.refused: dict[str, None] = {}
        self.unreachable: dict[str, str] = {}
        self.connections = 0
        self.connected: deque[tuple[socket.socket, socket.socket | OSError, Target]] = deque()
        self.live: set[Connection] = set()
        self.draining = False
        self.poll = select.epoll()
        self.handlers: dict[int, Callable[[], None]] = {}
        self.wake, self.waker = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(self.waker, False)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        self.watch(self.wake, self.woken)
        self.watch(network.resolver.fileno(), self.resolve)
        self.listening = False
        self.listen()

    def watch(self, descriptor: int, handler: Callable[[], None]) -> None:
        """Call the handler whenever there is something to read."""
        self.handlers[descriptor] = handler
        self.poll.register(descriptor, select.EPOLLIN)

    def listen(self) -> None:
        """Take new connections while there are not too many."""
        wanted = self.connections < MOST_CONNECTIONS
        if wanted != self.listening:
            self.listening = wanted
            for listener in self.network.listeners:
                if wanted:
                    self.watch(listener.fileno(), partial(self.accept, listener))
                else:
                    self.poll.unregister(listener)

    def run(self) -> int:
        """Until the inner half has ended and what the command sent has left; its exit status."""
        while self.status is None:
            self.turn(self.patience())
            self.press()
        self.drain()
        return self.status

    def turn(self, patience: float | None) -> int:
        """Do what there is to do now, after at most this many seconds of waiting for it."""
        events = self.poll.poll(patience)
        for descriptor, _ in events:
            if handler := self.handlers.get(descriptor):
                handler()
        return len(events)

    def patience(self) -> float | None:
        """Seconds until something is due."""
        due = [at for at in (self.deadline, self.kill_at) if at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def press(self) -> None:
        """SIGTERM at the time-out, SIGKILL after the grace."""
        now = time.monotonic()
        if self.deadline is not None and now >= self.deadline:
            self.deadline, self.timed_out = None, True
            self.pass_on(signal.SIGTERM)
        if self.kill_at is not None and now >= self.kill_at:
            self.kill_at = None
            os.kill(self.inner, signal.SIGKILL)

    def pass_on(self, number: int) -> None:
        """To the inner half, which hands it on."""
        if number in TO_ALL and self.kill_at is None:
            self.kill_at = time.monotonic() + self.spec.grace
        os.kill(self.inner, number)

    def woken(self) -> None:
        """A signal came, or a connection was made."""
        for number in os.read(self.wake, 4096):
            if number == signal.SIGCHLD:
                pid, status = os.waitpid(self.inner, os.WNOHANG)
                if pid:
                    self.status = exit_status(status)
                    return
            elif number:
                self.pass_on(number)
        while self.connected:
            self.begin(*self.connected.popleft())

    def resolve(self) -> None:
        """Answer one DNS query."""
        try:
            query, asker = self.network.resolver.recvfrom(4096)
            reply = answer(query, self.network.names, self.refused)
            self.network.resolver.sendto(reply, asker)
        except (OSError, IndexError, struct.error):
            return  # not a query, or nobody waits for the answer

    def accept(self, listener: socket.socket) -> None:
        """Take a connection; a thread finds and connects the real host, which may take long."""
        try:
            inner, _ = listener.accept()
        except OSError:
            return  # gone again
        self.connections += 1
        self.listen()
        target = self.network.listeners[listener]
        try:
            _thread.start_new_thread(self.dial, (inner, target))
        except RuntimeError as error:  # too many of them
            self.begin(inner, OSError(errno.EAGAIN, str(error)), target)

    def dial(self, inner: socket.socket, target: Target) -> None:
        """In a thread: connect, and hand the result to the loop."""
        result: socket.socket | OSError
        try:
            result = connect(*target[1:])
        except OSError as error:
            result = error
        self.connected.append((inner, result, target))
        try:
            os.write(self.waker, b"\0")
        except BlockingIOError:
            return  # the loop has enough to wake for

    def begin(self, inner: socket.socket, outer: socket.socket | OSError, target: Target) -> None:
        """Start to forward; a host that cannot be reached resets the command's connection."""
        if isinstance(outer, OSError):
            self.unreachable[target[0]] = outer.strerror or str(outer)
            close(inner, abort=True)
            self.connections -= 1
            self.listen()
            return
        served_elsewhere = split(target[0]) != target[1:]
        connection = Connection(inner, outer, gently=served_elsewhere)
        self.live.add(connection)
        for each in connection.sockets:
            self.handlers[each.fileno()] = partial(self.forward, connection)
        self.forward(connection)

    def forward(self, connection: Connection) -> None:
        """Move what there is, and watch for what comes next."""
        failed = False
        try:
            goes_on = connection.pump() and not (self.draining and connection.up.done)
        except OSError:
            goes_on, failed = False, True
        wanted = connection.wanted() if goes_on else (0, 0)
        for index, each in enumerate(connection.sockets):
            self.look_for(connection, each, wanted[index])
        if not goes_on:
            inner, outer = connection.sockets
            self.live.discard(connection)
            del self.handlers[inner.fileno()], self.handlers[outer.fileno()]
            close(inner, abort=failed)
            if connection.gently:
                self.take_leave(outer)
            else:
                self.forget(outer, abort=failed)

    def take_leave(self, outer: socket.socket) -> None:
        """End a connection without a reset: say so, and take what still comes."""
        try:
            outer.shutdown(socket.SHUT_WR)
        except OSError:
            self.forget(outer)
        else:
            self.watch(outer.fileno(), partial(self.discard, outer))

    def discard(self, outer: socket.socket) -> None:
        """Take what the other side had still to say."""
        try:
            if outer.recv(CHUNK):
                return
        except OSError:  # it is over all the same
            pass
        self.poll.unregister(outer)
        del self.handlers[outer.fileno()]
        self.forget(outer)

    def forget(self, outer: socket.socket, *, abort: bool = False) -> None:
        """Close the connection to a host, and make room for another."""
        close(outer, abort=abort)
        self.connections -= 1
        self.listen()

    def look_for(self, connection: Connection, each: socket.socket, mask: int) -> None:
        """Watch a socket for this; one that is watched for nothing would still report its end."""
        before = connection.watched[each]
        connection.watched[each] = mask
        if mask == before:
            return
        if not mask:
            self.poll.unregister(each)
        elif before:
            self.poll.modify(each, mask)
        else:
            self.poll.register(each, mask)

    def drain(self) -> None:
        """Let what the command sent before it ended reach its host; then no one is left to read."""
        until = time.monotonic() + DRAIN_SECONDS
        self.draining = True
        for connection in list(self.live):
            self.forward(connection)
        while (self.turn(0) or self.connections) and (left := until - time.monotonic()) > 0:
            self.turn(min(left, 0.1) if self.connections else 0)

    def tell(self) -> None:
        """What the command could not reach, and whether it ran too long."""
        wanted = list(self.refused)
        if self.network.unrouted():
            wanted.append("addresses that are not declared")
        if self.status and self.network.unheard():
            wanted.append("ports where nothing listens")
        if wanted:
            say(f"no access to {', '.join(wanted)}: {reachable(self.spec.declared)}")
        for declared, why in self.unreachable.items():
            say(f"{declared} is declared, and cannot be reached: {why}")
        if self.timed_out:
            say(f"ended, because it ran longer than {self.spec.timeout:g} seconds")


def reachable(declared: list[str]) -> str:
    """What a program may reach, and what to do where that is too little."""
    only = f"nothing but {', '.join(declared)} is reachable" if declared else "it has no network"
    return (
        f"{only}; declare what else it needs in allowOutbound (capability) "
        "or harmony.allowOutbound (runbook)"
    )


def exit_status(status: int) -> int:
    """A wait status as shells tell it: 128 + n for signal n."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


# ---- what the command sees of files ----

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SAFE = MS_NOSUID | MS_NODEV
SYS_MOUNT_SETATTR, SYS_CLOSE_RANGE, AT_FDCWD, AT_RECURSIVE = 442, 436, -100, 0x8000
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
MASKED = (
    *("/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/key-users", "/proc/sysrq-trigger"),
    *("/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats", "/proc/kallsyms"),
    *("/proc/acpi", "/proc/scsi", "/proc/asound", "/sys/firmware", "/sys/kernel", "/sys/power"),
)
"""Of /proc and /sys what tells of the machine, or acts on it."""
OWN = "/tmp/own"


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """mount(2)."""
    made = libc.mount(
        source.encode(), target.encode(), kind and kind.encode(), flags, options.encode()
    )
    check(made, f"cannot mount {target}")


def fix(path: str, flags: int, *, below: bool = False) -> None:
    """Add these flags to the mount at a path, and to all that are mounted below it."""
    attributes = struct.pack("=QQQQ", flags, 0, 0, 0)
    how = AT_RECURSIVE if below else 0
    done = libc.syscall(
        SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), how, attributes, len(attributes)
    )
    check(done, f"cannot make {path} read-only (this needs Linux 5.12)")


def confine_files(spec: Spec, names: dict[str, str]) -> None:
    """Everything read-only but /tmp and /dev/shm, which are new and of limited size.

    An image may bring device files, or set-user-id programs: neither works. /dev, /proc and /sys
    are new: those of a container with every capability hold the host's disks and its settings.
    """
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    for folder in ("/proc", "/sys", "/dev", "/tmp", "/etc"):
        os.makedirs(folder, exist_ok=True)
    for file in ("/etc/hosts", "/etc/resolv.conf"):
        if not os.path.exists(file):
            os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o644))
    fix("/", SAFE | MS_RDONLY, below=True)
    mount("proc", "/proc", "proc", SAFE | MS_NOEXEC)
    mount("sysfs", "/sys", "sysfs", SAFE | MS_NOEXEC | MS_RDONLY)
    files = f"size={spec.temporary_bytes},nr_inodes={max(1024, spec.temporary_bytes // 8192)}"
    mount("tmpfs", "/tmp", "tmpfs", SAFE, f"mode=755,{files}")
    for folder in ("own", "shm", "tmp"):
        os.mkdir(f"/tmp/{folder}", 0o700)
    mount("tmpfs", OWN, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=1m,nr_inodes=100")
    make_own_files(names)
    fix(OWN, MS_RDONLY)
    for source, target in (
        ("own/hosts", "/etc/hosts"),
        ("own/resolv.conf", "/etc/resolv.conf"),
        ("own/dev", "/dev"),
        ("shm", "/dev/shm"),
    ):
        mount(f"/tmp/{source}", target, None, MS_BIND)
    for path in MASKED:
        if os.path.isdir(path):
            mount(f"{OWN}/empty", path, None, MS_BIND)
        elif os.path.exists(path):
            mount("/dev/null", path, None, MS_BIND)
    for folder in ("/tmp/shm", "/tmp/tmp"):
        os.chown(folder, USER, USER)
    mount("/tmp/tmp", "/tmp", None, MS_BIND)


def make_own_files(names: dict[str, str]) -> None:
    """The files that tell declared names, a /dev of the harmless devices, and an empty folder."""
    hosts = "".join(f"{address}\t{name}\n" for name, address in names.items())
    write(f"{OWN}/hosts", hosts + "::1\tlocalhost\n")
    write(f"{OWN}/resolv.conf", "nameserver 127.0.0.53\noptions timeout:2 attempts:1\n")
    for folder in ("dev", "dev/shm", "empty"):
        os.mkdir(f"{OWN}/{folder}", 0o755)
    os.umask(0)
    for name, (major, minor) in DEVICES.items():
        os.mknod(f"{OWN}/dev/{name}", 0o020666, os.makedev(major, minor))
    os.umask(0o022)
    for name, descriptor in LINKS.items():
        os.symlink(f"/proc/self/fd{descriptor}", f"{OWN}/dev/{name}")


def write(path: str, text: str) -> None:
    """Write a file, or one of the kernel's settings."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


# ---- what the command may do and use ----

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
NEW_NAMESPACE = 0x7E020080
"""Every flag of clone(2) that asks for a namespace."""
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
SECCOMP_MODE_FILTER = 2
CAPABILITY_VERSION = 0x20080522

DENIED = """
acct 163 89, add_key 248 217, bpf 321 280, chroot 161 51, clock_adjtime 305 266,
clock_settime 227 112, create_module 174 -, delete_module 176 106, fanotify_init 300 262,
finit_module 313 273, fsconfig 431 431, fsmount 432 432, fsopen 430 430, fspick 433 433,
get_mempolicy 239 236, init_module 175 105, io_uring_enter 426 426, io_uring_register 427 427,
io_uring_setup 425 425, ioperm 173 -, iopl 172 -, kcmp 312 272, kexec_file_load 320 294,
kexec_load 246 104, keyctl 250 219, lookup_dcookie 212 18, mbind 237 235, memfd_secret 447 447,
migrate_pages 256 238, modify_ldt 154 -, mount 165 40, mount_setattr 442 442, move_mount 429 429,
move_pages 279 239, name_to_handle_at 303 264, nfsservctl 180 42, open_by_handle_at 304 265,
open_tree 428 428, perf_event_open 298 241, personality 135 92, pidfd_getfd 438 438,
pivot_root 155 41, process_madvise 440 440, process_vm_readv 310 270, process_vm_writev 311 271,
ptrace 101 117, quotactl 179 60, quotactl_fd 443 443, reboot 169 142, request_key 249 218,
set_mempolicy 238 237, set_mempolicy_home_node 450 450, setdomainname 171 162,
sethostname 170 161, setns 308 268, settimeofday 164 170, shmget 29 194, swapoff 168 225,
swapon 167 224, syslog 103 116, sysfs 139 -, umount2 166 39, unshare 272 97, uselib 134 -,
userfaultfd 323 282, ustat 136 -, vhangup 153 58, _sysctl 156 -
"""
"""System calls answered with EPERM: name, number on x86_64, number on aarch64.

Most need a capability that the command has not. shmget is here because its memory would be outside
all limits, the rest because they have opened the way out of containers before.
"""
SPECIAL = {"x86_64": (56, 435, 41, 53, 16), "aarch64": (220, 435, 198, 199, 29)}
"""clone, clone3, socket, socketpair, ioctl."""
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
UNKNOWN_FROM = 463
"""System calls that are newer than this list do not exist for the command; nor do those of x32."""
TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: typing for whoever has the terminal."""

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AT_LEAST, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
NUMBER, ARCHITECTURE, FIRST, SECOND, THIRD = 0, 4, 16, 24, 32
"""Where these stand in what the filter is given; of an argument the low half."""


def op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction of classic BPF; `yes` and `no` say how many to skip."""
    return struct.pack("=HBBI", code, yes, no, value)


def on(code: int, value: int, then: bytes) -> bytes:
    """Do `then` where the test holds, else go on after it."""
    return op(code, value, 0, len(then) // 8) + then


def seccomp_program(machine: str) -> bytes:
    """The filter: the denied calls, no new namespaces, and sockets of TCP, UDP and UNIX only."""
    allow = op(RETURN, ALLOW)
    refuse = op(RETURN, REFUSE | errno.EPERM)
    absent = op(RETURN, REFUSE | errno.ENOSYS)
    no_family = op(RETURN, REFUSE | errno.EAFNOSUPPORT)
    column = list(ARCHITECTURES).index(machine) + 1
    clone, clone3, make_socket, socketpair, ioctl = SPECIAL[machine]
    no_protocol = op(RETURN, REFUSE | errno.EPROTONOSUPPORT)

    def speaks(protocol: int) -> bytes:
        return op(LOAD, THIRD) + on(EQUAL, 0, allow) + on(EQUAL, protocol, allow) + no_protocol

    stream_or_datagram = (
        op(LOAD, SECOND)
        + op(AND, 0xF)
        + on(EQUAL, socket.SOCK_STREAM, speaks(socket.IPPROTO_TCP))
        + on(EQUAL, socket.SOCK_DGRAM, speaks(socket.IPPROTO_UDP))
        + refuse
    )
    families = (
        op(LOAD, FIRST)
        + on(EQUAL, socket.AF_UNIX, allow)
        + on(EQUAL, socket.AF_INET, stream_or_datagram)
        + on(EQUAL, socket.AF_INET6, stream_or_datagram)
        + no_family
    )
    requests = b"".join(on(EQUAL, request, refuse) for request in TERMINAL_INPUT)
    program = op(LOAD, ARCHITECTURE) + op(EQUAL, ARCHITECTURES[machine], 1) + op(RETURN, KILL)
    program += op(LOAD, NUMBER) + on(AT_LEAST, UNKNOWN_FROM, absent) + on(EQUAL, clone3, absent)
    for entry in DENIED.split(","):
        number = entry.split()[column]
        if number != "-":
            program += on(EQUAL, int(number), refuse)
    program += on(EQUAL, clone, op(LOAD, FIRST) + on(ANY_BIT, NEW_NAMESPACE, refuse) + allow)
    program += on(EQUAL, make_socket, families)
    program += on(EQUAL, socketpair, op(LOAD, FIRST) + on(EQUAL, socket.AF_UNIX, allow) + no_family)
    return program + on(EQUAL, ioctl, op(LOAD, SECOND) + requests + allow) + allow


def filter_calls() -> None:
    """From here on the filter holds, for all that this process starts too."""
    program = seccomp_program(os.uname().machine)
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0), "cannot filter calls")


def give_up_capabilities() -> None:
    """None is left, and none can be had again."""
    capability = 0
    while libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    none = struct.pack("=II", CAPABILITY_VERSION, 0), bytes(24)
    check(libc.capset(*none), "cannot give up capabilities")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "cannot give up privileges")


def limits(spec: Spec) -> dict[int, int]:
    """What the kernel holds each process to, and for NPROC all of this user namespace."""
    return {
        resource.RLIMIT_CORE: 1,  # 0 would not keep one from a program that collects them
        resource.RLIMIT_DATA: spec.memory_bytes,
        resource.RLIMIT_AS: 16 * spec.memory_bytes,
        resource.RLIMIT_NPROC: spec.processes,
        resource.RLIMIT_FSIZE: spec.file_bytes,
        resource.RLIMIT_NOFILE: spec.open_files,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_RTPRIO: 0,
    }


CEILINGS = {"max_inotify_instances": 32, "max_inotify_watches": 8192}
"""What the command's user namespace may have of what the kernel counts for root outside too, who
has 128 instances: of all else, namespaces among them, nothing."""


def hold_counts() -> None:
    """Set these for the user namespace that this process has just made."""
    for name in os.listdir("/proc/sys/user"):
        write(f"/proc/sys/user/{name}", str(CEILINGS.get(name, 0)))


MEMORY_SETTINGS = (
    ("/sys/fs/cgroup/memory.swap.max", False),
    ("/sys/fs/cgroup/memory.max", True),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", True),
)


def hold_memory(limit: int) -> None:
    """Give this container's control group a limit, where it has one of its own.

    Where there is too little, the kernel ends what the command started before the two halves.
    """
    for path, is_limit in MEMORY_SETTINGS:
        try:
            if "1" in read(f"{os.path.dirname(path)}/cgroup.procs").split():
                write(path, str(limit if is_limit else 0))
        except OSError:
            continue


def read(path: str) -> str:
    """A file of the kernel's."""
    with open(path, encoding="ascii") as file:
        return file.read()


# ---- the inner half, and the command ----


def inner(spec: Spec, names: dict[str, str], command: list[str]) -> NoReturn:
    """Be process 1 of the command's namespace: prepare, start it, and stay until it has ended."""
    status = NOT_CONFINED
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        check(libc.unshare(CLONE_NEWNS), "cannot have files of its own")
        for descriptor in (0, 1, 2):
            hand_over(descriptor)
        confine_files(spec, names)
        first = start(spec, command)
        leave_streams()
        give_up_capabilities()
        status = attend(first)
    except (NotConfined, OSError) as error:
        say(f"cannot confine: {error}")
    finally:
        os._exit(status)


def hand_over(descriptor: int) -> None:
    """Let the command's user open its own pipes again, by /dev/stdout or /dev/stderr."""
    mode = os.fstat(descriptor).st_mode
    if mode & 0o170000 == 0o010000:
        os.fchown(descriptor, USER, USER)


def leave_streams() -> None:
    """Let go of the command's stdin and stdout, so that it alone decides when they end."""
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)


def start(spec: Spec, command: list[str]) -> int:
    """Start the command in a user namespace of its own; its process id."""
    asks, asked = os.pipe()
    goes, go = os.pipe()
    pid = os.fork()
    if not pid:
        become(spec, command, asked, goes)
    os.close(asked)
    if not os.read(asks, 1):
        raise NotConfined("it was ended while it prepared")
    for kind in ("uid", "gid"):
        write(f"/proc/{pid}/{kind}_map", f"{USER} {USER} 1")
    fix("/proc", MS_RDONLY)
    os.write(go, b"1")
    return pid


def become(spec: Spec, command: list[str], asked: int, goes: int) -> NoReturn:
    """Give up everything, then become the command."""
    status = NOT_CONFINED
    try:
        os.setsid()
        write("/proc/self/oom_score_adj", "1000")
        check(libc.unshare(CLONE_NEWUSER), "cannot make a user namespace")
        hold_counts()
        os.write(asked, b"1")
        os.read(goes, 1)
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        for kind, value in limits(spec).items():
            hard = resource.getrlimit(kind)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (most, most))
        give_up_capabilities()
        filter_calls()
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.chdir(spec.folder)
        status = CANNOT_RUN
        execute(command, spec.environment)
    except (NotConfined, OSError, ValueError) as error:
        if status == NOT_CONFINED:
            say(f"cannot confine: {error}")
        else:
            status = NO_SUCH_COMMAND if isinstance(error, FileNotFoundError) else CANNOT_RUN
            say(f"cannot start '{command[0]}': {getattr(error, 'strerror', None) or error}")
    finally:
        os._exit(status)


def execute(command: list[str], environment: dict[str, str]) -> NoReturn:
    """Become the first such program on PATH; `os.execvpe` would import files it may not read."""
    program = command[0]
    folders = [""] if "/" in program else environment["PATH"].split(":")
    failure: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    for folder in folders:
        try:
            os.execve(os.path.join(folder, program), command, environment)  # noqa: S606
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            failure = error
    raise failure


def attend(first: int) -> int:
    """Reap whatever ends and pass signals on, until the command and all it left have ended.

    When process 1 of a namespace goes, the kernel ends the others: nothing outlives it.
    """
    heard = TO_ALL | TO_FIRST | {signal.SIGCHLD}
    status: int | None = None
    while status is None:
        number = signal.sigwaitinfo(heard).si_signo
        if number == signal.SIGCHLD:
            status = reap(first)[0]
        elif number in TO_ALL:
            tell_all(number)
        else:
            os.kill(first, number)
    tell_all(signal.SIGTERM)
    until = time.monotonic() + LEFTOVER_SECONDS
    while reap(first)[1] and (left := until - time.monotonic()) > 0:
        signal.sigtimedwait({signal.SIGCHLD}, left)
    return status


def reap(first: int) -> tuple[int | None, bool]:
    """The exit status of the command where it has ended, and whether any process is left."""
    status = None
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == first:
                status = exit_status(ended[1])
    except ChildProcessError:
        return status, False
    return status, True


def tell_all(number: int) -> None:
    """Send a signal to every process of this namespace; the stopped ones are woken to hear it."""
    try:
        os.kill(-1, number)
        os.kill(-1, signal.SIGCONT)
    except ProcessLookupError:
        return


# ---- from the top ----


def close_from(first: int) -> None:
    """Close every descriptor from this one on, wherever in its range the others are."""
    check(libc.syscall(SYS_CLOSE_RANGE, first, ctypes.c_uint(-1), 0), "cannot close files")


def run(spec: Spec, command: list[str]) -> int:
    """Confine and run the command; its exit status."""
    hold_memory(spec.memory_bytes)
    most_open = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # a connection takes two
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_open, most_open))
    _thread.stack_size(512 * 1024)
    heard = TO_ALL | TO_FIRST | {signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    outside = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("net", "pid")]
    own = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
    check(libc.unshare(own), "cannot make namespaces")
    socket.sethostname("step")
    network = Network(spec)
    pid = os.fork()
    if not pid:
        close_from(3)
        inner(spec, network.names, command)
    for namespace in outside:
        check(libc.setns(namespace, 0), "cannot go back to the container's network")
    leave_streams()
    give_up_capabilities()
    outer = Outer(spec, network, pid)
    for number in heard:
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, heard)
    outer.run()
    outer.tell()
    return outer.status if outer.status is not None else NOT_CONFINED


def main(arguments: list[str]) -> int:
    """SPEC -- COMMAND…"""
    if len(arguments) < 3 or arguments[1] != "--":
        say("usage: confinement.py SPEC -- COMMAND…")
        return NOT_CONFINED
    try:
        return run(Spec(arguments[0]), arguments[2:])
    except (NotConfined, OSError, ValueError, KeyError) as error:
        say(f"cannot confine: {error}")
        return NOT_CONFINED


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
