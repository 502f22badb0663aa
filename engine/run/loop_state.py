"""`foreach`: a window over the items, and what their ends make of the step."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from engine.errors import ExpressionFailed
from engine.messages import StepFailure
from engine.plan import MAX_ITEMS, ChildStep, Json, RunStep
from engine.run import keys, outputs
from engine.run.run_memory import LoopRecord, Memory

LoopStep = RunStep | ChildStep
TOLD = 10
"""Failures that a loop's error tells in full."""
MAX_MESSAGE = 1_000
"""Characters of each of them."""
MAX_RANGES = 200
"""Ranges of indexes that its sentence names; `items` of the error has every index."""


class Loops:
    """The loops of a run. `items_of` evaluates a step's `foreach`, the same each time."""

    def __init__(self, memory: Memory, items_of: Callable[[LoopStep], Json]) -> None:
        self._memory = memory
        self._records = memory.loops
        self._items_of = items_of
        self._items: dict[str, Sequence[Json]] = {}
        self._unwell_items: dict[str, frozenset[int]] = {}

    def begin(self, key: str, step: LoopStep) -> LoopRecord:
        """Open the loop; ExpressionFailed where there is no list, or a list too long."""
        items = self._items_of(step)
        if not isinstance(items, list):
            raise ExpressionFailed(f"`foreach` needs a list, and this is {_kind(items)}")
        if len(items) > MAX_ITEMS:
            raise ExpressionFailed(
                f"`foreach` has {len(items):,} items, and may have {MAX_ITEMS:,}; "
                "split the list over several runs"
            )
        self._items[key] = items
        self._records[key] = record = LoopRecord(count=len(items))
        return record

    def item(self, key: str, step: LoopStep, index: int) -> Json:
        """One item; worked out again where this state was restored."""
        items = self._items.get(key)
        if items is None:
            items = self._items[key] = self._items_of(step)
        return items[index]

    def next_items(self, key: str, concurrency: int) -> Iterator[str]:
        """Keys of the items that may start now."""
        record = self._records[key]
        while record.too_large is None and record.next < record.count:
            if record.next - record.ended >= concurrency:
                return
            record.outputs.append(None)
            record.next += 1
            yield keys.of_item(key, record.next - 1)

    def succeeded(self, key: str, index: int, output: Json) -> None:
        """Keep an item's output; where the list gets too large, no further item starts."""
        record = self._records[key]
        record.ended += 1
        if record.too_large is not None:
            return
        size = outputs.size_of(output) + 1
        record.too_large = outputs.too_large(
            record.size + size + 1, "the list of its outputs"
        ) or outputs.keep(self._memory, size)
        if record.too_large is None:
            record.size += size
            record.outputs[index] = output
        else:
            self.drop_outputs(key)

    def drop_outputs(self, key: str) -> None:
        """Let go of what the items gave."""
        record = self._records[key]
        self._memory.kept -= record.size
        record.size = 0
        record.outputs = []

    def failed(self, key: str, index: int, failure: StepFailure) -> None:
        """Remember which item failed, and of the first ones how."""
        record = self._records[key]
        record.ended += 1
        record.failed.append(index)
        if len(record.failures) < TOLD:
            record.failures.append((index, failure))

    def cancelled(self, key: str, index: int) -> None:
        """An item was stopped, or never got its turn."""
        record = self._records[key]
        record.ended += 1
        record.cancelled.append(index)

    def over(self, key: str) -> bool:
        """Nothing is under way, and nothing more will start."""
        record = self._records[key]
        return record.ended == record.next and (
            record.too_large is not None or record.next == record.count
        )

    def halted(self, key: str) -> bool:
        """Nothing is under way any more; whatever is left will not start."""
        record = self._records[key]
        return record.ended == record.next

    def failure(self, key: str) -> StepFailure | None:
        """What the ended loop's step fails with; None where every item succeeded."""
        record = self._records[key]
        if record.failed:
            return _items_failed(record)
        if record.too_large is not None and record.next < record.count:
            left = f"; {record.count - record.next:,} of {record.count:,} items were not started"
            return msgspec.structs.replace(
                record.too_large, message=record.too_large.message + left
            )
        return record.too_large

    def to_undo(self, key: str, below: int | None) -> int | None:
        """The last item below this one that succeeded."""
        record = self._records[key]
        unwell = self._unwell(key, record)
        index = (record.next if below is None else below) - 1
        while index >= 0 and index in unwell:
            index -= 1
        return index if index >= 0 else None

    def _unwell(self, key: str, record: LoopRecord) -> frozenset[int]:
        if key not in self._unwell_items:
            self._unwell_items[key] = frozenset((*record.failed, *record.cancelled))
        return self._unwell_items[key]


def _kind(value: Json) -> str:
    names = {dict: "an object", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _items_failed(record: LoopRecord) -> StepFailure:
    failed = sorted(record.failed)
    told = [f"item {i}: {f.code}: {f.message[:MAX_MESSAGE]}" for i, f in sorted(record.failures)]
    if len(failed) > len(told):
        told.append(f"and {len(failed) - len(told)} more")
    return StepFailure(
        code="ITEMS_FAILED",
        category="FATAL",
        items=tuple(failed),
        message=f"{len(failed)} of {record.count} items failed ({_ranges(failed)}): "
        + "; ".join(told),
    )


def _ranges(indexes: Sequence[int]) -> str:
    """`0-3, 7, 9-12`."""
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    told = [str(low) if low == high else f"{low}-{high}" for low, high in runs[:MAX_RANGES]]
    return ", ".join(told) + (", …" if len(runs) > MAX_RANGES else "")
