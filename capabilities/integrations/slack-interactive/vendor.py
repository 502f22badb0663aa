"""Slack's Web API through slack-sdk, with every failure translated to a code of the contract."""

import http.client
import math
import re
import time
import urllib.request
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import refusals
from failure import Failed
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.client import WebClient
from slack_sdk.web.slack_response import SlackResponse
from slack_sdk.webhook.client import WebhookClient

MOST_PAGES = 20
"""Of one question: what Slack allows in a minute of the methods that it limits most."""
_NAME = re.compile(r"[a-z0-9_]{1,100}")
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Answer(dict[str, Any]):
    """An object that Slack gave; BAD_ANSWER for what is read of it and is not there."""

    def __missing__(self, name: str) -> Any:
        raise Failed("BAD_ANSWER", f"what answers is not Slack: its answer has no {name}")


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows nobody: urllib would give the token to wherever it is led."""

    def redirect_request(self, *_: Any) -> None:
        """To nowhere; what led there is an error like others."""


# The library asks through the opener of the process.
urllib.request.install_opener(urllib.request.build_opener(_Straight))


class Refused(Failed):
    """Slack answered `ok: false`."""

    def __init__(
        self, method: str, name: str, *, needed: str = "", retry_after: float | None = None
    ) -> None:
        code = refusals.code_of(name)
        words = refusals.sentence(method, name, code, needed)
        told = {"method": method, "error": name[:100]}
        super().__init__(code, words, retry_after=retry_after, slack=told)
        self.name = name


class Slack:
    """Calls methods of the Web API, each at most `seconds` long.

    Nothing is retried here: the engine does, by the contract's policy.
    """

    def __init__(self, url: str, token: str, seconds: float) -> None:
        if not _TOKEN.fullmatch(token):
            raise Failed("KEY_REFUSED", "the bot token is empty or no token; set SLACK_BOT_TOKEN")
        self._client = WebClient(token=token, base_url=url, retry_handlers=[])
        self._client.timeout = self.seconds = seconds  # type: ignore[assignment]

    def post(self, method: str, **arguments: Any) -> Answer:
        """Call a method with a JSON body. Arguments that are None are left out."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return self._call(method, json=given)

    def read(self, method: str, **arguments: Any) -> Answer:
        """Call a method that takes its arguments from the query, not as JSON."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return self._call(method, params=given)

    def pages(self, method: str, **arguments: Any) -> Iterator[Answer]:
        """Each page of a method's answer, by its cursor, at most `MOST_PAGES`."""
        cursor = None
        for _ in range(MOST_PAGES):
            page = self.read(method, cursor=cursor, **arguments)
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def respond(self, url: str, body: dict[str, Any]) -> None:
        """Post to an interaction's response_url."""
        hook = WebhookClient(url, retry_handlers=[])
        hook.timeout = self.seconds  # type: ignore[assignment]
        try:
            answer = hook.send_dict(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unanswered("response_url", error) from error
        if answer.status_code == 200:
            return
        name = answer.body.strip()[:100] if answer.body else ""
        if answer.status_code in {404, 410} and name not in refusals.CODES:
            name = "expired_url"
        raise _refused("response_url", answer.status_code, name, answer.headers, "")

    def _call(self, method: str, **arguments: Any) -> Answer:
        try:
            answer = self._client.api_call(method, **arguments)
        except SlackApiError as error:
            raise _translated(method, error.response) from error
        except (OSError, http.client.HTTPException, SlackClientError) as error:
            raise self._unanswered(method, error) from error
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise Failed("BAD_ANSWER", f"{method}: what answers is not Slack") from error
        given = answer.data if isinstance(answer.data, dict) else {}
        return Answer({name: _strict(value) for name, value in given.items()})

    def _unanswered(self, method: str, error: Exception) -> Failed:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            # It may still be done: the next attempt looks for it, so it comes as long after.
            said = f"{method}: no answer from Slack within {self.seconds:g} s"
            return Failed("TIMED_OUT", said, retry_after=self.seconds)
        words = str(reason) or type(reason).__name__
        return Failed("UNREACHABLE", f"{method}: Slack cannot be reached: {words[:200]}")


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return Answer({name: _strict(each) for name, each in value.items()})
    return [_strict(each) for each in value] if isinstance(value, list) else value


def _translated(method: str, response: SlackResponse) -> Failed:
    data = response.data if isinstance(response.data, dict) else {}
    name, needed = str(data.get("error") or ""), str(data.get("needed") or "")
    return _refused(method, response.status_code, name, response.headers, needed)


def _refused(method: str, status: int, name: str, headers: Any, needed: str) -> Failed:
    wait = _retry_after(headers)
    if name not in refusals.CODES and not _NAME.fullmatch(name) and status == 200:
        return Failed("BAD_ANSWER", f"{method}: what answers is not Slack")
    if status == 429 or name in {"ratelimited", "rate_limited"}:
        return Refused(method, "ratelimited", retry_after=wait)
    if status >= 500:
        words = f"{method}: Slack answered with HTTP {status}"
        return Failed("UNAVAILABLE", words, retry_after=wait)
    if 300 <= status < 400:
        words = f"{method}: Slack's url leads elsewhere (HTTP {status}): correct it"
        told = {"method": method, "error": f"http_{status}"}
        return Failed(refusals.OTHERWISE, f"{words} in the configuration", slack=told)
    if status in {401, 403} and name not in refusals.CODES:
        return Refused(method, "invalid_auth")
    if status != 200 and name not in refusals.CODES:
        told = {"method": method, "error": f"http_{status}"}
        return Failed(
            refusals.OTHERWISE, f"{method}: Slack answered with HTTP {status}", slack=told
        )
    return Refused(method, name, needed=needed, retry_after=wait)


def _retry_after(headers: Any) -> float | None:
    found = {str(name).lower(): value for name, value in dict(headers or {}).items()}
    value = found.get("retry-after")
    value = value[0] if isinstance(value, list) and value else value
    try:
        seconds = float(str(value))
    except ValueError:
        try:
            seconds = parsedate_to_datetime(str(value)).timestamp() - time.time()
        except ValueError:
            return None
    return math.ceil(max(0.0, seconds)) if seconds < 86_400 else None
