"""Who a request is from. Slack's vector is the one of its own documentation."""

import hashlib
import hmac

import pytest

from engine.serve.signatures import bearer_problem, pagerduty_problem, slack_problem

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGl"
    b"gcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
TIME = "1531420618"
GOOD = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_slacks_own_example_is_good() -> None:
    assert slack_problem(SECRET, TIME, GOOD, BODY, int(TIME) + 299) is None


@pytest.mark.parametrize(
    ("secret", "timestamp", "signature", "body", "later", "why"),
    [
        ("other", TIME, GOOD, BODY, 0, "signature is wrong"),
        (SECRET, TIME, GOOD, BODY + b" ", 0, "signature is wrong"),
        (SECRET, TIME, GOOD[:-1] + "4", BODY, 0, "signature is wrong"),
        (SECRET, TIME, "v0=\u00e9", BODY, 0, "signature is wrong"),
        (SECRET, TIME, "", BODY, 0, "signature is wrong"),
        (SECRET, TIME, GOOD, BODY, 301, "older than five minutes"),
        (SECRET, TIME, GOOD, BODY, -301, "older than five minutes"),
        (SECRET, "1531420618.0", GOOD, BODY, 0, "not a number"),
        (SECRET, "nan", GOOD, BODY, 0, "not a number"),
        (SECRET, "", GOOD, BODY, 0, "not a number"),
        (SECRET, "\u0661" * 10, GOOD, BODY, 0, "not a number"),
        (SECRET, "9" * 400, GOOD, BODY, 0, "not a number"),
        (SECRET, None, GOOD, BODY, 0, "not signed"),
        (SECRET, TIME, None, BODY, 0, "not signed"),
    ],
)
def test_what_is_not_from_slack(
    secret: str, timestamp: str | None, signature: str | None, body: bytes, later: int, why: str
) -> None:
    assert why in str(slack_problem(secret, timestamp, signature, body, int(TIME) + later))


def test_pagerduty_may_sign_with_two_secrets_while_one_is_replaced() -> None:
    good = "v1=" + hmac.new(b"new", b"{}", hashlib.sha256).hexdigest()
    assert pagerduty_problem("new", f"v1=00, {good}", b"{}") is None
    assert "wrong" in str(pagerduty_problem("old", f"v1=00,{good}", b"{}"))
    assert "wrong" in str(pagerduty_problem("new", good, b"{ }"))
    assert "not signed" in str(pagerduty_problem("new", None, b"{}"))


def test_a_bearer_token() -> None:
    assert bearer_problem("t", "Bearer t") is None
    assert "wrong" in str(bearer_problem("t", "Bearer tt"))
    assert "no bearer" in str(bearer_problem("t", None))
