"""The roles that a blueprint names, against policy.yaml."""

from collections.abc import Iterator

from engine.faults import Fault
from engine.language.blueprint import Blueprint
from engine.language.document import Path
from engine.language.reading import meant
from engine.project.folder import Project


def check_roles(blueprint: Blueprint, project: Project) -> Iterator[Fault]:
    """A warning for each role that the policy does not know; none where there is no policy."""
    policy = project.written_policy
    if policy.is_open:
        return
    for role, path in _named(blueprint):
        if role and role not in policy.roles:
            hint = meant(role, policy.roles)
            message = f"there is no role '{role[:60]}' in policy.yaml"
            yield blueprint.document.fault("ROLE_UNKNOWN", message, path, hint=hint)


def _named(blueprint: Blueprint) -> Iterator[tuple[str, Path]]:
    """Each role that is named, and where."""
    for index, role in enumerate(blueprint.roles):
        yield role, ("roles", index)
    for step in (*blueprint.steps, *blueprint.finally_):
        if step.gate is None:
            continue
        path: Path = (*step.path, "gate")
        for index, role in enumerate(step.gate.approvers):
            yield role, (*path, "approvers", index)
        for severity, rounds in step.gate.escalate.items():
            for number, roles in enumerate(rounds):
                for index, role in enumerate(roles):
                    place = (index,) if len(rounds) == 1 else (number, index)
                    yield role, (*path, "escalate", severity, *place)
