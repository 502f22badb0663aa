"""What the sandbox sends by itself: clicks and webhooks, each with the answer it got."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from engine.sandbox.bounded import Bounded
from engine.sandbox.changes import Changes
from engine.sandbox.moments import instant, upper_id

_KEPT = 500
_LONGEST_ANSWER = 64 * 1024


@dataclass(slots=True)
class Delivery:
    """One request of the sandbox's own, and how it went the last time it was sent."""

    kind: str
    """`interaction` or `webhook`."""
    what: str
    """For people: `bob pressed Approve`."""
    url: str
    headers: Mapping[str, str]
    body: bytes
    id: str = field(default_factory=lambda: upper_id("D"))
    at: str = field(default_factory=instant)
    attempts: int = 0
    status: int | None = None
    """None where there was no answer; then `error` says why."""
    answer: str = ""
    error: str = ""
    milliseconds: int = 0

    @property
    def arrived(self) -> bool:
        """Whether it was answered with a 2xx."""
        return self.status is not None and 200 <= self.status < 300

    def told(self) -> dict[str, object]:
        """The facts as JSON, for the page and the tests."""
        names = ("id", "at", "kind", "what", "url", "attempts", "status", "answer", "error")
        return {name: getattr(self, name) for name in names} | {"milliseconds": self.milliseconds}


class Outbox:
    """Sends, and remembers what was sent."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._client = httpx.AsyncClient(trust_env=False)
        self.deliveries: Bounded[str, Delivery] = Bounded(_KEPT)

    async def send(self, delivery: Delivery, *, seconds: float) -> Delivery:
        """Send it once, maybe again; whoever does not answer within `seconds` has not answered."""
        self.deliveries[delivery.id] = delivery
        began = time.monotonic()
        delivery.attempts += 1
        delivery.status, delivery.answer, delivery.error = None, "", ""
        try:
            await self._post(delivery, seconds)
        except httpx.TimeoutException:
            delivery.error = f"no answer within {seconds:g} seconds"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            delivery.error = str(error) or type(error).__name__
        delivery.milliseconds = round(1000 * (time.monotonic() - began))
        await self._changes.happened()
        return delivery

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _post(self, delivery: Delivery, seconds: float) -> None:
        request = self._client.build_request(
            "POST",
            delivery.url,
            headers=dict(delivery.headers),
            content=delivery.body,
            timeout=seconds,
        )
        response = await self._client.send(request, stream=True)
        try:
            answer = bytearray()
            async for part in response.aiter_bytes():
                answer += part
                if len(answer) > _LONGEST_ANSWER:
                    break
        finally:
            await response.aclose()
        delivery.status = response.status_code
        delivery.answer = answer[:_LONGEST_ANSWER].decode(errors="replace")
