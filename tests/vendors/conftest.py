"""The vendors that the tests share: one Prism a description, for the whole session."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.vendors.front import Front, vendor
from tests.vendors.prism_server import CannotServe

Vendors = Callable[[str], Front]


@pytest.fixture(scope="session")
def vendors() -> Iterator[Vendors]:
    """Starts a vendor when it is first asked for; the test is skipped where that cannot be."""
    started: dict[str, Front | CannotServe] = {}
    with ExitStack() as stack:

        def start(name: str) -> Front:
            if name not in started:
                try:
                    started[name] = stack.enter_context(vendor(name))
                except CannotServe as reason:
                    started[name] = reason
            front = started[name]
            if isinstance(front, CannotServe):
                pytest.skip(str(front))
            front.reset()
            return front

        yield start
