"""Events, as monitors send them (Events API v2)."""

from typing import Any

import httpx2
import pagerduty
from refusals import check, plain, translated

Json = dict[str, Any]
VARIABLE = "PAGERDUTY_ROUTING_KEY"
_SUMMARY = 1024
"""Characters of a summary that PagerDuty takes."""


class _Events(pagerduty.EventsApiV2Client):
    """The library's client for any URL: the sandbox is not reached by HTTPS."""

    max_network_attempts = 0

    @property
    def url(self) -> str:
        """The base URL."""
        return self._base

    @url.setter
    def url(self, base: str) -> None:
        self._base = base


def send(config: Json, key: str, given: Json, step_key: str) -> Json:
    """Sends one; with the same key it is the same alert, however often it is sent."""
    url, seconds = config["eventsUrl"].rstrip("/"), config["timeoutSeconds"]
    alert = given.get("dedupKey") or given.get("incidentId") or step_key
    client = _Events(
        plain(key, VARIABLE),
        base_url=url,
        event_hooks={"response": [_checked]},
        trust_env=False,
    )
    client.timeout = seconds
    with client, translated(url, seconds):
        action = given["eventAction"]
        sent = client.send_event(action, dedup_key=alert, **_payload(given))
        return {"changed": True, "dedupKey": str(sent)}


def _payload(given: Json) -> Json:
    if given["eventAction"] != "trigger":
        return {}
    summary = given["title"]
    payload = {
        "summary": summary if len(summary) <= _SUMMARY else summary[: _SUMMARY - 1] + "…",
        "source": given["source"],
        "severity": given["severity"],
    }
    details = dict(given.get("customDetails", {}))
    if "details" in given:
        details.setdefault("details", given["details"])
    return {"payload": payload | ({"custom_details": details} if details else {})}


def _checked(response: httpx2.Response) -> None:
    check(response, VARIABLE)
