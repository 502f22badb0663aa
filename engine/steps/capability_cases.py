"""One capability alone: with an input of the user's, or with its cases. The checks are a run's."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from engine import instants
from engine.errors import DefinitionError, HarmonyError, RunRefused, StepError
from engine.faults import has_error
from engine.language.capability import Capability
from engine.messages import StepAnswer, StepCall
from engine.plan import Json, PinnedRunbook
from engine.project.folder import Project
from engine.project.policy import Policy
from engine.project.settings import SecretSource, Settings
from engine.runners.base import Runner
from engine.steps.capability_case import CapabilityCase, capability_cases, check_capability_cases
from engine.steps.flags import Flags
from engine.steps.step_execution import Listener, StepExecutor
from engine.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class CapabilityCaseResult:
    """How one case of a capability went."""

    capability: str
    name: str
    file: str
    line: int
    problems: tuple[str, ...]
    """What was not as expected, each a sentence."""

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.problems


async def execute_capability(
    project: Project,
    executor: StepExecutor,
    name: str,
    given: Json,
    *,
    config: Mapping[str, Json] | None = None,
    context: Mapping[str, Json] | None = None,
    secrets: Mapping[str, str] | None = None,
    initiator: str = "",
    listen: Listener = lambda _: None,
) -> StepAnswer:
    """Run a capability once, for `initiator`, as a step would; the same errors come out.

    RunRefused for an unknown capability or runbook, DefinitionError for one with faults.
    """
    capability = _sound(project, name)
    call = StepCall(
        run_id=f"capability-{uuid4().hex[:8]}",
        blueprint="",
        step="run",
        attempt=1,
        idempotency_key=uuid4().hex,
        deadline=instants.render(time.time_ns() // 1_000_000 + capability.timeout_ms),
        timeout_ms=capability.timeout_ms,
        capability=capability.id,
        version=capability.version,
        digest=capability.digest,
        idempotent=capability.idempotent,
        input=given,
        config=dict(config or {}),
        secrets=dict(secrets or {}),
        context=dict(context or {}),
        initiator=initiator,
        runbook=_runbook(project, capability, given),
    )
    return await executor.run(call, listen)


async def run_capability_cases(
    project: Project, name: str, runner: Runner
) -> list[CapabilityCaseResult]:
    """Run the cases of a capability, in their order. Secrets and configuration are those of the
    case, flags are on, and everyone has every scope. DefinitionError where something has faults."""
    capability = _sound(project, name)
    faults = check_capability_cases(project.catalog, capability)
    if has_error(faults):
        raise DefinitionError(faults)
    results = []
    for file in capability_cases(project.catalog, capability):
        for case in file.cases:
            problems = await _problems(project, capability, case, runner)
            line, _ = file.document.place(case.path)
            results.append(
                CapabilityCaseResult(
                    capability.id, case.name, file.document.file, line, tuple(problems)
                )
            )
    return results


class _CaseProject(Project):
    """The project as a case sees it: its own secrets and configuration, and no policy."""

    def __init__(self, project: Project, capability: Capability, case: CapabilityCase) -> None:
        super().__init__(project.folder)
        self.__dict__["catalog"] = project.catalog
        sources = {key: SecretSource("env", key) for key in case.secrets}
        self._own = Settings(secrets={capability.id: sources}, config={capability.id: case.config})

    @property
    def settings(self) -> Settings:
        """The case's."""
        return self._own

    @property
    def policy(self) -> Policy:
        """Everyone has every scope."""
        return Policy.open()


async def _problems(
    project: Project, capability: Capability, case: CapabilityCase, runner: Runner
) -> list[str]:
    own = _CaseProject(project, capability, case)
    executor = StepExecutor(own, runner, Flags(None, {}), case.secrets)
    try:
        answer = await execute_capability(
            own, executor, capability.id, case.input, context=case.context
        )
    except (StepError, RunRefused) as error:
        return _error_problems(case, error)
    if case.error_code is not None:
        return [f"expected the error {case.error_code}, and it succeeded"]
    return differences("output", case.output, answer.output)


def _error_problems(case: CapabilityCase, error: HarmonyError) -> list[str]:
    code = getattr(error, "code", "")
    if case.error_code is None:
        return [f"expected an output, failed with {code}: {error}"]
    if code != case.error_code:
        return [f"expected the error {case.error_code}, was {code}: {error}"]
    if case.error_message is not None and case.error_message not in str(error):
        return [f"expected '{case.error_message}' in the error's message, was: {error}"]
    return []


def differences(where: str, expected: Json, actual: Json) -> list[str]:
    """Where a value is not as expected; an object may have more fields than are named."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        found = [f"{where}.{key}: is missing" for key in expected if key not in actual]
        for key in expected.keys() & actual.keys():
            found += differences(f"{where}.{key}", expected[key], actual[key])
        return sorted(found)
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual, strict=True))
        return [text for at, (a, b) in pairs for text in differences(f"{where}[{at}]", a, b)]
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return [] if same else [f"{where}: expected {_shown(expected)}, was {_shown(actual)}"]


def _sound(project: Project, name: str) -> Capability:
    catalog = project.catalog
    capability = catalog.capability(name)
    if capability is None:
        near = did_you_mean(name, catalog.capabilities())
        raise RunRefused(f"there is no capability '{name[:100]}'{near}", code="CAPABILITY_UNKNOWN")
    if not capability.healthy:
        raise DefinitionError(capability.faults)
    return capability


def _runbook(project: Project, capability: Capability, given: Json) -> PinnedRunbook | None:
    reads = capability.runbook
    name = given.get(reads.name) if reads is not None and isinstance(given, dict) else None
    if not isinstance(name, str):
        return None
    runbook = project.catalog.runbook(name)
    if runbook is None:
        near = did_you_mean(name, project.catalog.runbooks())
        raise RunRefused(f"there is no runbook '{name[:100]}'{near}", code="RUNBOOK_UNKNOWN")
    if not runbook.healthy:
        raise DefinitionError(runbook.faults)
    return runbook.pinned()


def _shown(value: Json) -> str:
    text = str(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else text[:199] + "…"
