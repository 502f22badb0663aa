"""What Temporal's SDK logs below Python, in our words: to be read beside a live picture.

Of it only that calls are repeated is of use to whoever watches. The rest is either told by the run
itself (a payload that is too large fails its step) or is of the SDK's own housekeeping.
"""

import functools
import logging

from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig

_log = logging.getLogger("harmony.temporal")
_RETRIES = "off,temporalio_client::retry=warn"
_AGAIN = 60.0
"""Seconds in which it is said once."""


class Plainly(logging.Filter):
    """Says that the server does not answer, once a minute, whatever was called."""

    def __init__(self) -> None:
        super().__init__()
        self._said = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is to be said now; its words are then ours."""
        if record.created - self._said < _AGAIN:
            return False
        self._said = record.created
        record.msg, record.args = "Temporal does not answer; it is asked again and again.", ()
        return True


_log.addFilter(Plainly())
LOGGING = LoggingConfig(filter=_RETRIES, forwarding=LogForwardingConfig(logger=_log))


@functools.cache
def usual_runtime() -> Runtime:
    """The one runtime of a process that serves no numbers."""
    return Runtime(telemetry=TelemetryConfig(logging=LOGGING))
