"""Spans by OTLP over HTTP. Endpoint, headers, limits and sampling are read by OpenTelemetry."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import StatusCode

from engine import VERSION
from engine.messages import StepCall
from engine.temporal.spans import NAME, attributes, outcome_of, trace_id

CLOSE_SECONDS = 5.0
_trace: ContextVar[int] = ContextVar("trace")


class _TraceOfContext(RandomIdGenerator):
    """All that one cause set off is one trace, whichever worker ran it."""

    def generate_trace_id(self) -> int:
        return _trace.get()


class OtlpSpans:
    """Sends in the background; what nobody takes is dropped, and no step waits for it."""

    def __init__(self) -> None:
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "harmony"}
        self._provider = TracerProvider(
            resource=Resource.create({**named, "service.version": VERSION}),
            id_generator=_TraceOfContext(),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("harmony", VERSION)

    @contextmanager
    def executed(self, call: StepCall) -> Iterator[None]:
        """The span of one attempt, which ends as the block ends."""
        _trace.set(trace_id(call))
        span = self._tracer.start_span(NAME, attributes=attributes(call))
        try:
            yield
        except BaseException as error:
            span.set_attribute("golden.outcome", outcome_of(error))
            if not isinstance(error, asyncio.CancelledError):
                span.set_status(StatusCode.ERROR, str(error))
            raise
        else:
            span.set_attribute("golden.outcome", "succeeded")
        finally:
            span.end()

    async def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        closing = asyncio.create_task(asyncio.to_thread(self._provider.shutdown))
        await asyncio.wait([closing], timeout=CLOSE_SECONDS)
