"""What was delivered before: the latest keys, so many and no more."""

from collections import OrderedDict


class Seen:
    """Remembers the latest `limit` keys of this process."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._keys: OrderedDict[str, None] = OrderedDict()

    def first(self, key: str) -> bool:
        """Whether this key is new; from now on it is not."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return True


class Pace:
    """At most `limit` in any `seconds`; times are seconds of a clock that only goes forward."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: list[float] = []

    def wait(self, now: float) -> float:
        """Seconds until the next one is allowed; 0 where it is allowed now, and is counted."""
        self._times = [time for time in self._times if now - time < self._seconds]
        if len(self._times) < self._limit:
            self._times.append(now)
            return 0.0
        return self._seconds - (now - self._times[0])
