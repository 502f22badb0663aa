"""How much a run may keep: 1 MiB for one step's output, 3 MiB for all of a run's.

The whole run travels to a new history as one payload, so what it keeps is limited too.
"""

import msgspec

from engine.messages import StepFailure
from engine.plan import MAX_OUTPUT_BYTES, Json
from engine.run.run_memory import Memory

MAX_KEPT_BYTES = 3 * MAX_OUTPUT_BYTES


def size_of(value: Json) -> int:
    """Bytes of JSON."""
    return len(msgspec.json.encode(value))


def too_large(size: int, what: str = "its output") -> StepFailure | None:
    """A failure where one step's output is over the limit."""
    if size <= MAX_OUTPUT_BYTES:
        return None
    return _failure(
        f"{what} is {size:,} bytes of JSON, and a step may give {MAX_OUTPUT_BYTES:,}; "
        "write it somewhere and give back where"
    )


def keep(memory: Memory, size: int) -> StepFailure | None:
    """Count an output among those kept; a failure where the run would keep too much."""
    if memory.kept + size > MAX_KEPT_BYTES:
        return _failure(
            f"its output of {size:,} bytes would be more than the {MAX_KEPT_BYTES:,} bytes that "
            f"all outputs of a run may have together ({memory.kept:,} are kept already); "
            "give back less in the steps before it, or put them into a child blueprint"
        )
    memory.kept += size
    return None


def _failure(message: str) -> StepFailure:
    return StepFailure(code="OUTPUT_TOO_LARGE", message=message, category="FATAL")
