"""Runs one call of a capability: the checks before it, its program, the checks after it.

The order is that of docs/reference: contents, flag, scopes, input, configuration, secrets, then the
program, then its output. Knows nothing of Temporal; `harmony capability run` goes the same way.
"""

import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec

from engine.errors import (
    CapabilityDisabled,
    CapabilityFailed,
    ContractViolation,
    NotAllowed,
    PlanMismatch,
    RunnerUnavailable,
    StepError,
)
from engine.language import json_schema
from engine.language.capability import Capability
from engine.messages import StepAnswer, StepCall
from engine.plan import Json
from engine.project.folder import Project
from engine.runners.base import Executed, Execution, Runner
from engine.steps.flags import Flags
from engine.steps.secrets import bind_secrets
from engine.steps.service_binding import ServiceOf, incident_service
from engine.steps.step_ending import broken, note_of, output_of, stderr_of
from engine.steps.striking import SHORT, Striker

Listener = Callable[[str], None]
"""Is given what the program wrote to stderr, without secrets."""


class StepExecutor:
    """Serves any number of calls at once. Every refusal and failure is a StepError without secrets,
    or RunnerUnavailable."""

    def __init__(
        self,
        project: Project,
        runner: Runner,
        flags: Flags,
        environment: Mapping[str, str] = os.environ,
        service: ServiceOf | None = None,
    ) -> None:
        """`service` is asked for when a step needs the incident service."""
        self._service = service
        self._project = project
        self._runner = runner
        self._flags = flags
        self._environment = environment

    async def run(self, call: StepCall, listen: Listener) -> StepAnswer:
        """One attempt. Cancelling it ends the program and all it started."""
        capability = self._pinned(call)
        await self._check_flag(capability)
        self._check_scopes(call, capability)
        given = self._input(call, capability)
        bound = {**self._project.settings.config.get(capability.id, {}), **call.config}
        service = await incident_service(capability, bound, self._service)
        config = self._config(capability, {**bound, **service.config})
        secrets = bind_secrets(
            capability,
            call.secrets,
            self._project.settings.secrets,
            self._environment,
            self._project.env_file.parent,
            service.secrets,
        )
        striker = Striker(secrets.values())
        execution = self._execution(call, capability, given, config, secrets)
        try:
            executed = await self._execute(execution, capability)
            listen(stderr_of(executed, striker))
            output = output_of(executed, capability, call.timeout_ms, striker)
        except StepError as error:
            raise struck(error, striker) from None
        note = note_of(executed, striker)
        warnings = (*_short_secrets(secrets), *([note] if note else ()))
        return StepAnswer(output=output, runner=self._runner.name, warnings=warnings)

    def _pinned(self, call: StepCall) -> Capability:
        """This worker's copy, where it is the one that was approved."""
        self._project.refresh()
        capability = self._project.catalog.capability(call.capability)
        if capability is None:
            raise PlanMismatch(f"this worker has no capability {call.capability}")
        if (capability.version, capability.digest) != (call.version, call.digest):
            raise PlanMismatch(
                f"this worker has other contents of {call.capability} ({capability.key}) than the "
                f"plan was made with ({call.version}); start the run again, or give the worker "
                f"the contents of the plan"
            )
        return capability

    async def _check_flag(self, capability: Capability) -> None:
        flag = f"cap-{capability.id}-enabled"
        if not await self._flags.is_on(flag):
            raise CapabilityDisabled(f"{capability.id} is switched off by the flag {flag}")

    def _check_scopes(self, call: StepCall, capability: Capability) -> None:
        held = self._project.policy.scopes(call.initiator)
        needed = _scopes(capability, call.input)
        lacking = () if held is None else sorted(needed - held)
        if lacking:
            operation = capability.operation(call.input)
            what = capability.id + (f" ({operation})" if operation else "")
            raise NotAllowed(
                f"{what} needs the scope {', '.join(lacking)}, and {call.initiator or 'nobody'}, "
                f"who started the run, does not have it; policy.yaml says who has"
            )

    def _input(self, call: StepCall, capability: Capability) -> Json:
        given = json_schema.with_defaults(capability.input, _with_runbook(call, capability))
        wrong = json_schema.violations(capability.input, given)
        if wrong:
            raise ContractViolation(
                f"the input is not as {broken(capability, wrong)}", side="INPUT"
            )
        return given

    def _config(self, capability: Capability, bound: dict[str, Json]) -> dict[str, Json]:
        config: dict[str, Json] = json_schema.with_defaults(capability.config, bound)
        wrong = json_schema.violations(capability.config, config)
        if wrong:
            raise ContractViolation(
                f"the configuration is not as {broken(capability, wrong)}", side="CONFIG"
            )
        return config

    def _execution(
        self,
        call: StepCall,
        capability: Capability,
        given: Json,
        config: dict[str, Json],
        secrets: dict[str, str],
    ) -> Execution:
        runbook = call.runbook
        repeatable = capability.idempotent and capability.effect_of(given) == "read"
        return Execution(
            command=capability.command,
            folder=capability.folder,
            stdin=_stdin(call, given, config),
            timeout_seconds=call.timeout_ms / 1000,
            secrets=secrets,
            image=(runbook.image if runbook else None) or capability.image,
            allow_outbound=hosts(
                (*capability.allow_outbound, *(runbook.allow_outbound if runbook else ())), config
            ),
            cache_key=None if repeatable else f"{call.run_id}/{call.step}/{call.attempt}",
        )

    async def _execute(self, execution: Execution, capability: Capability) -> Executed:
        try:
            return await self._runner.run(execution)
        except RunnerUnavailable as error:
            if not error.started or capability.idempotent:
                raise
            raise CapabilityFailed(
                "RUNNER_LOST",
                f"{error}, and what the step did is unknown; it is not run again, because it is "
                f"not idempotent",
                "FATAL",
            ) from None


def struck(error: StepError, striker: Striker) -> StepError:
    """The same error without secrets in what it says."""
    error.message = striker.text(error.message)
    error.args = (error.message,)
    return error


def hosts(entries: tuple[str, ...], config: Mapping[str, Json]) -> tuple[str, ...]:
    """`host:port` entries, with `config:<key>` replaced by the host of the URL that is there."""
    found = []
    for entry in entries:
        kind, _, key = entry.partition(":")
        resolved = _host(config.get(key)) if kind == "config" else entry
        if resolved is not None and resolved not in found:
            found.append(resolved)
    return tuple(found)


def _host(url: Json) -> str | None:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        port = parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError:
        return None
    return f"{parts.hostname}:{port}" if parts.hostname else None


def _scopes(capability: Capability, given: Json) -> frozenset[str]:
    """The scopes of the operation; of all together where it is not known which one it is."""
    if isinstance(capability.scopes, tuple):
        return frozenset(capability.scopes)
    operation = capability.operation(given) or ""
    if operation in capability.scopes:
        return frozenset(capability.scopes[operation])
    return frozenset(scope for scopes in capability.scopes.values() for scope in scopes)


def _with_runbook(call: StepCall, capability: Capability) -> Json:
    """The input with the runbook's text from the plan, whatever was written there."""
    reads = capability.runbook
    if reads is None or not isinstance(call.input, dict) or reads.name not in call.input:
        return call.input
    if call.runbook is None:
        raise ContractViolation(
            f"the runbook '{str(call.input[reads.name])[:100]}' is not in the plan of this run",
            side="INPUT",
        )
    return {**call.input, reads.text: call.runbook.text}


def _stdin(call: StepCall, given: Json, config: dict[str, Json]) -> bytes:
    return msgspec.json.encode(
        {
            "input": given,
            "config": config,
            "context": call.context,
            "step": {
                "runId": call.run_id,
                "stepId": call.step,
                "attempt": call.attempt,
                "idempotencyKey": call.idempotency_key,
                "deadline": call.deadline,
            },
        }
    )


def _short_secrets(secrets: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"the secret '{key}' is shorter than {SHORT} characters: it is struck from what is kept "
        f"only where it stands alone"
        for key, value in secrets.items()
        if len(value.strip()) < SHORT
    )
