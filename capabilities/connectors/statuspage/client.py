"""Requests to Statuspage, and what its refusals mean."""

import math
import time
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx
from failure import Failed

Json = dict[str, Any]


class Client:
    """One page of Statuspage."""

    def __init__(self, config: dict[str, Any], key: str) -> None:
        if not key.isascii() or not key.isprintable() or not key:
            raise Failed(
                "KEY_REFUSED", "the API key is not one line of text: correct STATUSPAGE_API_KEY"
            )
        self._page = config["pageId"]
        self._url = config["url"].rstrip("/")
        self._seconds = config["timeoutSeconds"]
        self._http = httpx.Client(
            headers={"Authorization": f"OAuth {key}", "User-Agent": "harmony"},
            timeout=self._seconds,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> Json:
        """The object at a path below the page."""
        return self._object(self._request("GET", path))

    def list(self, path: str, **query: str | int) -> "list[Json]":
        """The objects at a path below the page."""
        found = self._request("GET", path, params=query)
        if not isinstance(found, list):
            raise self._bad_answer("a list was to come back")
        return [self._object(one) for one in found]

    def post(self, path: str, body: Json) -> Json:
        """The object that was made."""
        return self._object(self._request("POST", path, json=body))

    def patch(self, path: str, body: Json) -> Json:
        """The object as it is now."""
        return self._object(self._request("PATCH", path, json=body))

    def _object(self, found: Any) -> Json:
        if not isinstance(found, dict) or not isinstance(found.get("id"), str):
            raise self._bad_answer("an object with an id was to come back")
        return found

    def _bad_answer(self, why: str) -> Failed:
        return Failed("BAD_ANSWER", f"what answers at {self._url} is not Statuspage: {why}")

    def _request(self, method: str, path: str, **parts: Any) -> Any:
        try:
            response = self._http.request(method, f"{self._url}/pages/{self._page}{path}", **parts)
        except httpx.TimeoutException as error:
            said = f"Statuspage did not answer within {self._seconds:g} s"
            # It may still be done: the next attempt looks for it, so it comes as long after.
            raise Failed("TIMED_OUT", said, self._seconds) from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            said = f"{self._url} is not the URL of an interface: correct url in the configuration"
            raise Failed("CONFIGURATION", said) from error
        except httpx.DecodingError as error:
            raise self._bad_answer("its answer cannot be unpacked") from error
        except httpx.TransportError as error:
            said = f"Statuspage cannot be reached at {self._url}: {error or type(error).__name__}"
            raise Failed("UNREACHABLE", said) from error
        if not response.is_success:
            raise self._refusal(response, path)
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise self._bad_answer("it gave no JSON") from error

    def _refusal(self, response: httpx.Response, path: str) -> Failed:
        status, said = response.status_code, _message(response)
        if status == 401:
            return Failed(
                "KEY_REFUSED", "Statuspage refused the API key: rotate STATUSPAGE_API_KEY"
            )
        if status == 403:
            what = (
                f"the owner of the API key may not do this on page {self._page}: give them access"
            )
            return Failed("FORBIDDEN", f"{what} ({said})")
        if status == 404:
            what = f"Statuspage has no {path.strip('/')} on page {self._page}: check pageId and ids"
            return Failed("NOT_FOUND", f"{what} ({said})")
        if status in (420, 429):
            return Failed("RATE_LIMITED", "Statuspage asks to wait", _seconds_to_wait(response))
        if status >= 500 or status == 408:
            what = f"Statuspage is not available (HTTP {status})"
            return Failed("UNAVAILABLE", what, _seconds_to_wait(response))
        if status < 400:
            what = f"{self._url} leads elsewhere (HTTP {status}): correct url in the configuration"
            return Failed("CONFIGURATION", what)
        return Failed("REFUSED", f"Statuspage refused the request (HTTP {status}): {said}")


def _message(response: httpx.Response) -> str:
    """What Statuspage said: `message` or `error`, a text or a list of them."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return response.text[:300].strip() or "it said nothing"
    said = body.get("message") or body.get("error") if isinstance(body, dict) else body
    texts = said if isinstance(said, list) else [said]
    return "; ".join(str(text) for text in texts if text)[:1000] or "it said nothing"


def _seconds_to_wait(response: httpx.Response) -> float | None:
    """Retry-After, in seconds or as a date; None where it is not there or cannot be read."""
    text = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return None
    return math.ceil(max(0.0, seconds)) if math.isfinite(seconds) else None
