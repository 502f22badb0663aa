"""policy.yaml → Policy, with its faults."""

from typing import Any

from engine.faults import Fault, in_order
from engine.language.contract_operations import SCOPE
from engine.language.document import Document, Path
from engine.language.reading import Reading, meant
from engine.plan import Json
from engine.project.policy import Person, Policy, Role

_KEYS = ("roles", "people", "agents", "anyone")


def read_policy(document: Document) -> tuple[Policy, tuple[Fault, ...]]:
    """The policy and its faults; with an error among them it must not be used."""
    reading = Reading(document)
    if not document.readable:
        if not document.faults:
            reading.fault(
                "WRONG_TYPE", "a policy is a mapping of roles, people, agents, anyone", ()
            )
        return Policy(), tuple(reading.faults)
    root: dict[str, Json] = document.value
    reading.keys(root, (), _KEYS, ())
    roles = {
        name: _role(reading, value, ("roles", name))
        for name, value in _entries(reading, root, "roles").items()
    }
    policy = Policy(
        roles=roles,
        people=_people(reading, root, "people"),
        agents=_people(reading, root, "agents"),
        anyone=reading.texts(root["anyone"], ("anyone",)) if "anyone" in root else (),
    )
    _known_roles(reading, policy)
    for name in policy.cycles():
        reading.fault(
            "POLICY_CYCLE", f"the role '{name}' includes itself", ("roles", name), key=True
        )
    _one_account_each(reading, policy)
    return policy, in_order(reading.faults)


def _entries(reading: Reading, root: dict[str, Json], key: str) -> dict[str, Json]:
    return (reading.mapping(root[key], (key,)) or {}) if key in root else {}


def _role(reading: Reading, value: Json, path: Path) -> Role:
    entry = reading.mapping(value, path)
    if entry is None:
        return Role()
    reading.keys(entry, path, ("scopes", "includes"), ())
    fields: dict[str, Any] = {
        key: reading.texts(entry[key], (*path, key))
        for key in ("scopes", "includes")
        if key in entry
    }
    for index, scope in enumerate(fields.get("scopes", ())):
        if scope and not SCOPE.fullmatch(scope):
            reading.fault(
                "ID",
                f"'{scope[:60]}' is not a scope",
                (*path, "scopes", index),
                hint="Write it like statuspage:write.",
            )
    return Role(**fields)


def _people(reading: Reading, root: dict[str, Json], key: str) -> dict[str, Person]:
    found = {}
    for name, value in _entries(reading, root, key).items():
        path: Path = (key, name)
        entry = reading.mapping(value, path)
        if entry is None:
            continue
        reading.keys(entry, path, ("roles", "slack"), ("roles",))
        roles = reading.texts(entry["roles"], (*path, "roles")) if "roles" in entry else ()
        found[name] = Person(
            roles=roles, slack=reading.text(entry, "slack", path, line=True) or None
        )
    return found


def _known_roles(reading: Reading, policy: Policy) -> None:
    def check(roles: tuple[str, ...], path: Path) -> None:
        for index, role in enumerate(roles):
            if role and role not in policy.roles:
                reading.fault(
                    "ROLE_UNKNOWN",
                    f"there is no role '{role[:60]}'",
                    (*path, index),
                    hint=meant(role, policy.roles),
                )

    for name, role in policy.roles.items():
        check(role.includes, ("roles", name, "includes"))
    for kind, people in (("people", policy.people), ("agents", policy.agents)):
        for name, person in people.items():
            check(person.roles, (kind, name, "roles"))
    check(policy.anyone, ("anyone",))


def _one_account_each(reading: Reading, policy: Policy) -> None:
    """Who clicks in Slack must be one person."""
    owners: dict[str, str] = {}
    for kind, people in (("people", policy.people), ("agents", policy.agents)):
        for name, person in people.items():
            if person.slack is None:
                continue
            if (owner := owners.setdefault(person.slack, name)) is not name:
                reading.fault(
                    "POLICY_SLACK_DOUBLED",
                    f"'{name[:60]}' has the Slack account of '{owner[:60]}'",
                    (kind, name, "slack"),
                )
