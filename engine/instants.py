"""Points in time: milliseconds since the epoch inside, ISO 8601 in UTC with Z outside."""

from datetime import UTC, datetime


def render(milliseconds: int) -> str:
    """Like `2026-03-01T03:00:00.250Z`; always with milliseconds, so that texts sort."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{rest:03d}Z"
