"""Runs inside a container, as root: one attempt after the other, confined and not.

A script of its own. From stdin a list of attempts, each an object with `name`, `program` (Python),
`spec` (for confinement.py; null runs it unconfined) and perhaps `stdin`. To stdout a list of
`{"name", "code", "out", "err", "outcome", "survivors", "seconds"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CONFINE = ("python3", "-I", "-S", str(HERE / "confinement.py"))
LIMIT_SECONDS = 40
LEFT_OPEN = 900
"""A descriptor that whoever starts the confinement has left open, far from the others."""
MARK = "OUTLIVES_THE_STEP"


def main() -> None:
    """All the attempts, in their order."""
    asked = json.load(sys.stdin)
    facts = prepare()
    victim = start_victim()
    results = [attempt(each, facts) for each in asked]
    victim.kill()
    victim.wait()
    json.dump(results, sys.stdout)


def prepare() -> dict[str, str]:
    """Things that a container may hold, and the addresses there are on this network."""
    Path("/srv/root-only").write_text("secret")
    Path("/srv/root-only").chmod(0o600)
    os.mknod("/srv/device", 0o020666, os.makedev(1, 3))
    Path("/srv/device").chmod(0o666)
    Path("/srv/set-user-id").write_bytes(Path("/usr/bin/id").read_bytes())
    Path("/srv/set-user-id").chmod(0o4755)
    Path("/srv/world").mkdir(mode=0o777, exist_ok=True)
    Path("/srv/world").chmod(0o777)
    for name in ("attempt.py", "confinement.py"):
        (HERE / name).chmod(0o666)
    serve(socket.AF_INET, ("127.0.0.1", 7100))
    serve(socket.AF_INET6, ("::1", 7100))
    serve(socket.AF_UNIX, "/srv/engine.sock")
    serve(socket.AF_UNIX, "\0engine")
    Path("/srv/engine.sock").chmod(0o600)
    known = "127.0.0.1 inside\n::ffff:127.0.0.1 mapped\n169.254.169.254 metadata\n"
    Path("/srv/hosts").write_text(f"{Path('/etc/hosts').read_text()}\n{known}")
    subprocess.run(["mount", "--bind", "/srv/hosts", "/etc/hosts"], check=True)
    os.dup2(0, LEFT_OPEN)
    gateway = 0
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        if line.split()[1] == "00000000":
            gateway = socket.htonl(int(line.split()[2], 16))
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.connect((socket.inet_ntoa(gateway.to_bytes(4, "big")), 53))
    serve(socket.AF_INET, (own.getsockname()[0], 7200))
    return {
        "NEIGHBOUR": socket.gethostbyname("neighbour"),
        "GATEWAY": socket.inet_ntoa(gateway.to_bytes(4, "big")),
        "CONTAINER": own.getsockname()[0],
    }


def serve(family: int, address: Any) -> None:
    """A server that says "hello" and hangs up, in a thread."""
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen(16)

    def work() -> None:
        while True:
            with listener.accept()[0] as each, contextlib.suppress(OSError):
                each.sendall(b"hello")

    threading.Thread(target=work, daemon=True).start()


def start_victim() -> subprocess.Popen[bytes]:
    """Another step, confined too, that holds a secret in its environment and in a file."""
    source = (
        "import time; open('/tmp/secret', 'w').write('s3cret'); print('up', flush=True); "
        "time.sleep(600)"
    )
    spec = json.dumps({"reach": {}, "environment": {"VICTIMS_SECRET": "s3cret"}})
    process = subprocess.Popen(
        [*CONFINE, spec, "--", "python3", "-c", source], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def attempt(each: dict[str, Any], facts: dict[str, str]) -> dict[str, Any]:
    """One program in a process of its own, and what came of it."""
    program = HERE / "program.py"
    source = (HERE / "attempt.py").read_text()
    program.write_text(source.replace("PROGRAM", repr(each.get("program", ""))))
    command = each.get("command") or ["python3", str(program)]
    environment = {"PATH": os.environ["PATH"], "TMPDIR": "/tmp", **facts}
    if each["spec"] is not None:
        spec = {"folder": str(HERE), **each["spec"]}
        spec["environment"] = {**facts, **spec.get("environment", {})}
        command = [*CONFINE, json.dumps(spec), "--", *command]
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "otlp"}
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=HERE,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[LEFT_OPEN],
    )
    if each.get("signal"):
        assert process.stdout is not None
        said = process.stdout.readline()
        process.send_signal(each["signal"])
    else:
        said = b""
    try:
        out, err = process.communicate(each.get("stdin", "").encode(), LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += b"(ended by the test)"
    out = said + out
    return {
        "name": each["name"],
        "code": process.returncode,
        "out": out.decode(),
        "err": err.decode(),
        "outcome": (out.decode().splitlines() or [""])[-1],
        "survivors": survivors(),
        "seconds": round(time.monotonic() - started, 3),
    }


def survivors() -> int:
    """Processes that outlived their step; ended here."""
    count = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                marked = f"{MARK}\0".encode() in (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if marked:
                count += 1
                os.kill(int(folder.name), signal.SIGKILL)
    return count


if __name__ == "__main__":
    main()
