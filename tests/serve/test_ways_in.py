"""What is open and what is closed, and what the start says of it."""

import pytest

from engine.project.policy import Person, Policy, Role
from engine.serve.ways_in import in_words, ways_in

ALL = {
    "SLACK_SIGNING_SECRET": "s1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_BOT_TOKEN": "xoxb-1",
    "PAGERDUTY_WEBHOOK_SECRET": "p1", "ALERTMANAGER_TOKEN": "a1",
}  # fmt: skip
POLICY = Policy(roles={"alert-source": Role()}, agents={"pagerduty": Person(("alert-source",))})


def test_all_is_open_that_has_its_secret() -> None:
    ways = ways_in(ALL)
    assert ways.slack_url == "https://slack.com/api"
    assert ways.slack_app_token == "xapp-1"
    assert not any(secret in repr(ways) for secret in ALL.values())
    assert list(in_words(ways, POLICY, ("alert-source",))) == [
        "Slack's clicks: open, /slack/interactions",
        "PagerDuty's webhooks: open, /webhooks/pagerduty",
        "Alertmanager's webhooks: open, /webhooks/alertmanager",
        (
            "  but policy.yaml does not let the agent `alertmanager` start incident.initiate: "
            "it takes one of alert-source"
        ),
    ]


@pytest.mark.parametrize("blank", ["", "  "])
def test_without_secrets_nothing_is_open_and_each_says_why(blank: str) -> None:
    ways = ways_in(dict.fromkeys(ALL, blank))
    assert list(in_words(ways, POLICY, None)) == [
        "Slack: closed, SLACK_SIGNING_SECRET is not set; no click is taken",
        "PagerDuty's webhooks: closed, PAGERDUTY_WEBHOOK_SECRET is not set",
        "Alertmanager's webhooks: closed, ALERTMANAGER_TOKEN is not set",
    ]


def test_without_a_signing_secret_slack_is_not_listened_to_at_all() -> None:
    ways = ways_in({name: value for name, value in ALL.items() if name != "SLACK_SIGNING_SECRET"})
    assert (ways.secrets.slack_signing, ways.slack_app_token) == (None, None)
    assert "no click is taken, nor over Socket Mode" in next(in_words(ways, POLICY, ()))


def test_what_alerts_would_start_must_be_there() -> None:
    told = list(in_words(ways_in(ALL), POLICY, None))
    assert "  but the project has no blueprint incident.initiate: PagerDuty's alerts fail" in told


def test_slack_is_where_the_variable_or_the_project_says() -> None:
    assert ways_in({}, "http://127.0.0.1:1/api").slack_url == "http://127.0.0.1:1/api"
    both = ways_in({"SLACK_API_URL": "http://127.0.0.1:2/api"}, "http://127.0.0.1:1/api")
    assert both.slack_url == "http://127.0.0.1:2/api"
