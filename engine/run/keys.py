"""Keys of what a run has in flight, taken apart: one place knows how they are written.

`remediate` · `each[3]` · `finally/tell` · `undo/each[3]` · `notify/finally/ask/opened`
"""

from typing import Literal, NamedTuple

Purpose = Literal["step", "undo", "notify"]


class Target(NamedTuple):
    """What a key is for."""

    purpose: Purpose
    step: str
    """Key of the step: `each`, `finally/tell`, `ask`."""
    item: int | None = None
    notice: str | None = None


def of_item(step: str, item: int) -> str:
    """The key of one item of a loop."""
    return f"{step}[{item}]"


def of_undo(step: str, item: int | None) -> str:
    """The key of the undo of a step, or of one item of a loop."""
    return f"undo/{step}" if item is None else f"undo/{step}[{item}]"


def of_notice(gate: str, notice: str) -> str:
    """The key of one notice of a gate."""
    return f"notify/{gate}/{notice}"


def target(key: str) -> Target:
    """What a key is for; the inverse of the functions above."""
    if key.startswith("notify/"):
        gate, _, notice = key.removeprefix("notify/").rpartition("/")
        return Target("notify", gate, None, notice)
    purpose: Purpose = "step"
    if key.startswith("undo/"):
        purpose, key = "undo", key.removeprefix("undo/")
    if key.endswith("]"):
        step, _, item = key[:-1].rpartition("[")
        return Target(purpose, step, int(item))
    return Target(purpose, key)
