"""Undo: last first, one at a time; what could not be undone is listed with the reason."""

from collections.abc import Callable

from engine.run import keys
from engine.run.run_memory import LoopRecord, Memory


class Undo:
    """Walks back over what succeeded. `has_undo` says whether a step declares one."""

    def __init__(
        self,
        memory: Memory,
        has_undo: Callable[[str], bool],
        item_below: Callable[[str, int | None], int | None],
    ) -> None:
        self._record = memory.undo
        self._loops: dict[str, LoopRecord] = memory.loops
        self._has_undo = has_undo
        self._item_below = item_below

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return self._record.busy

    @property
    def under_way(self) -> str | None:
        """What is being undone: a step, or one item of a loop."""
        return self._name() if self._record.busy else None

    def next(self) -> str | None:
        """Key of the call to make now; None when everything was walked over."""
        key = self._next()
        self._record.busy = key is not None
        return key

    def _next(self) -> str | None:
        record = self._record
        while record.todo:
            key = record.todo[-1]
            if not self._has_undo(key):
                self.left(key, "it has no undo")
            elif key not in self._loops:
                return keys.of_undo(key, None)
            else:
                record.item = self._item_below(key, record.item)
                if record.item is not None:
                    return keys.of_undo(key, record.item)
            record.todo.pop()
            record.item = None
        return None

    def ended(self, problem: str | None) -> None:
        """The call that `next` gave has ended, well or with a problem."""
        record = self._record
        record.busy = False
        name = self._name()
        if problem is None:
            record.undone.append(name)
        else:
            self.left(name, problem)
        if record.item is None:
            record.todo.pop()

    def _name(self) -> str:
        """Of the last one in `todo`, or of the item of it that is next."""
        key, item = self._record.todo[-1], self._record.item
        return key if item is None else keys.of_item(key, item)

    def left(self, name: str, reason: str) -> None:
        """Something stays as it is."""
        self._record.not_undone.append({"step": name, "reason": reason})

    def leave_all(self, reason: str) -> None:
        """Nothing is undone; say so of each step."""
        for key in reversed(self._record.todo):
            self.left(key, reason)
        self._record.todo = []
