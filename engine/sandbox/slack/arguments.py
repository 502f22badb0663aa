"""The arguments of a method, from wherever Slack takes them: query, form or JSON."""

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from engine.sandbox.refused import number, sent_json
from engine.sandbox.slack.workspace import no

_MOST_FIELDS = 200


class Arguments:
    """What one call was given; a form's texts are read as the type that is asked for."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    @classmethod
    async def of(cls, request: Request) -> "Arguments":
        """Query and body together; refused where the body cannot be read."""
        values: dict[str, Any] = dict(request.query_params)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json" and await request.body():
            sent = await sent_json(request)
            if not isinstance(sent, dict):
                raise no("invalid_json" if sent is None else "json_not_object")
            values |= sent
        elif kind == "application/x-www-form-urlencoded":
            try:
                form = parse_qsl((await request.body()).decode(), max_num_fields=_MOST_FIELDS)
            except ValueError:
                raise no("invalid_form_data") from None
            values |= dict(form)
        return cls(values)

    def any(self, name: str) -> Any:
        """As it was sent; None where it was not."""
        return self._values.get(name)

    def text(self, name: str) -> str:
        """As text; empty where it was not sent."""
        value = self._values.get(name)
        return value if isinstance(value, str) else "" if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """As a boolean: `true`, `1`."""
        value = self._values.get(name)
        return default if value is None else str(value).lower() in ("true", "1")

    def listed(self, name: str) -> list[str]:
        """As a list of texts: a JSON list, or `a,b`."""
        value = self._values.get(name)
        items = value if isinstance(value, list) else self.text(name).split(",")
        return [str(item).strip() for item in items if str(item).strip()]

    def count(self, name: str, default: int) -> int:
        """As a number from 1 to 1000."""
        return number(self.text(name) or None, default, least=1, most=1000)

    def structure(self, name: str) -> Any:
        """As JSON, which a form holds as text; None where it is neither."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None
