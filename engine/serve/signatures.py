"""Whether a request is from whom it says: HMAC-SHA256 of its raw bytes."""

import hashlib
import hmac

SLACK_WINDOW_SECONDS = 300


def slack_problem(
    secret: str, timestamp: str | None, signature: str | None, body: bytes, now: float
) -> str | None:
    """Why a request is not from Slack, or is too old; None where it is good.

    `now` is in seconds since the epoch. Source: Slack, "Verifying requests from Slack".
    """
    if timestamp is None or signature is None:
        return "it is not signed"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        return "its timestamp is not a number"
    if abs(now - int(timestamp)) > SLACK_WINDOW_SECONDS:
        return "it is older than five minutes, or the clocks differ"
    wanted = "v0=" + _hmac(secret, b"v0:" + timestamp.encode() + b":" + body)
    return None if _same(wanted, signature) else "its signature is wrong"


def pagerduty_problem(secret: str, signatures: str | None, body: bytes) -> str | None:
    """Why a webhook is not from PagerDuty; None where one of its signatures is good.

    There are several while a secret is being replaced. Source: PagerDuty, "Verifying signatures".
    """
    if not signatures:
        return "it is not signed"
    wanted = "v1=" + _hmac(secret, body)
    good = [_same(wanted, one.strip()) for one in signatures.split(",")[:16]]
    return None if any(good) else "its signature is wrong"


def bearer_problem(token: str, authorization: str | None) -> str | None:
    """Why a request does not have the token; None where it has."""
    if not authorization:
        return "it has no bearer token"
    return None if _same(f"Bearer {token}", authorization) else "its bearer token is wrong"


def _hmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode(errors="replace"))
