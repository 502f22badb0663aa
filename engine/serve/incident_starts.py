"""From an alert to a run of `incident.initiate`, once for each alert."""

import asyncio
import logging
import time
from typing import Any, Literal, Protocol, TypeAlias

from engine.errors import HarmonyError, RunRefused, ServiceUnavailable
from engine.messages import Actor, StartArguments
from engine.plan import Json
from engine.serve.alerts import Alert
from engine.serve.repeats import Pace

BLUEPRINT = "incident.initiate"
KNOWN = 10_000
ANSWER_SECONDS = 4.0
"""PagerDuty gives a delivery up after five."""
Started: TypeAlias = Literal["started", "repeat"]
_LOG = logging.getLogger(__name__)


class Flood(HarmonyError):
    """More incidents were asked for than this server starts in a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"too many alerts: the next incident is started in {seconds:.0f} s; "
            "raise the limit with --incidents-per-minute"
        )
        self.seconds = seconds


class Incidents(Protocol):
    """Where incidents get their numbers."""

    async def open_for(self, alert: Alert) -> tuple[str, bool]:
        """The incident of this alert, and whether it was made now: one for each key."""


class Starting(Protocol):
    """What starts runs; `engine.temporal.client.Runs` does."""

    async def start(self, blueprint: str, start: StartArguments, run: str, *, once: bool) -> Any:
        """RunRefused with code ID_TAKEN where there is, or with `once` ever was, such a run."""


class IncidentStarts:
    """Starts one run for each alert, and not more of them than it may."""

    def __init__(
        self, incidents: Incidents, runs: Starting, *, per_minute: int,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:  # fmt: skip
        self._incidents = incidents
        self._runs = runs
        self._pace = Pace(per_minute, 60.0)
        self._answer_seconds = answer_seconds
        self._known: dict[str, str] = {}
        """The incidents of the latest alerts, by key."""
        self._under_way: dict[str, asyncio.Task[tuple[Started, str]]] = {}

    async def start(self, alert: Alert) -> tuple[Started, str]:
        """Whether a run was started now, and the incident; Flood where there were too many.

        A delivery that comes while an earlier one of the same alert is under way ends as that one
        does: its sender has given up waiting, and must not be told of what may still fail. What
        takes longer than a sender waits goes on, and is ServiceUnavailable until it is done.
        """
        keys = (alert.key, *alert.also)
        if all(key in self._known for key in keys):
            return "repeat", self._known[keys[-1]]
        starting = self._under_way.get(alert.key)
        repeat = starting is not None
        if starting is None:
            starting = self._under_way[alert.key] = asyncio.create_task(self._start(alert))
            starting.add_done_callback(lambda _: self._under_way.pop(alert.key))
        done, _ = await asyncio.wait((starting,), timeout=self._answer_seconds)
        if not done:
            starting.add_done_callback(_unheard)
            raise ServiceUnavailable("the incident is still being started: deliver this again")
        result, incident = starting.result()
        return "repeat" if repeat else result, incident

    async def _start(self, alert: Alert) -> tuple[Started, str]:
        """What broke off between the two halves is made whole by the next delivery."""
        if wait := self._pace.wait(time.monotonic()):
            raise Flood(wait)
        incident, _ = await self._incidents.open_for(alert)
        actor = Actor(name=alert.source, source="api")
        given = StartArguments(
            inputs=_inputs(alert), context=_context(alert, incident), actor=actor
        )
        result: Started = "started"
        try:
            await self._runs.start(BLUEPRINT, given, f"{BLUEPRINT}-{incident}", once=True)
        except RunRefused as refused:
            if refused.code != "ID_TAKEN":
                raise
            result = "repeat"
        for key in (alert.key, *alert.also):
            self._remember(key, incident)
        return result, incident

    def _remember(self, key: str, incident: str) -> None:
        self._known[key] = incident
        if len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]


def _unheard(starting: asyncio.Task[tuple[Started, str]]) -> None:
    """How a start ended whose sender was put off; it is tried again when the alert comes again."""
    if not starting.cancelled() and (error := starting.exception()) is not None:
        known = isinstance(error, HarmonyError)
        _LOG.warning("an alert has no run yet: %s", error, exc_info=None if known else error)


def _inputs(alert: Alert) -> dict[str, Json]:
    """The initiating blueprint's inputs; what is not known is left to its defaults."""
    given: dict[str, Json] = {"title": alert.title}
    if alert.url:
        given["source"] = alert.url
    return given


def _context(alert: Alert, incident: str) -> dict[str, Json]:
    context: dict[str, Json] = {
        "incident_id": incident,
        "incident_severity": alert.severity,
        "incident_title": alert.title,
        "impacted_services": list(alert.services),
    }
    if alert.pagerduty_id:
        context["pagerduty_incident_id"] = alert.pagerduty_id
    return context
