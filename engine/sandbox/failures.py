"""How a vendor fails on demand: slow, limited, broken, down, or with its answer lost."""

from dataclasses import dataclass
from typing import Literal, get_args

from engine.sandbox.settings import VENDORS, Vendor

Mode = Literal["well", "slow", "limited", "broken", "down", "lost"]
MODES: tuple[Mode, ...] = get_args(Mode)
EXPLAINED: dict[Mode, str] = {
    "well": "answers as it should",
    "slow": "answers late",
    "limited": "says 429 and when to come again",
    "broken": "says 503 with a page of HTML",
    "down": "resets the connection",
    "lost": "does what was asked, then resets the connection",
}
_MOST = 1_000_000


class FailureUnknown(ValueError):
    """A failure that cannot be set; the message says what can."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How one vendor behaves, and for how many requests more (None: until it is changed)."""

    mode: Mode
    left: int | None = None


_WELL = Failure("well")


def parsed(text: str) -> tuple[Vendor, Failure]:
    """`VENDOR=MODE[:COUNT]`; FailureUnknown where it is not that."""
    vendor, equals, rest = text.partition("=")
    mode, colon, count = rest.partition(":")
    if not equals:
        raise FailureUnknown(f"'{text}' is not VENDOR=MODE or VENDOR=MODE:COUNT")
    return checked(vendor, mode, count if colon else None)


def checked(vendor: str, mode: str, count: str | int | None) -> tuple[Vendor, Failure]:
    """The same from its parts; an empty count is none."""
    if vendor not in VENDORS:
        raise FailureUnknown(f"there is no vendor '{vendor}': take one of {', '.join(VENDORS)}")
    if mode not in MODES:
        raise FailureUnknown(f"no vendor fails as '{mode}': take one of {', '.join(MODES)}")
    return vendor, Failure(mode, _count(count))


def _count(count: str | int | None) -> int | None:
    if count in (None, ""):
        return None
    text = str(count)
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and 0 < int(text) <= _MOST):
        raise FailureUnknown(f"'{text}' is not a number of requests from 1 to {_MOST}")
    return int(text)


class Failures:
    """How every vendor behaves at this moment."""

    def __init__(self, given: tuple[str, ...] = ()) -> None:
        self._now: dict[Vendor, Failure] = dict.fromkeys(VENDORS, _WELL)
        for text in given:
            self.set(*parsed(text))

    def set(self, vendor: Vendor, failure: Failure) -> None:
        """From now on the vendor behaves so."""
        self._now[vendor] = failure

    def of(self, vendor: Vendor) -> Failure:
        """How the vendor behaves, without counting a request."""
        return self._now[vendor]

    def take(self, vendor: Vendor) -> Mode:
        """How this one request is treated; it counts."""
        failure = self._now[vendor]
        if failure.left is not None:
            left = failure.left - 1
            self._now[vendor] = Failure(failure.mode, left) if left else _WELL
        return failure.mode

    def clear(self) -> None:
        """Every vendor is well again."""
        self._now = dict.fromkeys(VENDORS, _WELL)
