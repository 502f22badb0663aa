"""What commands read from the line: inputs, context, severity, who acts, which runner."""

import getpass
import json
import os
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from engine.language.context import CONTEXT_SCHEMA
from engine.messages import Actor
from engine.plan import MAX_INPUTS_BYTES, Json
from engine.suggestions import did_you_mean

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MAX_FILE = 4 * MAX_INPUTS_BYTES


def key_value(text: str, option: str) -> tuple[str, str]:
    """`key=value` in two; a usage error says how it is written."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"{option} {text!r}: write it as key=value")
    return key, value


def json_or_text(text: str) -> Json:
    """JSON where it parses as JSON, else the text itself."""
    try:
        return _json(text)
    except (ValueError, RecursionError):
        return text


def _json(text: bytes | str) -> Json:
    """The value of a JSON text; a usage error where an object says a name twice, as in YAML."""
    value: Json = msgspec.json.decode(text)
    if isinstance(value, dict | list):
        json.loads(text, object_pairs_hook=_once)
    return value


def _once(pairs: list[tuple[str, Json]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise click.UsageError(f"an object has the name {name[:60]!r} twice; give it once")
        seen.add(name)


def object_file(name: str, option: str) -> dict[str, Json]:
    """The JSON or YAML object of a file, `-` for standard input."""
    data = _read(name, option)
    try:
        value = _json(data)
    except click.UsageError as error:
        raise click.UsageError(f"{option} @{name}: {error.message}") from None
    except (ValueError, RecursionError):
        value = _yaml(data, name, option)
    if not isinstance(value, dict):
        raise click.UsageError(f"{option} @{name}: not an object of names and values")
    return value


def _read(name: str, option: str) -> bytes:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(_MAX_FILE + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise click.UsageError(f"{option} @{name}: {error.strerror or error}") from error
    if len(data) > _MAX_FILE:
        raise click.UsageError(f"{option} @{name}: larger than {_MAX_FILE // 1024} KiB")
    return data


def _yaml(data: bytes, name: str, option: str) -> Json:
    from engine.language.loader import load_text

    document = load_text(data, name)
    for fault in document.faults:
        raise click.UsageError(f"{option} @{name}, line {fault.line}: {fault.message}")
    return document.value


def inputs(given: Iterable[str]) -> dict[str, Json]:
    """The inputs of `-i key=value` and `-i @file`; what comes later wins."""
    return pairs(given, "-i")


def pairs(given: Iterable[str], option: str) -> dict[str, Json]:
    """The values of `key=value` and `@file` as an option was given them."""
    values: dict[str, Json] = {}
    for text in given:
        if text.startswith("@"):
            values.update(object_file(text[1:], option))
        else:
            key, value = key_value(text, option)
            values[key] = json_or_text(value)
    return values


def context(given: Iterable[str], severity: str | None) -> dict[str, Json]:
    """GoldenContext of `--context key=value`, `--context @file` and `--severity`."""
    values: dict[str, Json] = {}
    for text in given:
        if text.startswith("@"):
            values.update(object_file(text[1:], "--context"))
        else:
            key, value = key_value(text, "--context")
            values[key] = value if _is_text(key) else json_or_text(value)
    fields = CONTEXT_SCHEMA["properties"]
    for key in values:
        if key not in fields:
            near = did_you_mean(key, fields) or f"; it has {', '.join(fields)}"
            raise click.UsageError(f"--context: GoldenContext has no field '{key[:60]}'{near}")
    if severity is not None:
        values["incident_severity"] = severity
    return values


def _is_text(key: str) -> bool:
    """Whether GoldenContext says that it is text, whatever it looks like."""
    field = CONTEXT_SCHEMA["properties"].get(key, {})
    return "enum" in field or field.get("type") == "string"


def who(name: str | None) -> Actor:
    """Who acts: `--as`, else HARMONY_USER, else the system's user."""
    user = system_user()
    chosen = name or os.environ.get("HARMONY_USER") or user
    if len(chosen) > 100 or not chosen.isprintable() or chosen != chosen.strip():
        raise click.UsageError(
            f"{chosen!r} names nobody: at most 100 printable characters, with no blank at an end"
        )
    return Actor(name=chosen, source="cli", user=user, host=socket.gethostname())


def system_user() -> str:
    """The name of the system's user, or its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def input_options(function: _Function) -> _Function:
    """`-i`, `--context` and `--severity`, as `given_inputs`, `given_context`, `severity`."""
    for decorate in reversed(
        (
            click.option(
                "-i",
                "--input",
                "given_inputs",
                multiple=True,
                metavar="KEY=VALUE|@FILE",
                help="An input: JSON where it parses as JSON, else text (text like 17: "
                "KEY='\"17\"'); @FILE takes an object.",
            ),
            click.option(
                "--context",
                "given_context",
                multiple=True,
                metavar="KEY=VALUE|@FILE",
                help="A field of the incident's context, like incident_id=INC-2026-0001.",
            ),
            click.option(
                "--severity",
                type=click.Choice(["P1", "P2", "P3", "P4"]),
                help="The incident's severity.",
            ),
        )
    ):
        function = decorate(function)
    return function


def as_option(function: _Function) -> _Function:
    """`--as NAME`, as `acting_as`; give it to `who`."""
    return click.option(
        "--as",
        "acting_as",
        metavar="NAME",
        help="Who acts; default: HARMONY_USER, else the system's user.",
    )(function)


def runner_option(function: _Function) -> _Function:
    """`--runner`, as `runner`: None where nothing was said, then harmony.yaml's counts."""
    return click.option(
        "--runner",
        type=click.Choice(["auto", "process", "dagger"]),
        help="What runs capabilities; default: harmony.yaml's, else auto.",
    )(function)
