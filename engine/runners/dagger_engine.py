"""Where a Dagger engine is, found by looking: a tenth of a second, and nothing is started."""

import json
import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

VERSION = "0.21.8"
"""Of the engine that the pinned dagger-io speaks to."""
RUNNER_HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
SESSION_PROGRAM = "_EXPERIMENTAL_DAGGER_CLI_BIN"
DEFAULT_SOCKET = "/run/dagger/engine.sock"
LOOK_SECONDS = 0.5
START_ONE = "Start one with `make engine`, or start Docker; docs/isolation.md says how."


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a look: whether an engine answers, where, and in words what was seen."""

    answers: bool
    says: str
    environment: tuple[tuple[str, str], ...] = ()
    """What the session's program needs besides, to reach this engine."""
    do: str = ""
    """What to do where none answers."""
    startable: bool = False
    """None answers, and Docker is there: opening a session starts one."""


def beside_socket(name: str, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Where the project's own engine puts such a file; nowhere for one without a socket."""
    address = environment.get(RUNNER_HOST) or f"unix://{DEFAULT_SOCKET}"
    if not address.startswith("unix://"):
        return ()
    return (Path(address.removeprefix("unix://")).with_name(name),)


def opens_sessions(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a session with an engine that answers needs no download."""
    return "DAGGER_SESSION_PORT" in environment or session_program(environment) is not None


def look(environment: Mapping[str, str] = os.environ) -> Found:
    """The engine that a session would use: the one around this program, the one that
    `_EXPERIMENTAL_DAGGER_RUNNER_HOST` names, one on this machine's usual socket, or Docker's."""
    if environment.get("DAGGER_SESSION_PORT"):
        return Found(answers=True, says="the Dagger session that this program runs in")
    named = environment.get(RUNNER_HOST)
    if named:
        return _look_at(named, environment)
    if _connects(socket.AF_UNIX, DEFAULT_SOCKET):
        return _with_program(f"unix://{DEFAULT_SOCKET}", environment)
    return _in_docker(environment)


def session_program(environment: Mapping[str, str] = os.environ) -> str | None:
    """The program that opens a session: the one that is named, that the engine brings beside its
    socket, or that was built or downloaded here; else None, and the SDK downloads it."""
    named = environment.get(SESSION_PROGRAM)
    if named:
        return named
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for path in (
        *beside_socket("session", environment),
        cache / "dagger-engine" / f"v{VERSION}" / "session",
        cache / "dagger" / f"dagger-{VERSION}",
    ):
        if os.access(path, os.X_OK):
            return str(path)
    return None


def _look_at(named: str, environment: Mapping[str, str]) -> Found:
    parts = urlsplit(named)
    if parts.scheme == "unix":
        answers = _connects(socket.AF_UNIX, parts.path)
    elif parts.scheme == "tcp":
        answers = _connects(socket.AF_INET, (parts.hostname or "", parts.port or 0))
    else:
        return _in_docker(environment, named)
    if answers:
        return _with_program(named, environment)
    return Found(
        answers=False,
        says=f"no Dagger engine answers at {named} ({RUNNER_HOST})",
        do=f"Start it, or unset {RUNNER_HOST}.",
    )


def _with_program(address: str, environment: Mapping[str, str]) -> Found:
    """An engine that answers is of use where something opens sessions with it."""
    told = ((RUNNER_HOST, address),)
    says = f"the Dagger engine at {address}"
    named = environment.get(SESSION_PROGRAM)
    if named and not os.access(named, os.X_OK):
        return Found(
            answers=False,
            says=f"{says} answers, and {SESSION_PROGRAM} names no program: {named}",
            do=f"Correct {SESSION_PROGRAM}; `make engine` prints what it must be.",
        )
    if session_program(environment) is None:
        says += f"; the SDK downloads dagger {VERSION} to reach it"
    return Found(answers=True, says=says, environment=told)


def _in_docker(environment: Mapping[str, str], named: str = "") -> Found:
    """An engine that Docker runs, as the `dagger` program starts one."""
    address = environment.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    running = _docker_engines(urlsplit(address).path) if address.startswith("unix:") else None
    if running is None:
        program = "" if shutil.which("docker") else " and no `docker` program"
        return Found(
            answers=False,
            says=f"no Dagger engine: none at unix://{DEFAULT_SOCKET}, no {RUNNER_HOST}, "
            f"no Docker at {address}{program}",
            do=START_ONE,
        )
    wanted = named.partition("://")[2] if named.startswith("docker-container://") else ""
    if any(wanted in name for name in running):
        return Found(answers=True, says=f"the Dagger engine in Docker ({running[0]})")
    return Found(
        answers=False,
        says=f"Docker answers at {address}, and runs no Dagger engine yet",
        do="`--runner dagger` starts one: Docker pulls its image once.",
        startable=True,
    )


def _docker_engines(path: str) -> list[str] | None:
    """The names of the containers that look like Dagger engines; None where Docker is not there."""
    filters = "%7B%22name%22%3A%5B%22dagger-engine%22%5D%7D"
    request = f"GET /containers/json?filters={filters} HTTP/1.0\r\nHost: docker\r\n\r\n"
    try:
        with socket.socket(socket.AF_UNIX) as docker:
            docker.settimeout(LOOK_SECONDS)
            docker.connect(path)
            docker.sendall(request.encode())
            answer = b""
            while piece := docker.recv(65_536):
                answer += piece
        found = json.loads(answer.partition(b"\r\n\r\n")[2])
        return [name.strip("/") for each in found for name in each["Names"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _connects(family: int, address: str | tuple[str, int]) -> bool:
    try:
        with socket.socket(family) as engine:
            engine.settimeout(LOOK_SECONDS)
            engine.connect(address)
    except (OSError, OverflowError):
        return False
    return True
