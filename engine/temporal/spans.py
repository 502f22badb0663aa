"""A span for each attempt of a step, where OpenTelemetry's own variables say where to send it.

Nothing of OpenTelemetry is imported where they say nothing.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from temporalio.exceptions import ApplicationError

from engine.language.context import FIELDS
from engine.messages import StepCall
from engine.plan import Json

NAME = "capability.execute"
PROTOCOL = "http/protobuf"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")


class Spans(Protocol):
    """Where spans go."""

    def executed(self, call: StepCall) -> contextlib.AbstractContextManager[None]:
        """The span of one attempt, which ends as the block ends."""

    async def close(self) -> None:
        """Send what is left, for a few seconds at most."""


class NoSpans:
    """Nobody asked for any."""

    def executed(self, call: StepCall) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002
        """Nothing."""
        return contextlib.nullcontext()

    async def close(self) -> None:
        """Nothing."""


def spans_of(environment: Mapping[str, str], warn: Callable[[str], None]) -> Spans:
    """As the environment says; `warn` is told of what it says and cannot be done, and of
    spans that nobody takes."""
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    none = environment.get("OTEL_TRACES_EXPORTER") == "none"
    endpoint = next(filter(None, map(environment.get, _ENDPOINTS)), None)
    if off or none or endpoint is None:
        return NoSpans()
    protocol = next(filter(None, map(environment.get, _PROTOCOLS)), PROTOCOL)
    if protocol != PROTOCOL:
        warn(f"No spans are sent: the protocol {protocol} is not spoken; {PROTOCOL} is")
        return NoSpans()
    from engine.temporal.otlp import OtlpSpans

    return OtlpSpans(endpoint, warn)


def attributes(call: StepCall) -> dict[str, str | int | list[str]]:
    """What a span says: the step and GoldenContext; nothing of input, output or secrets."""
    known: dict[str, Json] = {
        "capability": call.capability,
        "capability_version": call.version,
        "blueprint": call.blueprint,
        "run_id": call.run_id,
        "step": call.step,
        "attempt": call.attempt,
        **{name: call.context.get(name) for name in FIELDS},
    }
    return {
        f"golden.{name}": [str(item) for item in value] if isinstance(value, list) else value
        for name, value in known.items()
        if isinstance(value, str | int | list)
    }


def outcome_of(error: BaseException) -> str:
    """One word for how an attempt failed: the code of its failure."""
    if isinstance(error, asyncio.CancelledError):
        return "CANCELLED"
    return (error.type if isinstance(error, ApplicationError) else None) or "INTERNAL"


def trace_id(call: StepCall) -> int:
    """GoldenContext's trace_id where it is one of W3C's, else a number that follows from it."""
    text = str(call.context.get("trace_id") or call.run_id)
    if _TRACE_ID.fullmatch(text.lower()):
        return int(text, 16)
    return int.from_bytes(hashlib.sha256(text.encode(errors="replace")).digest()[:16], "big")
