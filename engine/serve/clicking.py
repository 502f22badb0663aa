"""What happens after a click was acknowledged: the answer is given, and who clicked is told."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from engine.project.policy import Policy
from engine.serve import clicks
from engine.serve.clicks import Click, Deciding
from engine.serve.metrics import Metrics
from engine.serve.slack_calls import SlackCalls

_LOG = logging.getLogger(__name__)
_CANNOT = "This message is from a version that is no longer served; answer with `harmony approve`."


class Clicking:
    """Takes payloads and works on them in the background; `close` lets them come to their end."""

    def __init__(
        self, runs: Deciding, policy: Callable[[], Policy], slack: SlackCalls, metrics: Metrics
    ) -> None:
        self._runs = runs
        self._policy = policy
        self._slack = slack
        self._metrics = metrics
        self._working: set[asyncio.Task[None]] = set()

    def take(self, payload: Any) -> None:
        """Begin with an interaction and come back at once. Interactions that are none of ours,
        the click on a link for one, are nothing to do."""
        try:
            click = clicks.read(payload)
        except clicks.NotAClick as problem:
            _LOG.info("an interaction was left alone: %s", problem)
            self._metrics.clicks.labels("unknown").inc()
            self._begin(self._unknown(payload))
            return
        self._begin(self._answer(click))

    async def close(self) -> None:
        """Wait for what was begun."""
        await asyncio.gather(*self._working)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _answer(self, click: Click) -> None:
        if await self._asked_why(click):
            return
        with self._metrics.answering.time():
            try:
                result, sentence = await clicks.answer(click, self._runs, self._policy)
            except Exception:
                _LOG.exception("a click on %s of %s", click.gate, click.run)
                result, sentence = (
                    "unreachable",
                    (
                        "Your answer was not taken: something went wrong in Harmony. Please click "
                        "again, or answer with `harmony approve` or `harmony reject`."
                    ),
                )
        self._metrics.clicks.labels(result).inc()
        await self._slack.tell(click.tell, sentence)

    async def _asked_why(self, click: Click) -> bool:
        """Whether a window was opened that asks for the reason of a rejection."""
        asks = click.decision == "rejected" and click.reason is None and click.trigger is not None
        if not asks or not self._slack.opens_windows:
            return False
        if clicks.person_of(self._policy(), click) is None:
            return False  # refused at once, not after they wrote why
        return await self._slack.open(str(click.trigger), clicks.reason_view(click))

    async def _unknown(self, payload: Any) -> None:
        """An approval's button that cannot be read is answered all the same."""
        if not isinstance(payload, dict) or payload.get("type") != "block_actions":
            return
        actions = payload.get("actions")
        first = actions[0] if isinstance(actions, list) and actions else None
        ours = isinstance(first, dict) and first.get("action_id") in (clicks.APPROVE, clicks.REJECT)
        where = payload.get("response_url")
        if ours and isinstance(where, str):
            await self._slack.tell(where, _CANNOT)
