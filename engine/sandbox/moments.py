"""Identifiers and times, written as each vendor writes them."""

import secrets
import string
import time
from datetime import UTC, datetime

_UPPER = string.ascii_uppercase + string.digits
_LOWER = string.ascii_lowercase + string.digits


def upper_id(prefix: str, length: int = 10) -> str:
    """Like `C0EAQDV4ZK` or `Q2K78SNJ5U1VE1`: the prefix, then capitals and digits."""
    return prefix + "".join(secrets.choice(_UPPER) for _ in range(length))


def lower_id() -> str:
    """Twelve small letters and digits, as Statuspage names things."""
    return "".join(secrets.choice(_LOWER) for _ in range(12))


def instant() -> str:
    """Now, in UTC with milliseconds: `2026-01-31T23:59:59.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def second() -> str:
    """Now, in UTC to the second: `2026-01-31T23:59:59Z`."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def clock(timestamp: str) -> str:
    """The time of day of one of Slack's timestamps: `23:59:59 UTC`."""
    return datetime.fromtimestamp(float(timestamp), UTC).strftime("%H:%M:%S UTC")


class Timestamps:
    """Slack's `1503435956.000247`: a time that is also a name, each greater than the last."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """A timestamp that nobody was given before."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"
