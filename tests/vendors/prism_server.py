"""Prism, which answers as a vendor's description says and checks each request against it.

It is installed once into the user's cache, keyed by the lock's digest. The descriptions are not
part of the project: they are read from HARMONY_SPECS, else from ../shared/specs beside it.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).parent / "prism"
START_SECONDS = 90
INSTALL_SECONDS = 300
_LISTENING = re.compile(r"Prism is listening on (http://127\.0\.0\.1:\d+)")


class CannotServe(Exception):
    """Why no description can be served here: the reason for which tests are skipped."""


def specs() -> Path:
    """The folder of the descriptions."""
    return Path(os.environ.get("HARMONY_SPECS") or ROOT.parent / "shared/specs")


def description(vendor: str) -> Path:
    """The vendor's description; CannotServe says where it was looked for."""
    file = specs() / f"{vendor}.json"
    if not file.is_file():
        raise CannotServe(f"{file} is not there; HARMONY_SPECS may name the descriptions' folder")
    return file


def installed() -> Path:
    """Prism's program, installed where it is not yet. CannotServe without Node.js."""
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        raise CannotServe(f"{' and '.join(missing)} is not installed, and Prism runs on Node.js")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "harmony-prism"
    lock = (PACKAGE / "package-lock.json").read_bytes()
    folder = cache / hashlib.sha256(lock).hexdigest()[:16]
    program = folder / "node_modules/@stoplight/prism-cli/dist/index.js"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not program.is_file():
            _install(folder)
    return program


def _install(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(PACKAGE / name, made)
        ended = subprocess.run(
            ["npm", "ci"], cwd=made, capture_output=True, text=True, timeout=INSTALL_SECONDS,
            check=False,
        )  # fmt: skip
        if ended.returncode:
            raise CannotServe(f"npm could not install Prism: {ended.stderr[-500:]}")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder, symlinks=True)


@contextlib.contextmanager
def serving(vendor: str) -> Iterator[str]:
    """The URL at which Prism serves the vendor's description; stopped at the end."""
    described = description(vendor)
    command = ["node", str(installed()), "mock", "-h", "127.0.0.1", "-p", "0", str(described)]
    program = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "NODE_ENV": "test"},
    )
    assert program.stdout
    lines: SimpleQueue[str | None] = SimpleQueue()
    reader = Thread(target=_read, args=(program.stdout, lines), daemon=True)
    reader.start()
    try:
        yield _address(lines)
    finally:
        program.send_signal(signal.SIGTERM)
        try:
            program.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait(10)
        reader.join(10)
        program.stdout.close()


def _read(stream: IO[str], lines: SimpleQueue[str | None]) -> None:
    """Reads to the end, so that Prism never waits for someone to read its log."""
    for line in stream:
        if "listening" in line or "fatal" in line.lower():
            lines.put(line)
    lines.put(None)


def _address(lines: SimpleQueue[str | None]) -> str:
    try:
        line = lines.get(timeout=START_SECONDS)
    except Empty:
        raise CannotServe(f"Prism did not listen within {START_SECONDS} s") from None
    found = _LISTENING.search(line or "")
    if found is None:
        raise CannotServe(f"Prism did not start: {line}")
    return found[1]
