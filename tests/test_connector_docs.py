"""The page on connectors names what their contracts have."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "connectors.md").read_text()
CONTRACTS = ["connectors/statuspage", "connectors/confluence", "connectors/pagerduty"]
CONTRACTS += ["integrations/slack-interactive"]


@pytest.mark.parametrize("folder", CONTRACTS)
def test_everything_that_is_set_or_comes_back_is_named(folder: str) -> None:
    text = (ROOT / "capabilities" / folder / "capability.yaml").read_text()
    contract: dict[str, Any] = yaml.safe_load(text)
    schemas, operations = contract["schemas"], contract["operations"]
    secrets = schemas["secrets"]["properties"]
    named = [
        contract["metadata"]["id"],
        *schemas["input"]["properties"]["operation"]["enum"],
        *schemas["config"]["properties"],
        *secrets,
        *(about["x-env"] for about in secrets.values()),
        *operations["errorMap"],
        *(scope for scopes in contract["security"]["requiredScopes"].values() for scope in scopes),
    ]
    assert [word for word in named if word not in PAGE] == []
