"""A mapping and a list that forget the oldest, so that a sandbox left running stays small."""

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Bounded(MutableMapping[_Key, _Value]):
    """At most `limit` entries, in the order they came; the oldest goes when a new one comes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[_Key, _Value] = OrderedDict()

    def __getitem__(self, key: _Key) -> _Value:
        return self._entries[key]

    def __setitem__(self, key: _Key, value: _Value) -> None:
        self._entries[key] = value
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def __delitem__(self, key: _Key) -> None:
        del self._entries[key]

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._entries)

    def newest_first(self) -> list[_Value]:
        """The values, the one that came last before the others."""
        return list(reversed(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)
