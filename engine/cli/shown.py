"""How times and spans are shown to people: the local time with its zone, and how long."""

from datetime import UTC, datetime

import msgspec

from engine.cli import output
from engine.plan import Json


def one_line(text: str, limit: int = 160) -> str:
    """The text without what could steer a terminal, on one line, cut to `limit` characters."""
    joined = " ".join(output.clean(text).split())
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"


def value(data: Json) -> str:
    """A value as people read it: text as it is, anything else as JSON."""
    return output.clean(data if isinstance(data, str) else msgspec.json.encode(data).decode())


def moment(at: str) -> datetime:
    """The time that an ISO 8601 text names, in UTC."""
    return datetime.fromisoformat(at).astimezone(UTC)


def clock(at: str) -> str:
    """`14:03:22 UTC`, or `16:03:22 CEST (14:03:22 UTC)`; the date first where it is not today's."""
    utc = moment(at)
    local = utc.astimezone()
    today = local.date() == datetime.now(UTC).astimezone().date()
    shown = f"{local:%H:%M:%S %Z}" if today else f"{local:%Y-%m-%d %H:%M:%S %Z}"
    return f"{shown} ({utc:%H:%M:%S} UTC)" if local.utcoffset() else shown


def span(seconds: float) -> str:
    """A length of time in at most two units: `40ms`, `1.4s`, `12s`, `3m 05s`, `2h 10m`, `1d 3h`."""
    if seconds < 1:
        return f"{max(round(seconds * 1000), 0)}ms"
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


def between(start: str, end: str | None) -> str:
    """How long it was from one time to another, or to now."""
    finish = moment(end) if end else datetime.now(UTC)
    return span((finish - moment(start)).total_seconds())


def until(deadline: str) -> str:
    """A deadline with the time left: `14:17:11 UTC, in 11m 02s`, or that it has passed."""
    left = (moment(deadline) - datetime.now(UTC)).total_seconds()
    return f"{clock(deadline)}, in {span(left)}" if left > 0 else f"{clock(deadline)}, now past"
