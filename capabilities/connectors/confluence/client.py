"""Requests to Confluence Cloud, and what its refusals mean."""

import math
import time
from email.utils import parsedate_to_datetime
from typing import Any, Self

import httpx
from failure import Failed

Json = dict[str, Any]
_V2 = "/wiki/api/v2"
_V1 = "/wiki/rest/api"
VARIABLE = "CONFLUENCE_API_TOKEN"


class Refused(Failed):
    """A request that Confluence understood and refused."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__("REFUSED", f"Confluence refused the request (HTTP {status}): {said}")
        self.status = status
        self.said = said


class Client:
    """One site of Confluence; objects as it writes them, each failure a Failed."""

    def __init__(self, config: Json, token: str) -> None:
        email = config["email"]
        if not token:
            raise Failed("CONFIGURATION", f"there is no token: set {VARIABLE}")
        if not (email + token).isascii() or not (email + token).isprintable():
            said = (
                f"the token or the mail address is not one line of plain text: correct {VARIABLE}"
            )
            raise Failed("KEY_REFUSED", said)
        self.site = config["url"].rstrip("/").removesuffix("/wiki")
        """The site's URL, without `/wiki`."""
        self._seconds = config["timeoutSeconds"]
        self._http = httpx.Client(
            auth=(email, token),
            headers={"User-Agent": "harmony", "Accept": "application/json"},
            timeout=self._seconds,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> Json:
        """The object at the path."""
        return self._object(self._request("GET", _V2 + path, params=query))

    def sheet(self, path: str, **query: str | int) -> tuple[list[Json], Json]:
        """The objects at the path, one sheet of them, and the links of the sheet."""
        return self._results(self._request("GET", _V2 + path, params=query))

    def find(self, cql: str, limit: int) -> tuple[list[Json], Json]:
        """The objects that a query in Confluence's own language finds."""
        query = {"cql": cql, "limit": limit, "expand": "version,history"}
        return self._results(self._request("GET", f"{_V1}/content/search", params=query))

    def post(self, path: str, body: Json) -> Json:
        """The object that was made."""
        return self._object(self._request("POST", _V2 + path, json=body))

    def put(self, path: str, body: Json) -> Json:
        """The object as it is now."""
        return self._object(self._request("PUT", _V2 + path, json=body))

    def add_labels(self, page: str, names: list[str]) -> list[Json]:
        """All labels of the page, with these."""
        body = [{"prefix": "global", "name": name} for name in names]
        path = f"{_V1}/content/{page}/label"
        return self._results(self._request("POST", path, json=body))[0]

    def _results(self, found: Any) -> tuple[list[Json], Json]:
        results = found.get("results") if isinstance(found, dict) else None
        if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
            raise self._bad_answer("a list of results was to come back")
        return results, found.get("_links") or {}

    def _object(self, found: Any) -> Json:
        if not isinstance(found, dict) or not isinstance(found.get("id"), str):
            raise self._bad_answer("an object with an id was to come back")
        return found

    def _bad_answer(self, why: str) -> Failed:
        return Failed("BAD_ANSWER", f"what answers at {self.site} is not Confluence: {why}")

    def _request(self, method: str, path: str, **parts: Any) -> Any:
        try:
            response = self._http.request(method, self.site + path, **parts)
        except httpx.TimeoutException as error:
            said = f"Confluence did not answer within {self._seconds:g} s"
            # It may still be done: the next attempt looks for it, so it comes as long after.
            raise Failed("TIMED_OUT", said, self._seconds) from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            said = f"{self.site} is not the URL of a site: correct url in the configuration"
            raise Failed("CONFIGURATION", said) from error
        except httpx.DecodingError as error:
            raise self._bad_answer("its answer cannot be unpacked") from error
        except httpx.TransportError as error:
            said = (
                f"Confluence cannot be reached at {self.site}: {str(error) or type(error).__name__}"
            )
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
            what = "Confluence refused the token, or the token is not of this mail address"
            return Failed("KEY_REFUSED", f"{what}: rotate {VARIABLE}, check email ({said})")
        if status == 403:
            what = f"the owner of {VARIABLE} may not do this in Confluence: give them access"
            return Failed("FORBIDDEN", f"{what} ({said})")
        if status == 404:
            what = f"Confluence has no {path}, or the owner of {VARIABLE} may not see it"
            return Failed("NOT_FOUND", f"{what} ({said})")
        if status == 429:
            return Failed("RATE_LIMITED", "Confluence asks to wait", _seconds_to_wait(response))
        if status >= 500 or status == 408:
            what = f"Confluence is not available (HTTP {status})"
            return Failed("UNAVAILABLE", what, _seconds_to_wait(response))
        if status < 400:
            what = f"{self.site} leads elsewhere (HTTP {status}): correct url in the configuration"
            return Failed("CONFIGURATION", what)
        return Refused(status, said)


def _message(response: httpx.Response) -> str:
    """What Confluence said: `errors[].title` and `detail` in v2, `message` in v1."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return response.text[:300].strip() or "it said nothing"
    if not isinstance(body, dict):
        return str(body)[:1000] or "it said nothing"
    errors = body.get("errors")
    listed = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    parts = [one.get(name) for one in listed for name in ("title", "detail")]
    return "; ".join(str(one) for one in [*parts, body.get("message")] if one)[:1000] or (
        "it said nothing"
    )


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
