"""Every error Harmony raises on purpose, as one tree.

HarmonyError
├─ DefinitionError      all faults of a definition, together
├─ StepError            one step failed: ContractViolation · CapabilityFailed · OutputTooLarge ·
│                       CapabilityDisabled · NotAllowed · SecretMissing · ServiceMissing ·
│                       PlanMismatch · ExpressionFailed · StepTimedOut
├─ RunnerUnavailable    the backend is away; trying again helps
├─ ServiceUnavailable   something outside (Temporal) cannot be reached
│                       ServiceUnusable: nor will it be by waiting
├─ RunRefused           a run may not be started, or its start arguments are wrong
├─ IncidentError        the store has no such incident, or refuses what is asked of it
├─ StoreUnavailable     the incident store cannot be reached; trying again helps
└─ GateError            an answer to a gate was refused, late or unknown

An error holds facts and writes its own sentence, which says what to do. Only the error knows
whether trying again helps.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from engine.faults import Fault

Category = Literal["RETRYABLE", "RATE_LIMIT", "AUTH_FAILURE", "FATAL"]


class HarmonyError(Exception):
    """The root: anything a user may see as one clear sentence."""

    exit_status: ClassVar[int] = 1


class DefinitionError(HarmonyError):
    """A definition has faults; `faults` holds every one of them, sorted."""

    exit_status = 2

    def __init__(self, faults: Sequence["Fault"]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"{len(self.faults)} fault(s) in the definition; run `harmony validate`")


class StepError(HarmonyError):
    """One attempt of a step failed. `started` tells whether its program was ever started."""

    code: str = "STEP"
    category: Category = "FATAL"
    started: bool = False

    def __init__(self, message: str, *, retry_after_ms: int | None = None) -> None:
        self.message = message
        self.retry_after_ms = retry_after_ms
        self.details: object = None
        """JSON, where the program gave some with its error."""
        super().__init__(message)


class ContractViolation(StepError):
    """Input, configuration or output does not match the contract; never retried."""

    def __init__(self, message: str, *, side: Literal["INPUT", "CONFIG", "OUTPUT"]) -> None:
        super().__init__(message)
        self.code = f"CONTRACT_{side}"
        self.started = side == "OUTPUT"


class CapabilityFailed(StepError):
    """The program reported an error, or ended with a status other than 0."""

    started = True

    def __init__(
        self,
        code: str,
        message: str,
        category: Category,
        *,
        retry_after_ms: int | None = None,
        details: object = None,
    ) -> None:
        super().__init__(message, retry_after_ms=retry_after_ms)
        self.code = code
        self.category = category
        self.details = details


class StepTimedOut(StepError):
    """The program ran longer than its attempt may; it and all it started were ended."""

    code = "TIMEOUT"
    started = True

    def __init__(self, message: str, *, idempotent: bool) -> None:
        super().__init__(message)
        self.category = "RETRYABLE" if idempotent else "FATAL"


class OutputTooLarge(StepError):
    """The output is larger than one step may give (1 MiB of JSON)."""

    code = "OUTPUT_TOO_LARGE"
    started = True


class CapabilityDisabled(StepError):
    """The feature flag of the capability is off."""

    code = "CAPABILITY_DISABLED"


class NotAllowed(StepError):
    """The run's initiator does not have the scopes of the capability's operation."""

    code = "NOT_ALLOWED"


class SecretMissing(StepError):
    """A secret that the contract requires is not bound, or its source has no value."""

    code = "SECRET_MISSING"


class ServiceMissing(StepError):
    """The capability uses the worker's incident service, and there is none here."""

    code = "SERVICE_MISSING"


class PlanMismatch(StepError):
    """This worker holds other contents of the capability than the plan was made with."""

    code = "PLAN_MISMATCH"


class ExpressionFailed(StepError):
    """An expression could not be evaluated with the values at hand."""

    code = "EXPRESSION"


class ExpressionSyntaxError(ExpressionFailed):
    """A text is not an expression or template of the language, or is too large to be one."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.offset = offset
        """Characters from the start of the text."""
        super().__init__(message)


class RunnerUnavailable(HarmonyError):
    """The runner's backend is away; the step is tried again where its program had not `started`,
    or may run twice."""

    exit_status = 4

    def __init__(self, message: str, *, started: bool = False) -> None:
        self.started = started
        super().__init__(message)


class ServiceUnavailable(HarmonyError):
    """Something Harmony needs from outside cannot be reached."""

    exit_status = 4


class ServiceUnusable(ServiceUnavailable):
    """It will not be there later either: waiting for it is of no use."""


class RunRefused(HarmonyError):
    """A run may not be started: not allowed, an id taken, wrong inputs, an unknown blueprint."""

    exit_status = 2

    def __init__(self, message: str, *, code: str = "REFUSED") -> None:
        self.code = code
        """What the run fails with where it was started all the same."""
        super().__init__(message)


class GateError(HarmonyError):
    """An answer to a gate was refused, late, or for a gate that is not there."""


class IncidentError(HarmonyError):
    """The incident store refuses: no such incident, a wrong transition, wrong input."""

    exit_status = 2

    def __init__(self, message: str, *, code: str) -> None:
        self.code = code
        """INPUTS, INCIDENT_UNKNOWN, WRONG_TRANSITION, TOO_LARGE or UNREADABLE."""
        super().__init__(message)


class StoreUnavailable(ServiceUnavailable):
    """The incident store cannot be reached, or is of a version that this program cannot use."""
