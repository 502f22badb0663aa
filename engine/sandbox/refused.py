"""A vendor's "no", and the reading of what a caller sent."""

import json
from typing import Any

from starlette.requests import Request


class Refused(Exception):
    """The request is answered with this status and JSON body instead."""

    def __init__(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}
        super().__init__(f"{status}: {body}")


async def sent_json(request: Request) -> Any:
    """The body as JSON; None where it is none, NaN and endless nesting included."""
    try:
        return json.loads(await request.body(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


async def sent_object(request: Request) -> dict[str, Any] | None:
    """The body as a JSON object; None where it is anything else."""
    value = await sent_json(request)
    return value if isinstance(value, dict) else None


def number(text: str | None, default: int, *, least: int, most: int) -> int:
    """A number of a query, kept within its bounds; the default where it is none."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 9:
        return default
    return min(max(int(text), least), most)


def _no_constant(name: str) -> Any:
    raise ValueError(name)
