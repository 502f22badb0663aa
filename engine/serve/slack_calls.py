"""The two things that this server itself says to Slack: a private sentence, and a window."""

from typing import Any

import httpx

SECONDS = 10.0


class SlackCalls:
    """Speaks to Slack; what cannot be said is reported by its answer, never raised."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, token: str | None) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._token = token

    @property
    def opens_windows(self) -> bool:
        """Whether there is a token to open one with."""
        return self._token is not None

    async def tell(self, where: str | None, text: str) -> bool:
        """Say a sentence to who clicked alone, at the response_url; whether Slack took it."""
        if where is None:
            return False
        message = {"response_type": "ephemeral", "replace_original": False, "text": text}
        return await self._post(where, message, {}) is not None

    async def open(self, trigger: str, view: dict[str, Any]) -> bool:
        """Open a window; whether Slack did."""
        answer = await self._post(
            f"{self._url}/views.open",
            {"trigger_id": trigger, "view": view},
            {"Authorization": f"Bearer {self._token}"},
        )
        return isinstance(answer, dict) and answer.get("ok") is True

    async def _post(self, url: str, document: Any, headers: dict[str, str]) -> Any:
        try:
            answer = await self._http.post(url, json=document, headers=headers, timeout=SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        if answer.is_error:
            return None
        try:
            return answer.json()
        except ValueError:
            return answer.text
