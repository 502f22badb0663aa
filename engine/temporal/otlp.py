"""Spans by OTLP over HTTP. Endpoint, headers, limits and sampling are read by OpenTelemetry."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import StatusCode

from engine import VERSION
from engine.messages import StepCall
from engine.temporal.spans import NAME, attributes, outcome_of, trace_id

CLOSE_SECONDS = 3.0
_trace: ContextVar[int] = ContextVar("trace")


class _TraceOfContext(RandomIdGenerator):
    """All that one cause set off is one trace, whichever worker ran it."""

    def generate_trace_id(self) -> int:
        return _trace.get()


class _Telling(SpanExporter):
    """Tells once that spans are not taken, and again only after they were."""

    def __init__(self, exporter: SpanExporter, tell: Callable[[], None]) -> None:
        self._exporter = exporter
        self._tell = tell
        self._told = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        refused = result is not SpanExportResult.SUCCESS
        if refused and not self._told:
            self._tell()
        self._told = refused
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class OtlpSpans:
    """Sends in the background; what nobody takes is dropped, and no step waits for it.

    `warn` is told, in the loop that this is made in, when spans are not taken.
    """

    def __init__(self, endpoint: str, warn: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            sentence = f"{endpoint} does not take spans; they are dropped until it does."
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(warn, sentence)

        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "harmony"}
        self._provider = TracerProvider(
            resource=Resource.create({**named, "service.version": VERSION}),
            id_generator=_TraceOfContext(),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(_Telling(OTLPSpanExporter(), tell)))
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
