"""What a worker knows of capabilities, for the simulated runs of cases."""

from collections.abc import Mapping

from engine.errors import Category
from engine.language import json_schema
from engine.language.capability import Capability
from engine.language.catalog import Catalog
from engine.language.document import render_path
from engine.language.planner import bind
from engine.messages import StepFailure
from engine.plan import Json, Plan
from engine.run.commands import CallCapability
from engine.simulation.case import CannedAnswer
from engine.simulation.scenario import Answer

_OF_THE_ENGINE: Mapping[str, Category] = {
    "RUNNER_UNAVAILABLE": "RETRYABLE",
}
_NEVER_STARTED = frozenset(
    (
        "CAPABILITY_DISABLED", "NOT_ALLOWED", "SECRET_MISSING", "PLAN_MISMATCH", "CONTRACT_INPUT",
        "CONTRACT_CONFIG", "RUNNER_UNAVAILABLE",
    )
)  # fmt: skip
_AGAIN_WHERE_IDEMPOTENT = frozenset(("TIMEOUT", "WORKER_LOST"))


class CatalogContracts:
    """The contracts of a project's capabilities, as `run_step` would hold calls against them."""

    def __init__(self, catalog: Catalog, plan: Plan) -> None:
        self._catalog = catalog
        self._plan = plan

    def default(self, call: CallCapability) -> Answer:
        """The example of the contract."""
        capability = self.capability(call.call.capability)
        return Answer(output=capability.example_output if capability is not None else None)

    def refusal(self, call: CallCapability) -> StepFailure | None:
        """Why the input, with the schema's defaults, does not match the contract."""
        capability = self.capability(call.call.capability)
        if capability is None:
            return None
        given = json_schema.with_defaults(capability.input, self._with_runbook(capability, call))
        wrong = json_schema.violations(capability.input, given)
        if not wrong:
            return None
        return StepFailure(
            code="CONTRACT_INPUT",
            message=f"the input of {capability.id}: {said(wrong)}",
            category="FATAL",
            started=False,
        )

    def bind(
        self, plan: Plan, inputs: Mapping[str, Json], context: Mapping[str, Json]
    ) -> tuple[Plan, Mapping[str, Json]]:
        """A child's plan for its inputs; RunRefused where they are wrong."""
        bound = bind(plan, inputs, context, self._catalog)
        return bound.plan, bound.inputs

    def capability(self, key: str) -> Capability | None:
        """The capability of a plan's key."""
        return self._catalog.capability(self._plan.capabilities[key].id)

    def answer(self, canned: CannedAnswer, key: str | None) -> Answer:
        """What a case says of a call, with the error's category as the contract has it."""
        capability = self.capability(key) if key is not None else None
        if canned.error is not None:
            failure = self._failure(canned, capability)
            return Answer(failure=failure, takes_ms=canned.takes_ms)
        output = canned.output
        if canned.is_default and capability is not None:
            output = capability.example_output
        return Answer(output=output, takes_ms=canned.takes_ms)

    def _failure(self, canned: CannedAnswer, capability: Capability | None) -> StepFailure:
        code = str(canned.error)
        category: Category = _OF_THE_ENGINE.get(code, "FATAL")
        if capability is not None:
            category = capability.error_map.get(code, category)
            if code in _AGAIN_WHERE_IDEMPOTENT and capability.idempotent:
                category = "RETRYABLE"
        return StepFailure(
            code=code,
            message=canned.message,
            category=category,
            started=code not in _NEVER_STARTED,
            retry_after_ms=canned.retry_after_ms,
        )

    def _with_runbook(self, capability: Capability, call: CallCapability) -> Json:
        """The input with the text that the engine fills in."""
        given = call.input
        if capability.runbook is None or not isinstance(given, dict):
            return given
        runbook = self._plan.runbooks.get(str(given.get(capability.runbook.name)))
        return {**given, capability.runbook.text: runbook.text if runbook is not None else ""}


def said(wrong: list[json_schema.Violation]) -> str:
    """Violations in one sentence."""
    return "; ".join(f"{render_path(path)}: {text}" if path else text for path, text in wrong[:5])
