"""Points in time: milliseconds since the epoch inside, ISO 8601 in UTC with Z outside."""

from datetime import UTC, datetime


def render(milliseconds: int) -> str:
    """Like `2026-03-01T03:00:00.250Z`; always with milliseconds, so that texts sort."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03d}Z"


def parse(text: str) -> int:
    """Milliseconds of an ISO 8601 time with its zone; ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; write it in UTC with Z at its end")
    return round(moment.timestamp() * 1000)
