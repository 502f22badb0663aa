"""How Harmony is pointed at a sandbox: the variables and the configuration to use with it."""

from typing import Any

from engine.sandbox.settings import (
    ACCOUNT_EMAIL,
    PAGE_ID,
    PEOPLE,
    SERVICE_ID,
    SPACE_KEY,
    Keys,
)


class Wiring:
    """For one running sandbox."""

    def __init__(self, url: str, keys: Keys) -> None:
        self._url = url
        self._keys = keys

    def variables(self) -> dict[str, str]:
        """The environment of worker and server, as the capabilities' contracts name it."""
        keys = self._keys
        return {
            "STATUSPAGE_API_KEY": keys.statuspage_api_key,
            "CONFLUENCE_API_TOKEN": keys.confluence_api_token,
            "PAGERDUTY_API_KEY": keys.pagerduty_api_key,
            "PAGERDUTY_ROUTING_KEY": keys.pagerduty_routing_key,
            "PAGERDUTY_WEBHOOK_SECRET": keys.pagerduty_webhook_secret,
            "SLACK_BOT_TOKEN": keys.slack_bot_token,
            "SLACK_APP_TOKEN": keys.slack_app_token,
            "SLACK_SIGNING_SECRET": keys.slack_signing_secret,
            "SLACK_API_URL": f"{self._url}/slack/api",
        }

    def config(self) -> dict[str, dict[str, Any]]:
        """What goes under `config:` in harmony.yaml."""
        return {
            "golden.connectors.statuspage": {
                "url": f"{self._url}/statuspage/v1",
                "pageId": PAGE_ID,
            },
            "golden.connectors.confluence": {
                "url": f"{self._url}/confluence",
                "spaceKey": SPACE_KEY,
                "email": ACCOUNT_EMAIL,
            },
            "golden.connectors.pagerduty": {
                "url": f"{self._url}/pagerduty",
                "eventsUrl": f"{self._url}/pagerduty-events",
                "serviceId": SERVICE_ID,
                "from": ACCOUNT_EMAIL,
            },
            "golden.integrations.slack-interactive": {"url": f"{self._url}/slack/api"},
        }

    def people(self) -> dict[str, str]:
        """Slack's ids by name, for `slack:` in policy.yaml."""
        return {person.name: person.slack for person in PEOPLE}

    def document(self) -> dict[str, Any]:
        """All of it, as `--json` prints it."""
        return {
            "url": self._url,
            "variables": self.variables(),
            "config": self.config(),
            "people": self.people(),
        }
