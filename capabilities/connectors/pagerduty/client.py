"""PagerDuty's REST interface through its own library, which here never waits by itself."""

from typing import Any, Self

import httpx2
import pagerduty
from refusals import NotPagerDuty, check, plain, translated

Json = dict[str, Any]
VARIABLE = "PAGERDUTY_API_KEY"


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
            if not all(isinstance(one, dict) for one in found):
                raise NotPagerDuty
            return found

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
    if not isinstance(found, dict) or "id" not in found:
        raise NotPagerDuty
    return found
