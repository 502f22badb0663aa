"""Every operation of every connector, when the vendor refuses, is slow, broken, or not there.

`samples.yaml` has an input for each operation; a test says that none is left out.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.vendors.conftest import Vendors
from tests.vendors.front import Front
from tests.vendors.program import Program, kept, program

SAMPLES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "samples.yaml").read_text())


@pytest.fixture(scope="module", params=SAMPLES)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def warm(name: str) -> Iterator[Program]:
    sample = SAMPLES[name]
    with kept(program(f"connectors/{name}", sample["config"], sample["secrets"])) as found:
        yield found


@pytest.fixture
def front(vendors: Vendors, name: str) -> Front:
    return vendors(name)


def at(name: str, url: str) -> dict[str, Any]:
    """Configuration that leads every request there."""
    return dict.fromkeys(SAMPLES[name]["urls"], url)


def usual(name: str, front: Front) -> None:
    """What the vendor answers where the test wants nothing else."""
    for method, path, body in SAMPLES[name].get("usual", ()):
        front.answer(200, body, method, path)


def errors(warm: Program, front: Front, name: str, **more: Any) -> Iterator[dict[str, Any]]:
    """The error of each operation, and that its request was as described."""
    for given in SAMPLES[name]["inputs"]:
        front.requests.clear()
        answer = warm.call(given, config=at(name, front.url) | more)
        assert "error" in answer, given
        if given["operation"] not in SAMPLES[name].get("notDescribed", ()):
            assert front.violations == [], given
        yield answer["error"]


def test_every_operation_has_a_sample(name: str, warm: Program) -> None:
    known = warm.contract["schemas"]["input"]["properties"]["operation"]["enum"]
    assert {given["operation"] for given in SAMPLES[name]["inputs"]} == set(known)
    assert set(warm.contract["operations"]["effect"]) == set(known)
    assert set(warm.contract["security"]["requiredScopes"]) == set(known)


def test_every_operation_succeeds(name: str, warm: Program, front: Front) -> None:
    usual(name, front)
    for given in SAMPLES[name]["inputs"]:
        if given["operation"] in SAMPLES[name].get("notDescribed", ()):
            continue
        answer = warm.call(given, config=at(name, front.url))
        assert "error" not in answer, (given, answer, front.violations)
    assert front.violations == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "REFUSED"), (401, "KEY_REFUSED"), (403, "FORBIDDEN"), (404, "NOT_FOUND"),
        (408, "UNAVAILABLE"), (422, "REFUSED"), (500, "UNAVAILABLE"), (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"), (302, "CONFIGURATION"),
    ],
)  # fmt: skip
def test_a_refusal_has_its_code(
    name: str, warm: Program, front: Front, status: int, code: str
) -> None:
    front.answer(status, SAMPLES[name]["refusal"])
    for error in errors(warm, front, name):
        assert error["code"] == code
        if code == "KEY_REFUSED":
            assert SAMPLES[name]["variable"] in error["message"]
        if code == "REFUSED":
            assert "some reason" in error["message"]


@pytest.mark.parametrize("status", [401, 404, 429])
def test_a_refusal_as_described_has_its_code(
    name: str, warm: Program, front: Front, status: int
) -> None:
    code = {401: "KEY_REFUSED", 404: "NOT_FOUND", 429: "RATE_LIMITED"}[status]
    front.prefer(f"code={status}")
    refused = 0
    for given in SAMPLES[name]["inputs"]:
        front.requests.clear()
        answer = warm.call(given, config=at(name, front.url))
        if given["operation"] in SAMPLES[name].get("notDescribed", ()) or front.violations:
            continue  # the description has no such answer to this request
        assert answer["error"]["code"] == code
        refused += 1
    assert refused >= 2


def test_who_must_wait_is_told_how_long(name: str, warm: Program, front: Front) -> None:
    status = SAMPLES[name].get("limited", 429)
    for header, seconds in (("7", 7), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", None)):
        front.reset()
        front.answer(status, "", headers={"Retry-After": header})
        for error in errors(warm, front, name):
            assert error["code"] == "RATE_LIMITED"
            assert error.get("retryAfterSeconds") == seconds


DEEP = "[" * 200_000
"""JSON that no program reads to its end."""


@pytest.mark.parametrize(
    "body", ["<html>Log in</html>", [], "[3]", {"unexpected": True}, "", DEEP, '{"a":' * 100_000]
)
def test_an_answer_that_cannot_be_read(name: str, warm: Program, front: Front, body: Any) -> None:
    front.answer(200, body, headers={"Content-Type": "text/html"})
    for given in SAMPLES[name]["inputs"]:
        answer = warm.call(given, config=at(name, front.url))
        if "error" in answer:
            assert answer["error"]["code"] in ("BAD_ANSWER", "NOT_FOUND")


def test_an_answer_that_cannot_be_unpacked(name: str, warm: Program, front: Front) -> None:
    front.answer(200, "no gzip", headers={"Content-Encoding": "gzip"})
    codes = {error["code"] for error in errors(warm, front, name)}
    assert codes <= {"BAD_ANSWER", "UNREACHABLE"}


@pytest.mark.parametrize(("status", "code"), [(400, "REFUSED"), (401, "KEY_REFUSED")])
def test_a_refusal_without_a_readable_reason(
    name: str, warm: Program, front: Front, status: int, code: str
) -> None:
    front.answer(status, DEEP)
    for error in errors(warm, front, name):
        assert error["code"] == code
        assert len(error["message"]) < 1_000


def test_a_connection_that_breaks(name: str, warm: Program, front: Front) -> None:
    front.drop()
    assert {error["code"] for error in errors(warm, front, name)} == {"UNREACHABLE"}


def test_a_vendor_that_does_not_answer(name: str, warm: Program, front: Front) -> None:
    front.hang()
    for error in errors(warm, front, name, timeoutSeconds=0.2):
        assert error["code"] == "TIMED_OUT"
        assert "0.2 s" in error["message"]
        assert error["retryAfterSeconds"] == 0.2


def test_a_vendor_that_is_not_there(name: str, warm: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for given in SAMPLES[name]["inputs"]:
        answer = warm.call(given, config=at(name, f"http://127.0.0.1:{port}"))
        assert answer["error"]["code"] == "UNREACHABLE"


def test_a_program_alone_does_the_same(name: str, front: Front) -> None:
    sample = SAMPLES[name]
    cold = program(f"connectors/{name}", sample["config"], sample["secrets"])
    usual(name, front)
    assert "error" not in cold.call(sample["inputs"][0], config=at(name, front.url))
    front.reset()
    front.answer(401, "")
    answer = cold.call(sample["inputs"][0], config=at(name, front.url))
    assert answer["error"]["code"] == "KEY_REFUSED"
