"""`harmony serve`, a worker and a server of Temporal's, as processes; the sandbox plays Slack and
PagerDuty."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command_line import LIMIT
from tests.serve.site import BOB, CAROL, DAVE, Site, site
from tests.serve.slack import click, signature
from tests.serve.test_alerts import ALERTMANAGER

AT_ONCE = """
blueprint: incident.initiate
version: 1.0.0
title: Begin, and be done
owner: sre
inputs: {type: object, properties: {title: {type: string}, source: {type: string}}}
steps: [{id: known, set: {incident: "{{ context.incident_id }}"}}]
"""


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("site")) as made:
        await made.work()
        await made.serve()
        yield made


async def delivery(here: Site, alert: dict[str, Any]) -> dict[str, Any]:
    """The webhook that told of this incident at PagerDuty, once it was answered."""

    number = alert["incident_number"]

    def find(state: dict[str, Any]) -> dict[str, Any] | None:
        for one in state["deliveries"]:
            if one["status"] and one["what"] == f"incident.triggered of #{number}":
                return dict(one)
        return None

    found: dict[str, Any] = await here.until(find)
    return found


async def begun(here: Site, title: str) -> tuple[str, dict[str, Any]]:
    """The incident that an alert has become, and the question of its gate."""
    told = await delivery(here, await here.trigger(title))
    assert told["status"] == 202, told
    answer = json.loads(told["answer"])
    assert answer["result"] == "started"
    return answer["incident"], await here.question(answer["incident"])


async def ended(here: Site, incident: str) -> dict[str, Any]:
    run = f"incident.initiate-{incident}"
    await here.harmony("status", run, "--follow")
    document: dict[str, Any] = (await here.harmony("status", run, "--json")).document
    return document


def outcome(message: dict[str, Any]) -> str:
    assert "approval" not in {block["block_id"] for block in message["blocks"]}
    return json.dumps([b for b in message["blocks"] if b["block_id"] == "approval_outcome"])


async def test_a_click_answers_the_gate_of_an_alerts_run_and_the_message_says_so(
    here: Site,
) -> None:
    incident, question = await begun(here, "Checkout is down")
    assert (await here.click(question))["status"] == 200
    await here.told("Your answer counts: approved for ask")
    assert "bob" in outcome(await here.question(incident, closed=True))
    view = await ended(here, incident)
    assert view["status"] == "succeeded"
    answered = [e for e in here.events(incident) if e.type == "gate.answered"]
    assert [(e.actor, e.source, e.data["user"]) for e in answered] == [
        ("bob", "slack", f"slack:{BOB}")
    ]
    (approval,) = here.approvals(incident)
    assert (approval.status, approval.approver_id, approval.source) == ("Approved", "bob", "slack")
    types = [event.type for event in here.events(incident)]
    assert types.count("run.started") == types.count("run.ended") == 1


async def test_an_alert_that_comes_again_starts_nothing(here: Site) -> None:
    alert = await here.trigger("Twice told", "P4")
    told = await delivery(here, alert)
    incident = json.loads(told["answer"])["incident"]
    again = await here.http.post(f"{here.sandbox.url}/sandbox/deliveries/{told['id']}/again")
    assert json.loads(again.json()["answer"]) == {"result": "repeat", "incident": incident}
    await here.stop("serve")
    await here.serve()  # it has forgotten what it has seen; the store has not
    again = await here.http.post(f"{here.sandbox.url}/sandbox/deliveries/{told['id']}/again")
    assert json.loads(again.json()["answer"]) == {"result": "repeat", "incident": incident}
    found = [each for each in here.incidents() if each.title == "Twice told"]
    assert [(each.id, each.severity, each.pagerduty_incident_id) for each in found] == [
        (incident, "P4", alert["id"])
    ]
    listed = (await here.harmony("list", "--incident", incident, "--json")).document
    assert [run["run"] for run in listed] == [f"incident.initiate-{incident}"]


async def test_a_group_of_alertmanager_starts_one_run(here: Site) -> None:
    url, token = f"{here.url}/webhooks/alertmanager", {"Authorization": "Bearer am-token"}
    assert (await here.http.post(url, json=ALERTMANAGER)).status_code == 401
    first = await here.http.post(url, json=ALERTMANAGER, headers=token)
    assert (first.status_code, first.json()["result"]) == (202, "started")
    again = await here.http.post(url, json=ALERTMANAGER, headers=token)
    assert again.json() == {"result": "repeat", "incident": first.json()["incident"]}
    await here.question(first.json()["incident"])


async def test_an_answer_from_elsewhere_is_shown_too_and_a_late_click_is_answered(
    here: Site,
) -> None:
    incident, question = await begun(here, "Answered at the terminal")
    run = f"incident.initiate-{incident}"
    answered = await here.harmony("reject", run, "ask", "--as", "carol", "--reason", "not yet")
    assert answered.status == 0, answered.err
    shown = outcome(await here.question(incident, closed=True))
    assert "carol" in shown
    assert "not yet" in shown
    assert (await here.http.post(f"{here.sandbox.url}/sandbox/slack/click", json={
        "user": BOB, "channel": question["channel"], "ts": question["ts"],
        "block_id": "approval", "action_id": "approval_approve",
    })).status_code == 404  # fmt: skip
    assert (await ended(here, incident))["status"] == "rejected"


async def test_who_may_not_is_told_privately_and_changes_nothing(here: Site) -> None:
    incident, question = await begun(here, "Not theirs")
    await here.click(question, DAVE)
    await here.told(f"Your Slack account {DAVE} belongs to nobody in policy.yaml")
    await here.click(question, "U0ALICE001")
    await here.told("Your answer does not count")
    assert (await here.question(incident))["ts"] == question["ts"]
    refused = [e.actor for e in here.events(incident) if e.type == "gate.refused"]
    assert refused == ["alice"]


async def test_two_clicks_at_once_are_one_answer_and_both_are_told(here: Site) -> None:
    incident, question = await begun(here, "Both at once")
    await asyncio.gather(here.click(question, BOB), here.click(question, CAROL))
    assert "approved" in json.dumps(await ended(here, incident))
    answered = [e.type for e in here.events(incident) if e.type.startswith("gate.")]
    assert answered.count("gate.answered") == 1
    assert answered.count("gate.refused") <= 1


async def test_a_restart_of_both_between_question_and_click_loses_nothing(here: Site) -> None:
    incident, question = await begun(here, "Before the restart")
    said = await here.stop("serve")
    assert said.endswith("Stopped.\n")
    await here.stop("worker")
    await here.work()
    await here.serve()
    assert (await here.click(question, CAROL))["status"] == 200
    assert "carol" in outcome(await here.question(incident, closed=True))
    assert (await ended(here, incident))["status"] == "succeeded"
    events = here.events(incident)
    assert len({event.key for event in events}) == len(events)
    types = [event.type for event in events]
    assert types.count("gate.opened") == types.count("gate.answered") == 1


async def test_what_is_not_from_slack_is_refused(here: Site) -> None:
    incident, question = await begun(here, "Forged")
    url, now = f"{here.url}/slack/interactions", str(int(time.time()))
    secret = here.sandbox.settings.keys.slack_signing_secret
    body = f"payload={json.dumps(click(BOB, run=f'incident.initiate-{incident}'))}".encode()
    for headers in (
        {},
        {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": signature(now, body, "other")},
        {"X-Slack-Request-Timestamp": "1", "X-Slack-Signature": signature("1", body, secret)},
    ):
        answer = await here.http.post(url, content=body, headers=headers)
        assert (answer.status_code, "not taken as a request from Slack" in answer.text) == (
            401,
            True,
        )
    delivered = await here.click(question, DAVE)
    again = await here.http.post(f"{here.sandbox.url}/sandbox/deliveries/{delivered['id']}/again")
    assert (again.json()["status"], "it came before" in again.json()["answer"]) == (401, True)
    assert [e for e in here.events(incident) if e.type == "gate.answered"] == []


async def test_its_health_and_its_numbers_can_be_read(here: Site) -> None:
    await begun(here, "Counted")
    assert (await here.http.get(f"{here.url}/healthz")).json() == {"status": "alive"}
    ready = await here.http.get(f"{here.url}/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "problems": {}})
    numbers = (await here.http.get(f"{here.url}/metrics")).text
    assert 'harmony_alerts_total{result="started",source="pagerduty"}' in numbers
    assert 'harmony_http_requests_total{path="/healthz",status="200"}' in numbers


async def test_without_secrets_nothing_is_listened_to(tmp_path: Path) -> None:
    closed = {"SLACK_SIGNING_SECRET": "", "PAGERDUTY_WEBHOOK_SECRET": "", "ALERTMANAGER_TOKEN": ""}
    async with site(tmp_path, socket_mode=True, **closed) as made:
        await made.serve()
        for path in ("/slack/interactions", "/webhooks/pagerduty", "/webhooks/alertmanager"):
            assert (await made.http.post(f"{made.url}{path}")).status_code == 404
        said = await made.stop("serve")
        assert (
            "Slack: closed, SLACK_SIGNING_SECRET is not set; no click is taken, nor over Socket "
            "Mode\n" in said
        )
        assert "PagerDuty's webhooks: closed, PAGERDUTY_WEBHOOK_SECRET is not set\n" in said
        assert "Socket Mode: open" not in said


async def test_over_socket_mode_a_click_comes_without_a_way_in(tmp_path: Path) -> None:
    async with site(tmp_path, socket_mode=True) as made:
        await made.work()
        served = await made.serve()
        await served.said("Slack's Socket Mode: open")
        incident, question = await begun(made, "By the socket")
        await made.click(question)
        assert "bob" in outcome(await made.question(incident, closed=True))
        numbers = (await made.http.get(f"{made.url}/metrics")).text
        assert 'harmony_slack_answers_total{result="accepted"} 1.0' in numbers
        assert "/slack/interactions" not in numbers
        assert (await made.http.get(f"{made.url}/readyz")).status_code == 200


async def test_a_port_that_is_taken_is_said(here: Site) -> None:
    taken = await here.harmony("serve", "--port", here.url.rpartition(":")[2])
    assert taken.status == 2
    assert "choose another with --port" in taken.err


async def test_fifty_alerts_at_once_are_fifty_incidents_each_run_once(tmp_path: Path) -> None:
    async with site(tmp_path, initiate=AT_ONCE) as made:
        await made.work()
        await made.serve("--incidents-per-minute", "1000")

        async def told(number: int) -> dict[str, Any]:
            group = f'{{}}:{{alertname="A{number % 50}"}}'
            answer = await made.http.post(
                f"{made.url}/webhooks/alertmanager",
                json={**ALERTMANAGER, "groupKey": group},
                headers={"Authorization": "Bearer am-token"},
            )
            found: dict[str, Any] = answer.json()
            return found

        answers = await asyncio.gather(*(told(number) for number in range(100)))
        results = [answer["result"] for answer in answers]
        assert (results.count("started"), results.count("repeat")) == (50, 50)
        incidents = [each.id for each in made.incidents()]
        numbers = sorted(int(name.rpartition("-")[2]) for name in incidents)
        assert numbers == list(range(1, 51))
        await ended(made, incidents[0])
        for incident in incidents:
            async with asyncio.timeout(LIMIT):
                while made.events(incident)[-1].type != "run.ended":
                    await asyncio.sleep(0.05)
            types = [event.type for event in made.events(incident)]
            assert types == ["incident.opened", "run.started", "step.succeeded", "run.ended"]


async def test_while_the_store_is_away_it_says_so_and_alerts_are_put_off(tmp_path: Path) -> None:
    away = "postgresql://harmony:hunter2@127.0.0.1:1/incidents"
    async with site(tmp_path, HARMONY_DATABASE_URL=away) as made:
        await made.serve()
        ready = await made.http.get(f"{made.url}/readyz")
        assert (ready.status_code, list(ready.json()["problems"])) == (503, ["store"])
        assert (await made.http.get(f"{made.url}/healthz")).status_code == 200
        answer = await made.http.post(
            f"{made.url}/webhooks/alertmanager",
            json=ALERTMANAGER,
            headers={"Authorization": "Bearer am-token"},
        )
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)
        assert "hunter2" not in ready.text + answer.text
        assert "hunter2" not in await made.stop("serve")
