"""The bench itself: it sees what a vendor would refuse, and answers as it was asked to."""

import httpx
import pytest

from tests.vendors.conftest import Vendors

HEADERS = {"Authorization": "OAuth some-key"}


def post(url: str, body: object) -> httpx.Response:
    return httpx.post(f"{url}/pages/p1/incidents", headers=HEADERS, json=body, trust_env=False)


def test_a_request_as_described_is_answered_and_kept(vendors: Vendors) -> None:
    front = vendors("statuspage")
    assert post(front.url, {"incident": {"name": "a"}}).status_code == 201
    (request,) = front.calls("POST", "incidents$")
    assert (request.path, request.body) == ("/pages/p1/incidents", {"incident": {"name": "a"}})
    assert front.violations == []


@pytest.mark.parametrize(
    "body", [{"incident": {}}, {"incident": {"name": "a", "status": "burning"}}]
)
def test_a_request_that_is_not_as_described_is_seen(vendors: Vendors, body: object) -> None:
    front = vendors("statuspage")
    post(front.url, body)
    assert front.violations


def test_it_is_seen_too_where_the_answer_is_planned(vendors: Vendors) -> None:
    front = vendors("statuspage")
    front.answer(503, "<html>", times=1)
    assert post(front.url, {"incident": {}}).text == "<html>"
    assert front.violations


def test_a_path_that_is_not_described_is_seen(vendors: Vendors) -> None:
    front = vendors("statuspage")
    httpx.get(f"{front.url}/pagez", headers=HEADERS, trust_env=False)
    assert front.violations


def test_answers_come_as_they_were_planned(vendors: Vendors) -> None:
    front = vendors("statuspage")
    front.prefer("code=429", "POST", times=1)
    front.answer(500, {"error": "x"}, "POST", headers={"Retry-After": "3"}, times=1)
    front.drop("POST", times=1)
    body = {"incident": {"name": "a"}}
    assert post(front.url, body).status_code == 429
    answer = post(front.url, body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (500, "3")
    with pytest.raises(httpx.RemoteProtocolError):
        post(front.url, body)
    assert post(front.url, body).status_code == 201
    assert front.violations == []


@pytest.mark.parametrize("name", ["statuspage", "confluence", "pagerduty", "slack"])
def test_every_vendor_is_served(vendors: Vendors, name: str) -> None:
    front = vendors(name)
    assert httpx.get(f"{front.url}/no-such-path", trust_env=False).status_code == 404
