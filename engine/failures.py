"""The only translation between Harmony's errors and Temporal's failures.

Every failure that Harmony makes is an ApplicationError that is never retried by Temporal: what is
tried again, and when, is decided in RunState alone.
"""

import asyncio
from typing import TypeVar

import msgspec
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    CancelledError,
    ChildWorkflowError,
    FailureError,
    TimeoutError,  # noqa: A004 - Temporal's own
    TimeoutType,
)

from engine.errors import HarmonyError, RunnerUnavailable, RunRefused, StepError
from engine.messages import RunView, StepFailure

T = TypeVar("T")

TEMPORAL = FailureError
"""What may leave a workflow: it ends the run. Any other exception would hang it."""


def to_failure(error: BaseException) -> ApplicationError:
    """What an activity raises for an error of a step."""
    failure = describe(error)
    return ApplicationError(
        failure.message,
        failure,
        type=failure.code,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,  # else each one is logged with a traceback
    )


def to_try_again(error: OSError) -> ApplicationError:
    """What an activity raises that has no part in a run's outcome, and that Temporal may repeat."""
    return ApplicationError(str(error), category=ApplicationErrorCategory.BENIGN)


def describe(error: BaseException) -> StepFailure:
    """An error as the run's state and results hold it."""
    if isinstance(error, StepError):
        return StepFailure(
            code=error.code,
            message=error.message,
            category=error.category,
            started=error.started,
            retry_after_ms=error.retry_after_ms,
            details=error.details,
        )
    if isinstance(error, RunnerUnavailable):
        return StepFailure(
            code="RUNNER_UNAVAILABLE",
            message=str(error),
            category="RETRYABLE",
            started=error.started,
        )
    if isinstance(error, RunRefused):
        return StepFailure(code=error.code, message=str(error), category="FATAL", started=False)
    if isinstance(error, HarmonyError):
        return StepFailure(code="FAILED", message=str(error), category="FATAL")
    return internal(error)


def internal(error: BaseException) -> StepFailure:
    """A mistake in Harmony itself, told so that it can be found."""
    return StepFailure(
        code="INTERNAL",
        message=f"Harmony itself failed: {type(error).__name__}: {error}"[:2_000],
        category="FATAL",
    )


def of_activity(error: BaseException, *, idempotent: bool) -> StepFailure | None:
    """Why an activity did not succeed; None where it was cancelled."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, CancelledError | asyncio.CancelledError):
        return None
    if isinstance(cause, ApplicationError):
        return detail(cause, StepFailure) or _unknown(cause)
    if isinstance(cause, TimeoutError):
        return _timed_out(cause, idempotent=idempotent)
    return internal(cause or error)


def of_child(error: BaseException) -> tuple[StepFailure, RunView | None] | None:
    """Why a child run did not succeed, and its view where it left one; None if cancelled."""
    cause = error.cause if isinstance(error, ChildWorkflowError) else error
    if isinstance(cause, CancelledError | asyncio.CancelledError):
        return None
    if not isinstance(cause, ApplicationError):
        why = cause or error
        return StepFailure(code="CHILD_FAILED", message=str(why), category="FATAL"), None
    failure = StepFailure(
        code=cause.type or "CHILD_FAILED", message=cause.message, category="FATAL"
    )
    return failure, detail(cause, RunView)


def run_failed(view: RunView) -> ApplicationError:
    """What a run that failed ends with; its view is the failure's detail."""
    code, message = "FAILED", "the run failed"
    if view.error is not None:
        code, message = view.error.code, view.error.message
    return ApplicationError(message, view, type=code, non_retryable=True)


def unknown_update(name: str) -> ApplicationError:
    """What a client is told that sends an update there is not."""
    return ApplicationError(
        f"There is no update `{name}`; an answer to a gate is `decide`", non_retryable=True
    )


def detail(error: ApplicationError, kind: type[T]) -> T | None:
    """The first detail, where it is of this kind."""
    if not error.details:
        return None
    try:
        return msgspec.convert(error.details[0], kind)
    except msgspec.ValidationError:
        return None


def _unknown(error: ApplicationError) -> StepFailure:
    """A failure that was not made here, as of an activity that no worker has."""
    return StepFailure(code=error.type or "INTERNAL", message=error.message, category="FATAL")


def _timed_out(error: TimeoutError, *, idempotent: bool) -> StepFailure:
    started = error.type in (TimeoutType.HEARTBEAT, TimeoutType.START_TO_CLOSE)
    if not started:
        return StepFailure(
            code="NO_WORKER",
            message="No worker took the step in time; start one with `harmony worker`",
            category="FATAL",
            started=False,
        )
    if idempotent:
        return StepFailure(
            code="WORKER_LOST",
            message="The worker that ran the step was lost",
            category="RETRYABLE",
        )
    return StepFailure(
        code="WORKER_LOST",
        message="The worker that ran the step was lost, and its effect is unknown; "
        "it is not run again, because it is not idempotent",
        category="FATAL",
    )
