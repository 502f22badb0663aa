"""What PagerDuty's refusals, and a connection that fails, mean."""

import contextlib
import math
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pagerduty
from failure import Failed


class Refused(Failed):
    """A request that PagerDuty understood and refused."""

    def __init__(self, message: str, number: int | None) -> None:
        super().__init__("REFUSED", message)
        self.number = number
        """PagerDuty's own number of the error."""


class NotPagerDuty(Exception):
    """What came back has another shape than PagerDuty's answers."""


@contextlib.contextmanager
def translated(url: str, seconds: float) -> Iterator[None]:
    """Failures to reach PagerDuty, and answers that are not its own, become Failed."""
    try:
        yield
    except (NotPagerDuty, ValueError, RecursionError, pagerduty.ServerHttpError) as error:
        said = f"what answers at {url} is not PagerDuty: it gave something else than was to come"
        raise Failed("BAD_ANSWER", said) from error
    except (pagerduty.Error, httpx2.HTTPError) as error:
        cause = error.__cause__ if isinstance(error, pagerduty.Error) else error
        if isinstance(cause, httpx2.TimeoutException):
            said = f"PagerDuty did not answer within {seconds:g} s"
            # It may still be done: the next attempt looks for it, so it comes as long after.
            raise Failed("TIMED_OUT", said, seconds) from error
        said = f"PagerDuty cannot be reached at {url}: {cause or type(cause).__name__}"
        raise Failed("UNREACHABLE", said) from error
    except (httpx2.InvalidURL, pagerduty.UrlError) as error:
        said = f"{url} is not the URL of an interface: correct it in the configuration"
        raise Failed("CONFIGURATION", said) from error


def check(response: httpx2.Response, variable: str) -> None:
    """Raises Failed for what is not a success, before the library waits and asks again."""
    status = response.status_code
    if response.is_success:
        return
    response.read()
    number, said = _message(response)
    if status == 401:
        raise Failed("KEY_REFUSED", f"PagerDuty refused the key: rotate {variable}")
    if status == 403:
        what = f"the owner of {variable} may not do this in PagerDuty: give them the role for it"
        raise Failed("FORBIDDEN", f"{what} ({said})")
    if status == 404:
        what = f"PagerDuty has no {response.request.url.path.strip('/')}: check the ids"
        raise Failed("NOT_FOUND", f"{what} ({said})")
    if status == 429:
        raise Failed("RATE_LIMITED", "PagerDuty asks to wait", _seconds_to_wait(response))
    if status >= 500 or status == 408:
        what = f"PagerDuty is not available (HTTP {status})"
        raise Failed("UNAVAILABLE", what, _seconds_to_wait(response))
    if status < 400:
        what = f"PagerDuty's URL leads elsewhere (HTTP {status}): correct it in the configuration"
        raise Failed("CONFIGURATION", what)
    what = f"PagerDuty refused the request (HTTP {status}): {said}"
    raise Refused(what, number)


def plain(key: str, variable: str) -> str:
    """The key, where it can be sent at all."""
    if not key:
        raise Failed("CONFIGURATION", f"there is no key: set {variable}")
    if not key.isascii() or not key.isprintable():
        said = f"the key is not one line of plain text: correct {variable}"
        raise Failed("KEY_REFUSED", said)
    return key


def _message(response: httpx2.Response) -> tuple[int | None, str]:
    """PagerDuty's number of the error, and its words."""
    try:
        body: Any = response.json()
    except (ValueError, RecursionError):
        return None, response.text[:300].strip() or "it said nothing"
    error = body.get("error", body) if isinstance(body, dict) else {}
    if not isinstance(error, dict):
        return None, str(error)[:1000]
    reasons = error.get("errors") or ()
    parts = [error.get("message"), *(reasons if isinstance(reasons, list) else (reasons,))]
    number = error.get("code")
    said = ": ".join(str(part) for part in parts if part)[:1000] or "it said nothing"
    return number if isinstance(number, int) else None, said


def _seconds_to_wait(response: httpx2.Response) -> float | None:
    """Retry-After, in seconds or as a date, else ratelimit-reset; None where there is neither."""
    text = response.headers.get("Retry-After") or response.headers.get("ratelimit-reset") or ""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return None
    return math.ceil(max(0.0, seconds)) if math.isfinite(seconds) else None
