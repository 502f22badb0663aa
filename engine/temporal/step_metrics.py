"""What a worker counts of its steps, beside what Temporal's SDK counts, for Prometheus to read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio import activity
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from engine.errors import RunRefused
from engine.messages import StepCall
from engine.temporal.sdk_log import LOGGING
from engine.temporal.spans import outcome_of

DURATION = "harmony_step_duration"
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
__all__ = ["Runtime", "counted", "runtime_at"]


def runtime_at(address: str) -> Runtime:
    """A runtime whose numbers are read at `HOST:PORT`; RunRefused where that cannot be had."""
    shape = PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides={DURATION: _SECONDS},
    )
    try:
        telemetry = TelemetryConfig(logging=LOGGING, metrics=shape, attach_service_name=False)
        return Runtime(telemetry=telemetry)
    except (ValueError, RuntimeError) as error:
        raise RunRefused(
            f"numbers cannot be served at {address} ({error}); "
            "give --metrics the address and port of an interface, such as 127.0.0.1:9464"
        ) from None


@contextmanager
def counted(call: StepCall) -> Iterator[None]:
    """Count one attempt, which ends as the block ends."""
    outcome, began = "succeeded", time.monotonic()
    try:
        yield
    except BaseException as error:
        outcome = outcome_of(error)
        raise
    finally:
        meter = activity.metric_meter().with_additional_attributes({"capability": call.capability})
        meter.create_counter("harmony_step_attempts", "Attempts of steps, by how they ended.").add(
            1, {"outcome": outcome}
        )
        meter.create_histogram_float(
            DURATION, "From the start of an attempt to its end.", "seconds"
        ).record(time.monotonic() - began)
