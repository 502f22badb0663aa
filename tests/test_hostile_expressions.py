"""Templates that mean harm: a clear failure each, soon and in little memory."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.expressions.attack import CASES, text_of


@pytest.fixture(scope="module")
def outcomes() -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.expressions.attack"],
        check=True, capture_output=True, timeout=100, text=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("place", "case"), list(enumerate(CASES["cases"])), ids=lambda part: str(part)[:80]
)
def test_it_fails_soon_and_says_why(
    outcomes: list[dict[str, Any]], place: int, case: dict[str, Any]
) -> None:
    outcome = outcomes[place]
    assert outcome["seconds"] < 2, text_of(case)[:80]
    if "gives" in case:
        assert outcome["gives"] == case["gives"]
    else:
        wanted = CASES["much"] if case["fails"] == "much" else case["fails"]
        assert wanted in outcome["fails"]
        assert len(outcome["fails"]) < 300


def test_all_of_them_take_little_memory(outcomes: list[dict[str, Any]]) -> None:
    assert outcomes[-1]["megabytes"] < 300
