"""`--fail`: how each vendor fails, and what its connector makes of it."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from engine.sandbox.failures import FailureUnknown, parsed
from tests.sandbox.conftest import Call

READS: dict[str, dict[str, Any]] = {
    "statuspage": {"operation": "list-components"},
    "pagerduty": {"operation": "list-incidents"},
    "confluence": {"operation": "search", "title": "Operations"},
    "slack": {"operation": "create-channel", "name": "inc-2026-0001"},
}
CODES = {
    "slow": ("TIMED_OUT", "RETRYABLE"),
    "limited": ("RATE_LIMITED", "RATE_LIMIT"),
    "broken": ("UNAVAILABLE", "RETRYABLE"),
    "down": ("UNREACHABLE", "RETRYABLE"),
    "lost": ("UNREACHABLE", "RETRYABLE"),
}


@pytest.fixture
def recorder(sandbox: Any) -> Any:
    """Nothing lies between: how connections end is what is tried."""
    return sandbox


@pytest.mark.parametrize("vendor", READS)
def test_each_failure_has_its_category(
    calls: Callable[..., Call], http: httpx.Client, vendor: str
) -> None:
    call = calls(vendor, timeoutSeconds=1)
    for mode, (code, _) in CODES.items():
        given = {"vendor": vendor, "mode": mode, "count": 1}
        assert http.post("/sandbox/failures", json=given).status_code == 200
        error = call(READS[vendor])["error"]
        assert error["code"] == code, (mode, error)
        if mode == "limited":
            assert error["retryAfterSeconds"] == 1
    http.post("/sandbox/failures", json={"vendor": vendor, "mode": "well"})
    patient = calls(vendor, timeoutSeconds=30)
    assert "error" not in patient(READS[vendor])


@pytest.mark.parametrize("vendor", READS)
def test_the_categories_are_those_of_the_contract(vendor: str) -> None:
    from tests.sandbox.conftest import FOLDERS
    from tests.vendors.program import program

    errors = program(FOLDERS[vendor], {}, {}).contract["operations"]["errorMap"]
    for code, category in CODES.values():
        assert errors[code] == category


def test_what_was_done_before_the_answer_was_lost_is_found(
    calls: Callable[..., Call], http: httpx.Client
) -> None:
    creates = {
        "statuspage": {"operation": "create-incident", "incidentId": "INC-1", "name": "Slow"},
        "pagerduty": {"operation": "create-incident", "incidentId": "INC-1", "title": "Slow"},
        "confluence": {
            "operation": "create-page", "incidentId": "INC-1", "title": "Slow", "markdown": "a",
        },
    }  # fmt: skip
    for vendor, given in creates.items():
        call = calls(vendor)
        http.post("/sandbox/failures", json={"vendor": vendor, "mode": "lost"})
        for attempt in (1, 2, 3):
            call(given, attempt=attempt)
        http.post("/sandbox/failures", json={"vendor": vendor, "mode": "well"})
        call(given, attempt=4)
        assert call(given, attempt=5)["changed"] is False
    state = http.get("/sandbox/state").json()
    assert len(state["statuspage"]["incidents"]) == 1
    assert len(state["pagerduty"]["incidents"]) == 1
    assert [one["title"] for one in state["confluence"]["pages"]].count("Slow") == 1


def test_what_is_done_after_its_time_out_is_found(
    calls: Callable[..., Call], http: httpx.Client
) -> None:
    """The next attempt comes when its error says, and not while the first is still under way."""
    call = calls("slack", timeoutSeconds=2)
    channel = call({"operation": "create-channel", "name": "inc-1"})["channel"]
    http.post("/sandbox/failures", json={"vendor": "slack", "mode": "slow", "count": 1})
    given = {"operation": "post-message", "channel": channel, "text": "Once"}
    error = call(given, key="a")["error"]
    assert (error["code"], error["retryAfterSeconds"]) == ("TIMED_OUT", 2)

    def messages() -> list[str]:
        channels = http.get("/sandbox/state").json()["slack"]["channels"]
        (messages,) = [one["messages"] for one in channels if one["id"] == channel]
        return [message["text"] for message in messages]

    assert messages() == []
    end = time.monotonic() + 30
    while not messages():
        assert time.monotonic() < end
    assert call(given, key="a", attempt=2)["found"] is True
    assert messages() == ["Once"]


@pytest.mark.parametrize(
    "text", ["", "slack", "slack=", "slack=asleep", "fax=down", "slack=down:0", "slack=down:x"]
)
def test_a_failure_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FailureUnknown):
        parsed(text)
