"""PagerDuty's REST interface through its own library, which here never waits by itself."""

from typing import Any, Self

import httpx2
import pagerduty
from refusals import NotPagerDuty, check, plain, translated

Json = dict[str, Any]
VARIABLE = "PAGERDUTY_API_KEY"
_TEXTS = (
    "id", "title", "summary", "name", "status", "urgency", "html_url", "incident_key", "content",
    "created_at", "email", "start", "end",
)  # fmt: skip
_NUMBERS = ("incident_number", "escalation_level")
_OBJECTS = ("service", "escalation_policy", "assignee", "user", "schedule")
_KINDS = dict.fromkeys(_TEXTS, str) | dict.fromkeys(_NUMBERS, int) | dict.fromkeys(_OBJECTS, dict)
"""What is read of PagerDuty's objects, each of which may also be null or missing."""


class _Rest(pagerduty.RestApiV2Client):
    """The library's client for any URL: the sandbox is not reached by HTTPS."""

    max_network_attempts = 0

    @property
    def url(self) -> str:
        """The base URL."""
        return self._base

    @url.setter
    def url(self, base: str) -> None:
        self._base = base


class Client:
    """Objects as the library unwraps them; each failure is a Failed."""

    def __init__(self, config: Json, key: str) -> None:
        self._url = config["url"].rstrip("/")
        self._seconds = config["timeoutSeconds"]
        self.service = config.get("serviceId")
        """Of incidents that name none."""
        self._rest = _Rest(
            plain(key, VARIABLE),
            default_from=config["from"],
            base_url=self._url,
            headers={"Content-Type": "application/json"},
            event_hooks={"response": [_checked]},
            trust_env=False,
        )
        self._rest.timeout = self._seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def get(self, path: str) -> Json:
        """The object at the path."""
        with translated(self._url, self._seconds):
            return _object(self._rest.rget(path))

    def list(self, path: str, **query: Any) -> list[Json]:
        """The objects at the path, one page of them."""
        with translated(self._url, self._seconds):
            found = self._rest.rget(path, params=query)
            if not isinstance(found, list):
                raise NotPagerDuty
            return [_shaped(one) for one in found]

    def incidents(self, **query: Any) -> "list[Json]":
        """The incidents that are asked for, one page of them."""
        with translated(self._url, self._seconds):
            return [_object(one) for one in self.list("/incidents", **query)]

    def post(self, path: str, body: Json) -> Json:
        """The object that was made."""
        with translated(self._url, self._seconds):
            return _object(self._rest.rpost(path, json=body))

    def put(self, path: str, body: Json) -> Json:
        """The object as it is now."""
        with translated(self._url, self._seconds):
            return _object(self._rest.rput(path, json=body))


def _checked(response: httpx2.Response) -> None:
    check(response, VARIABLE)


def _object(found: Any) -> Json:
    """What has an id to be named by."""
    shaped = _shaped(found)
    if not shaped.get("id"):
        raise NotPagerDuty
    return shaped


def _shaped(found: Any) -> Json:
    """An object of which all that is read has its kind."""
    if not isinstance(found, dict):
        raise NotPagerDuty
    for name, kind in _KINDS.items():
        part = found.get(name)
        if part is not None and not isinstance(part, kind):
            raise NotPagerDuty
        if isinstance(part, dict):
            _shaped(part)
    assignments = found.get("assignments") or []
    if not isinstance(assignments, list):
        raise NotPagerDuty
    for assignment in assignments:
        _shaped(assignment)
    return found
