"""PagerDuty's webhooks v3: what is sent when an incident changes, signed, and sent again."""

import asyncio
import hashlib
import hmac
import json

from engine.sandbox.moments import instant, upper_id
from engine.sandbox.outbox import Delivery, Outbox
from engine.sandbox.pagerduty.account import Json
from engine.sandbox.settings import Settings

_ANSWER_SECONDS = 5.0
_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each attempt; a 4xx ends them early."""


class Webhooks:
    """Sends every change of an incident to the configured URL, in the background."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        self._url = settings.webhooks
        self._secret = settings.keys.pagerduty_webhook_secret.encode()
        self._outbox = outbox
        self._subscription = upper_id("P", 6)
        self._under_way: set[asyncio.Task[None]] = set()

    def tell(self, event_type: str, incident: Json, who: Json | None) -> None:
        """Start sending this change; nobody waits for it."""
        if self._url is not None:
            body = json.dumps({"event": _event(event_type, incident, who)}).encode()
            task = asyncio.create_task(self._send(self._delivery(event_type, incident, body)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def again(self, delivery: Delivery) -> Delivery:
        """Send the very same once more, as PagerDuty does where it saw no answer."""
        return await self._outbox.send(delivery, seconds=_ANSWER_SECONDS)

    async def close(self) -> None:
        """Give up what is still being sent."""
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _delivery(self, event_type: str, incident: Json, body: bytes) -> Delivery:
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PagerDuty-Webhook/V3.0",
            "X-PagerDuty-Signature": f"v1={signature}",
            "X-Webhook-Id": upper_id("", 26),
            "X-Webhook-Subscription": self._subscription,
        }
        what = f"{event_type} of #{incident['incident_number']}"
        return Delivery("webhook", what, self._url or "", headers, body)

    async def _send(self, delivery: Delivery) -> None:
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            await self.again(delivery)
            if delivery.arrived or 400 <= (delivery.status or 0) < 500:
                return


def _event(event_type: str, incident: Json, who: Json | None) -> Json:
    return {
        "id": upper_id("", 26),
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": instant(),
        "agent": who,
        "client": None,
        "data": {
            "id": incident["id"],
            "type": "incident",
            "self": incident["self"],
            "html_url": incident["html_url"],
            "number": incident["incident_number"],
            "status": incident["status"],
            "incident_key": incident["incident_key"],
            "created_at": incident["created_at"],
            "title": incident["title"],
            "service": incident["service"],
            "assignees": [one["assignee"] for one in incident["assignments"]],
            "escalation_policy": incident["escalation_policy"],
            "teams": [],
            "priority": incident.get("priority"),
            "urgency": incident["urgency"],
            "conference_bridge": None,
            "resolve_reason": None,
        },
    }
