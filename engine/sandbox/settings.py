"""What a sandbox is started with: the people in it, its keys, where it sends to."""

import secrets
from dataclasses import dataclass, field
from typing import Literal

Vendor = Literal["slack", "statuspage", "pagerduty", "confluence"]
VENDORS: tuple[Vendor, ...] = ("slack", "statuspage", "pagerduty", "confluence")


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who has an account with every vendor."""

    name: str
    """As in policy.yaml and as the Slack name."""
    slack: str
    pagerduty: str

    @property
    def email(self) -> str:
        """The address by which vendors find each other's accounts."""
        return f"{self.name}@example.com"

    @property
    def full_name(self) -> str:
        """For people to read."""
        return self.name.capitalize()


PEOPLE = (
    Person("alice", "U0ALICE001", "PALICE1"),
    Person("bob", "U0BOB00001", "PBOB001"),
    Person("carol", "U0CAROL001", "PCAROL1"),
    Person("dave", "U0DAVE0001", "PDAVE01"),
)
"""The people of the project's policy.yaml, and dave, who has no role there."""

PAGE_ID = "sandboxpage1"
SPACE_KEY = "OPS"
SERVICE_ID = "PSERVIC"
ESCALATION_POLICY_ID = "PESCALA"
ACCOUNT_EMAIL = PEOPLE[0].email


def _key() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys and secrets of one sandbox, new with each start: none opens anything else."""

    slack_bot_token: str = field(default_factory=lambda: f"xoxb-sandbox-{_key()}")
    slack_app_token: str = field(default_factory=lambda: f"xapp-sandbox-{_key()}")
    slack_signing_secret: str = field(default_factory=_key)
    statuspage_api_key: str = field(default_factory=_key)
    confluence_api_token: str = field(default_factory=_key)
    pagerduty_api_key: str = field(default_factory=_key)
    pagerduty_routing_key: str = field(default_factory=_key)
    pagerduty_webhook_secret: str = field(default_factory=_key)


@dataclass(frozen=True, slots=True)
class Settings:
    """How one sandbox is started."""

    port: int = 0
    """0 takes a free one."""
    interactions: str | None = None
    """The URL that Slack's clicks are posted to; None where nobody listens."""
    webhooks: str | None = None
    """The URL that PagerDuty's webhooks are posted to."""
    slow_seconds: float = 5.0
    """How long a vendor that is `slow` takes for each answer."""
    keys: Keys = field(default_factory=Keys)
    failures: tuple[str, ...] = ()
    """`VENDOR=MODE[:COUNT]`, in force from the start."""
