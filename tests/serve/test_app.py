"""The routes over HTTP: who is let in, what is answered, and what reaches a run."""

import asyncio
import gc
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from engine.errors import RunRefused, ServiceUnavailable
from engine.messages import Decide, Reply, StartArguments
from engine.project.policy import Person, Policy, Role
from engine.serve.alerts import Alert, of_pagerduty
from engine.serve.app import BODY_BYTES, Parts, Secrets, app
from engine.serve.clicking import Clicking
from engine.serve.incident_starts import IncidentStarts
from engine.serve.metrics import Metrics
from engine.serve.slack_calls import SlackCalls
from tests.serve.slack import SECRET, click, signed
from tests.serve.test_alerts import ALERTMANAGER, PAGERDUTY, data

NOW = 1_700_000_000
LIMIT = 10.0


@dataclass
class Runs:
    """Takes what the server asks of Temporal, and answers as it is told."""

    reply: Reply | Exception = field(
        default_factory=lambda: Reply(accepted=True, state="approved", reason="approved")
    )
    refuse_start: Exception | None = None
    held: asyncio.Event | None = None
    """Where there is one, a start takes until it is set."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    decided: list[tuple[str, Decide]] = field(default_factory=list)
    started: list[tuple[str, StartArguments, str]] = field(default_factory=list)

    async def decide(self, run: str, answer: Decide) -> Reply:
        self.decided.append((run, answer))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    async def start(self, blueprint: str, start: StartArguments, run: str, *, once: bool) -> None:
        assert once
        self.asked.set()
        if self.held is not None:
            await self.held.wait()
        if self.refuse_start is not None:
            raise self.refuse_start
        self.started.append((blueprint, start, run))


@dataclass
class Incidents:
    known: dict[str, str] = field(default_factory=dict)

    async def open_for(self, alert: Alert) -> tuple[str, bool]:
        new = alert.key not in self.known
        name = self.known.setdefault(alert.key, f"INC-2026-{len(self.known) + 1:04}")
        return name, new


class Served:
    """One server with everything around it."""

    def __init__(self, *, token: str | None = None, per_minute: int = 100) -> None:
        self.runs = Runs()
        self.policy = Policy(
            roles={"approver": Role()},
            people={"bob": Person(("approver",), "UBOB")},
            agents={"bot": Person((), "UBOT")},
        )
        self.said: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.metrics = Metrics()
        self.problem: Exception | None = None
        slack = httpx.AsyncClient(transport=httpx.MockTransport(self._slack))
        self.clicking = Clicking(
            self.runs,
            lambda: self.policy,
            SlackCalls(slack, url="https://slack.test/api", token=token),
            self.metrics,
        )
        starts = IncidentStarts(Incidents(), self.runs, per_minute=per_minute)
        parts = Parts(self.clicking, starts, self.metrics, {"temporal": self._ready})
        secrets = Secrets(SECRET, "whsec", "bearer-token")
        self.http = self.client(app(secrets, parts, now=lambda: NOW))
        self.closed = self.client(app(Secrets(), parts))

    @staticmethod
    def client(served: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://harmony")

    async def _ready(self) -> None:
        if self.problem is not None:
            raise self.problem

    def _slack(self, request: httpx.Request) -> httpx.Response:
        self.said.put_nowait((str(request.url), json.loads(request.content)))
        return httpx.Response(200, json={"ok": True})

    async def click(self, payload: Any, at: int = NOW) -> httpx.Response:
        body, headers = signed(payload, at)
        return await self.http.post("/slack/interactions", content=body, headers=headers)

    async def told(self) -> str:
        where, message = await asyncio.wait_for(self.said.get(), LIMIT)
        assert where == "https://hooks.slack.test/tell"
        assert message["response_type"] == "ephemeral"
        assert message["replace_original"] is False
        text: str = message["text"]
        return text

    async def pagerduty(self, document: Any, secret: str = "whsec") -> httpx.Response:
        body = json.dumps(document).encode()
        signature = "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-PagerDuty-Signature": signature}
        return await self.http.post("/webhooks/pagerduty", content=body, headers=headers)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    yield (made := Served())
    await made.clicking.close()


async def test_a_click_is_acknowledged_decided_and_answered_privately(served: Served) -> None:
    answer = await served.click(click())
    assert (answer.status_code, answer.content) == (200, b"")
    assert await served.told() == "Your answer counts: approved for ask of r-1."
    assert served.runs.decided == [
        ("r-1", Decide(decision="approved", approver_id="bob", gate="ask", digest="d1",
                       source="slack", user="slack:UBOB")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (Reply(accepted=False, state="approved", reason="too late: carol approved it"),
         "Your answer does not count: too late: carol approved it"),
        (RunRefused("There is no run r-1"), "Your answer does not count: There is no run r-1"),
        (ServiceUnavailable("No worker serves r-1"), "please click again soon: No worker serves"),
        (RuntimeError("boom"), "something went wrong in Harmony"),
    ],
)  # fmt: skip
async def test_what_does_not_count_is_said(
    served: Served, reply: Reply | Exception, sentence: str
) -> None:
    served.runs.reply = reply
    await served.click(click())
    told = await served.told()
    assert sentence in told
    assert "boom" not in told


async def test_who_is_in_no_policy_is_told_so_and_reaches_no_run(served: Served) -> None:
    await served.click(click("UEVE"))
    assert "UEVE belongs to nobody in policy.yaml" in await served.told()
    assert served.runs.decided == []


async def test_an_agent_answers_as_the_agent_it_is(served: Served) -> None:
    await served.click(click("UBOT"))
    await served.told()
    assert served.runs.decided[0][1].approver_id == "bot"


async def test_the_same_delivery_twice_counts_once(served: Served) -> None:
    assert (await served.click(click())).status_code == 200
    again = await served.click(click())
    assert (again.status_code, "it came before" in again.text) == (401, True)
    await served.told()
    assert len(served.runs.decided) == 1


@pytest.mark.parametrize("late", [-301, 301])
async def test_a_delivery_from_another_time_is_refused(served: Served, late: int) -> None:
    assert (await served.click(click(), NOW + late)).status_code == 401
    assert served.runs.decided == []


async def test_what_is_forged_is_refused_before_it_is_read(served: Served) -> None:
    answer = await served.http.post(
        "/slack/interactions",
        content=b"payload={",
        headers={"X-Slack-Request-Timestamp": str(NOW), "X-Slack-Signature": "v0=00"},
    )
    assert (answer.status_code, answer.json()) == (
        401,
        {"error": "not taken as a request from Slack: its signature is wrong"},
    )


async def test_other_interactions_are_left_alone(served: Served) -> None:
    assert (await served.click({"type": "block_actions", "user": {"id": "U"}})).status_code == 200
    assert (await served.click(["odd"])).status_code == 200
    broken = click()
    broken["actions"][0]["value"] = "{"
    assert (await served.click(broken)).status_code == 200
    assert "answer with `harmony approve`" in await served.told()
    assert (await served.click({**click(), "response_url": 5})).status_code == 200
    assert served.runs.decided == []


@pytest.mark.parametrize(
    "form", [b"", b"payload", b"\xff\xfe", b"payload=" + b"[" * 100_000, b"a=b&" * 50_000 + b"a=b"]
)
async def test_what_holds_no_payload_is_refused(served: Served, form: bytes) -> None:
    signature = hmac.new(SECRET.encode(), f"v0:{NOW}:".encode() + form, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": str(NOW), "X-Slack-Signature": f"v0={signature}"}
    answer = await served.http.post("/slack/interactions", content=form, headers=headers)
    assert (answer.status_code, "no field `payload`" in answer.text) == (400, True)


async def test_a_rejection_is_asked_why_and_the_reason_goes_with_it() -> None:
    served = Served(token="xoxb-1")
    await served.click(click(action="approval_reject", trigger="T1"))
    where, opened = await asyncio.wait_for(served.said.get(), LIMIT)
    assert (where, opened["trigger_id"]) == ("https://slack.test/api/views.open", "T1")
    assert served.runs.decided == []
    view = opened["view"] | {"state": {"values": {"reason": {"reason": {"value": "not now"}}}}}
    await served.click({"type": "view_submission", "user": {"id": "UBOB"}, "view": view})
    assert "rejected for ask" in await served.told()
    decided = served.runs.decided[0][1]
    assert (decided.decision, decided.reason, decided.digest) == ("rejected", "not now", "d1")


async def test_an_alert_starts_one_run_however_often_it_is_delivered(served: Served) -> None:
    answer = await served.pagerduty(PAGERDUTY)
    assert answer.json() == {"result": "started", "incident": "INC-2026-0001"}
    again = await served.pagerduty(PAGERDUTY)
    assert (again.status_code, again.json()) == (
        200,
        {"result": "repeat", "incident": "INC-2026-0001"},
    )
    ((blueprint, start, run),) = served.runs.started
    assert (blueprint, run) == ("incident.initiate", "incident.initiate-INC-2026-0001")
    assert start.context == {
        "incident_id": "INC-2026-0001",
        "incident_severity": "P1",
        "incident_title": "A little bump in the road",
        "impacted_services": ["API Service"],
        "pagerduty_incident_id": "PGR0VU2",
    }
    assert start.actor is not None
    assert (start.actor.name, start.actor.source) == ("pagerduty", "api")


async def test_a_delivery_that_failed_is_taken_when_it_comes_again(served: Served) -> None:
    served.runs.refuse_start = ServiceUnavailable("Temporal does not answer")
    assert (await served.pagerduty(PAGERDUTY)).status_code == 503
    served.runs.refuse_start = None
    assert (await served.pagerduty(PAGERDUTY)).status_code == 202
    served.runs.refuse_start = RunRefused("taken", code="ID_TAKEN")
    assert (await served.pagerduty(data(id="P2"))).json()["result"] == "repeat"


async def test_deliveries_at_once_of_one_alert_end_alike() -> None:
    """The sender of the first gave up waiting; told of a repeat, it would never come again."""
    runs = Runs(refuse_start=ServiceUnavailable("away"), held=asyncio.Event())
    starts = IncidentStarts(Incidents(), runs, per_minute=100)
    alert = of_pagerduty(PAGERDUTY)
    deliveries = [asyncio.create_task(starts.start(alert)) for _ in range(3)]
    await asyncio.wait_for(runs.asked.wait(), LIMIT)
    assert runs.held is not None
    runs.held.set()
    ends = await asyncio.gather(*deliveries, return_exceptions=True)
    assert [str(end) for end in ends] == ["away", "away", "away"]
    runs.refuse_start = None
    again = await asyncio.gather(*(starts.start(alert) for _ in range(3)))
    assert sorted(result for result, _ in again) == ["repeat", "repeat", "started"]
    assert {incident for _, incident in again} == {"INC-2026-0001"}
    assert len(runs.started) == 1


async def test_what_takes_longer_than_its_sender_waits_is_put_off_and_goes_on() -> None:
    runs = Runs(held=asyncio.Event())
    starts = IncidentStarts(Incidents(), runs, per_minute=100, answer_seconds=0.05)
    alert = of_pagerduty(PAGERDUTY)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="deliver this again"):
            await starts.start(alert)
    assert runs.held is not None
    runs.held.set()
    async with asyncio.timeout(LIMIT):
        while not runs.started:
            await asyncio.sleep(0)
    assert await starts.start(alert) == ("repeat", "INC-2026-0001")
    assert len(runs.started) == 1


async def test_what_fails_after_its_sender_was_put_off_is_one_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs = Runs(held=asyncio.Event(), refuse_start=ServiceUnavailable("Temporal is away"))
    starts = IncidentStarts(Incidents(), runs, per_minute=100, answer_seconds=0.05)
    with pytest.raises(ServiceUnavailable, match="deliver this again"):
        await starts.start(of_pagerduty(PAGERDUTY))
    assert runs.held is not None
    runs.held.set()
    async with asyncio.timeout(LIMIT):
        while not caplog.records:
            await asyncio.sleep(0)
    gc.collect()  # the event loop tells of what nobody heard when it is thrown away
    [record] = caplog.records
    assert record.getMessage() == "an alert has no run yet: Temporal is away"
    assert record.exc_info is None


async def test_a_flood_is_slowed_down_and_nothing_is_lost() -> None:
    served = Served(per_minute=2)
    answers = [await served.pagerduty(data(id=f"P{n}")) for n in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 503]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60
    assert len(served.runs.started) == 2


async def test_webhooks_are_checked(served: Served) -> None:
    assert (await served.pagerduty(PAGERDUTY, "other")).status_code == 401
    assert (await served.pagerduty({"event": {"event_type": "pagey.ping"}})).json() == {
        "result": "ignored",
        "reason": "pagey.ping starts no incident",
    }
    answer = await served.pagerduty({"event": {**PAGERDUTY["event"], "data": {"id": "P1"}}})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "not an incident of PagerDuty's: Object missing required field `title`"},
    )
    post = served.http.post
    assert (await post("/webhooks/alertmanager", json=ALERTMANAGER)).status_code == 401
    token = {"Authorization": "Bearer bearer-token"}
    answer = await post("/webhooks/alertmanager", json=ALERTMANAGER, headers=token)
    assert answer.json() == {"result": "started", "incident": "INC-2026-0001"}
    deep = b"[" * 100_000
    assert (await post("/webhooks/alertmanager", content=deep, headers=token)).status_code == 400
    big = b" " * (BODY_BYTES + 1)
    assert (await post("/webhooks/alertmanager", content=big, headers=token)).status_code == 413


async def test_a_way_in_without_its_secret_is_closed(served: Served) -> None:
    for path in ("/slack/interactions", "/webhooks/pagerduty", "/webhooks/alertmanager"):
        assert (await served.closed.post(path)).status_code == 404


async def test_health_readiness_and_metrics(served: Served) -> None:
    assert (await served.http.get("/healthz")).json() == {"status": "alive"}
    assert (await served.http.get("/readyz")).json() == {"status": "ready", "problems": {}}
    served.problem = ServiceUnavailable("Temporal does not answer")
    answer = await served.http.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (
        503,
        {"temporal": "Temporal does not answer"},
    )
    await served.click(click())
    await served.told()
    text = (await served.http.get("/metrics")).text
    assert 'harmony_slack_answers_total{result="accepted"} 1.0' in text
    assert 'harmony_http_requests_total{path="/readyz",status="503"} 1.0' in text
