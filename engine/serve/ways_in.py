"""The ways in: each needs what its sender proves itself with, and is not there without it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.project.policy import Policy
from engine.serve.app import Secrets

SLACK_URL = "https://slack.com/api"


@dataclass(frozen=True, slots=True)
class WaysIn:
    """What the environment and the project say of them."""

    secrets: Secrets
    slack_url: str
    slack_app_token: str | None = field(default=None, repr=False)
    """Opens Socket Mode; None where it stays closed."""
    slack_bot_token: str | None = field(default=None, repr=False)
    """Opens the window that asks for a rejection's reason."""
    lonely_app_token: bool = False
    """There is an app token and no signing secret: Slack is not listened to at all."""


def ways_in(environment: Mapping[str, str], configured_url: object = None) -> WaysIn:
    """From the variables SLACK_SIGNING_SECRET, SLACK_APP_TOKEN, SLACK_BOT_TOKEN,
    PAGERDUTY_WEBHOOK_SECRET, ALERTMANAGER_TOKEN and SLACK_API_URL; `configured_url` is where the
    project's Slack capability finds Slack."""

    def read(name: str) -> str | None:
        return environment.get(name, "").strip() or None

    signing, app = read("SLACK_SIGNING_SECRET"), read("SLACK_APP_TOKEN")
    configured = configured_url if isinstance(configured_url, str) else None
    return WaysIn(
        secrets=Secrets(
            slack_signing=signing,
            pagerduty_webhook=read("PAGERDUTY_WEBHOOK_SECRET"),
            alertmanager_token=read("ALERTMANAGER_TOKEN"),
        ),
        slack_url=read("SLACK_API_URL") or configured or SLACK_URL,
        slack_app_token=app if signing else None,
        slack_bot_token=read("SLACK_BOT_TOKEN"),
        lonely_app_token=bool(app) and not signing,
    )


def in_words(ways: WaysIn, policy: Policy, roles: tuple[str, ...] | None) -> Iterator[str]:
    """A line for each way: open, or closed and why. `roles` may start the initiating blueprint;
    None where the project has none."""
    yield from _slack(ways)
    alerts = (
        ("pagerduty", "PagerDuty", ways.secrets.pagerduty_webhook, "PAGERDUTY_WEBHOOK_SECRET"),
        ("alertmanager", "Alertmanager", ways.secrets.alertmanager_token, "ALERTMANAGER_TOKEN"),
    )
    for agent, name, secret, variable in alerts:
        if secret is None:
            yield f"{name}'s webhooks: closed, {variable} is not set"
            continue
        yield f"{name}'s webhooks: open, /webhooks/{agent}"
        if roles is None:
            yield f"  but the project has no blueprint incident.initiate: {name}'s alerts fail"
        elif not policy.may_start(agent, roles):
            yield (
                f"  but policy.yaml does not let the agent `{agent}` start incident.initiate: it "
                f"takes one of {', '.join(roles)}"
            )


def _slack(ways: WaysIn) -> Iterator[str]:
    if ways.secrets.slack_signing is None:
        also = ", nor over Socket Mode" if ways.lonely_app_token else ""
        yield f"Slack: closed, SLACK_SIGNING_SECRET is not set; no click is taken{also}"
        return
    yield "Slack's clicks: open, /slack/interactions"
    if ways.slack_app_token is None:
        yield "Slack's Socket Mode: closed, SLACK_APP_TOKEN is not set"
    if ways.slack_bot_token is None:
        yield "Slack's window for a rejection's reason: closed, SLACK_BOT_TOKEN is not set"
