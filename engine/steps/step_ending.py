"""What a program's end means: its output, or why the step failed. Data in, data out."""

from collections.abc import Sequence

import msgspec

from engine import durations
from engine.errors import (
    CapabilityFailed,
    ContractViolation,
    OutputTooLarge,
    StepError,
    StepTimedOut,
)
from engine.language import json_schema
from engine.language.capability import Capability
from engine.plan import MAX_OUTPUT_BYTES, Json
from engine.runners.base import MAX_STDOUT, Executed
from engine.steps.striking import Striker

MAX_MESSAGE = 2_000
"""Characters of a message that are kept."""
MAX_DETAILS_BYTES = 64 * 1024
_LAST_WORDS = 500
"""Characters of stderr in a message, from the beginning of a word."""
LONGEST_WAIT_MS = 86_400_000
"""What `retryAfterSeconds` may ask for at most."""


def output_of(
    executed: Executed, capability: Capability, timeout_ms: int, striker: Striker
) -> Json:
    """The output, struck and held against the contract; a StepError where there is none."""
    said = stderr_of(executed, striker)
    if executed.timed_out:
        raise StepTimedOut(
            f"it ran longer than {durations.render(timeout_ms)}; it and all it started were ended"
            f"{_after(said)}{_besides(executed, striker)}",
            idempotent=capability.idempotent,
        )
    if executed.exit_code != 0:
        raise _failure(executed, capability, said, striker)
    if executed.stdout_truncated:
        raise OutputTooLarge(_too_large(f"more than {MAX_STDOUT:,}"))
    output = striker.json(_parsed(executed.stdout, said))
    size = len(msgspec.json.encode(output))
    if size > MAX_OUTPUT_BYTES:
        raise OutputTooLarge(_too_large(f"{size:,}"))
    wrong = json_schema.violations(capability.output, output)
    if wrong:
        raise ContractViolation(f"the output is not as {broken(capability, wrong)}", side="OUTPUT")
    return output


def stderr_of(executed: Executed, striker: Striker) -> str:
    """The program's words for people, without secrets."""
    text = executed.stderr.decode("utf-8", "replace")
    return striker.tail(text) if executed.stderr_truncated else striker.text(text)


def note_of(executed: Executed, striker: Striker) -> str:
    """What the runner has to say, without secrets: it may name what a program tried to reach."""
    return striker.text(executed.note)


def broken(capability: Capability, wrong: Sequence[json_schema.Violation]) -> str:
    """The end of a sentence: what of a contract is not met, and where."""
    places = "; ".join(f"{json_schema.text_of(path) or 'the whole'}: {why}" for path, why in wrong)
    return f"the contract of {capability.key} has it: {places}"[:MAX_MESSAGE]


def _failure(executed: Executed, capability: Capability, said: str, striker: Striker) -> StepError:
    """The error that the program tells of, else its exit status."""
    told = _error_document(executed)
    if told is None:
        note = note_of(executed, striker)
        words = note + (": " if note else "") + _ending(executed.exit_code)
        return CapabilityFailed(f"EXIT_{executed.exit_code}", words + _after(said), "FATAL")
    code = striker.text(str(told["code"]))[:100]
    message = striker.text(str(told.get("message") or "the program gives no reason"))
    return CapabilityFailed(
        code,
        message[:MAX_MESSAGE] + _besides(executed, striker),
        capability.error_map.get(code, "FATAL"),
        retry_after_ms=_wait(told.get("retryAfterSeconds")),
        details=_small(striker.json(told.get("details"))),
    )


def _error_document(executed: Executed) -> dict[str, Json] | None:
    """What stands under `error` on stdout, where it has a code."""
    try:
        document = msgspec.json.decode(executed.stdout)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    told = document.get("error") if isinstance(document, dict) else None
    if isinstance(told, dict) and isinstance(told.get("code"), str) and told["code"]:
        return told
    return None


def _parsed(stdout: bytes, said: str) -> Json:
    try:
        return msgspec.json.decode(stdout)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        what = f"is not one JSON document ({error})" if stdout.strip() else "is empty"
        raise ContractViolation(
            f"stdout {what}; the program writes its output there, and words for people to stderr"
            f"{_after(said)}",
            side="OUTPUT",
        ) from None


def _ending(code: int) -> str:
    return (
        f"the program was ended by signal {code - 128}"
        if code > 128
        else (f"the program ended with status {code}")
    )


def _after(said: str) -> str:
    """The last words, to follow a sentence."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = " / ".join(lines[-3:])
    if len(words) > _LAST_WORDS:
        words = "… " + words[-_LAST_WORDS:].split(maxsplit=1)[-1]
    return f"; its last words: {words}" if lines else ""


def _besides(executed: Executed, striker: Striker) -> str:
    """What the runner has to say, to follow the program's own sentence."""
    note = note_of(executed, striker)
    return f" ({note[:MAX_MESSAGE]})" if note else ""


def _wait(seconds: Json) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        return None
    return int(min(seconds * 1000, LONGEST_WAIT_MS))


def _small(details: Json) -> Json:
    size = len(msgspec.json.encode(details))
    return details if size <= MAX_DETAILS_BYTES else f"left out: {size:,} bytes"


def _too_large(size: str) -> str:
    return f"the output is {size} bytes of JSON, and a step may give {MAX_OUTPUT_BYTES:,}"
