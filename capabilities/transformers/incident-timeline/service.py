"""Requests to the incident service, and what its refusals mean."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from failure import Failed

Json = dict[str, Any]
SECONDS = 10
"""Limit of one request."""
_NEXT = "the worker fills in where the incident service is: run this with `harmony run` or a worker"


class Service:
    """The store of incidents, as one worker serves it."""

    def __init__(self, url: str | None, token: str) -> None:
        if not url:
            raise Failed("CONFIGURATION", f"there is no url in the configuration: {_NEXT}")
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise Failed("CONFIGURATION", f"{url} is not the URL of an incident service: {_NEXT}")
        self._url = url
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def get(self, path: str, **query: str | int) -> Json:
        """The object at a path below /v1/incidents/."""
        return self._request("GET", f"{path}?{urlencode(query)}" if query else path, None)

    def post(self, path: str, body: Json) -> Json:
        """What came of it."""
        return self._request("POST", path, body)

    def put(self, path: str, body: Json) -> Json:
        """The incident as it is now."""
        return self._request("PUT", path, body)

    def _request(self, method: str, path: str, body: Json | None) -> Json:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)
        sent = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, f"{self._path}/v1/incidents/{path}", sent, self._headers)
            answer = connection.getresponse()
            text = answer.read()
        except TimeoutError as error:
            said = f"the incident service did not answer within {SECONDS} s"
            raise Failed("TIMED_OUT", said) from error
        except (OSError, http.client.HTTPException) as error:
            said = f"the incident service cannot be reached at {self._url}: {error}"
            raise Failed("UNREACHABLE", said) from error
        finally:
            connection.close()
        found = _object(text)
        if answer.status >= 400:
            raise _refusal(answer, found)
        if found is None:
            raise Failed("BAD_ANSWER", f"what answers at {self._url} is no incident service")
        return found


def _object(text: bytes) -> Json | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


_CODES = frozenset(
    ("INPUTS", "UNAUTHORIZED", "INCIDENT_UNKNOWN", "WRONG_TRANSITION", "TOO_LARGE", "STORE_AWAY")
)


def _refusal(answer: http.client.HTTPResponse, found: Json | None) -> Failed:
    error = (found or {}).get("error")
    said = error if isinstance(error, dict) else {}
    code = said.get("code")
    if code not in _CODES:
        code = "STORE_AWAY" if answer.status >= 500 else "BAD_ANSWER"
    message = said.get("message") or f"the incident service answered HTTP {answer.status}"
    after = answer.getheader("Retry-After", "")
    return Failed(code, str(message), float(after) if after.isdecimal() else None)


def at(*parts: str) -> str:
    """A path of which no part leads elsewhere."""
    return "/".join(quote(part, safe="") for part in parts)
