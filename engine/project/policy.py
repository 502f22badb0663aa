"""Who may do what: the decisions that policy.yaml makes about a name.

Without a policy.yaml (`Policy.open()`) everyone has every role and every scope, and each run says
so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.messages import Standing, same_person

APPROVE = "workflow:approve"


@dataclass(frozen=True, slots=True)
class Role:
    """One entry of `roles`: what it allows, and the roles whose scopes it takes over."""

    scopes: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of `people` or `agents`."""

    roles: tuple[str, ...] = ()
    slack: str | None = None
    """The member id that a click in Slack comes with."""


@dataclass(frozen=True, slots=True)
class Policy:
    """policy.yaml as it was read. A name that is in `agents` is an agent, also where `people`
    lists it; a name in neither has the roles of `anyone`."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    agents: Mapping[str, Person] = field(default_factory=dict)
    anyone: tuple[str, ...] = ()
    is_open: bool = False
    """There is no policy.yaml."""

    @classmethod
    def open(cls) -> "Policy":
        """What counts where there is no policy.yaml."""
        return cls(is_open=True)

    def roles_of(self, name: str) -> frozenset[str]:
        """The roles of a name, with all that they include, directly or round about."""
        entry = self.agents.get(name) or self.people.get(name)
        return self._closure(self.anyone if entry is None else entry.roles)

    def scopes(self, name: str) -> frozenset[str] | None:
        """The scopes of a name; None where there is no policy and every scope is held."""
        return None if self.is_open else self._scopes_of(self.roles_of(name))

    def may_start(self, name: str, roles: Iterable[str]) -> bool:
        """Whether a name may start a blueprint that lists these roles; () is open to all."""
        wanted = frozenset(roles)
        return self.is_open or not wanted or not wanted.isdisjoint(self.roles_of(name))

    def standing(self, name: str) -> Standing:
        """What counts when this name answers a gate now."""
        if self.is_open:
            return Standing(open_policy=True)
        roles = self.roles_of(name)
        return Standing(
            roles=tuple(sorted(roles)),
            agent=any(same_person(name, agent) for agent in self.agents),
            approve_scope=not self._asks_for_approve() or APPROVE in self._scopes_of(roles),
        )

    def _asks_for_approve(self) -> bool:
        return any(APPROVE in role.scopes for role in self.roles.values())

    def _scopes_of(self, roles: Iterable[str]) -> frozenset[str]:
        return frozenset(
            scope for name in roles if name in self.roles for scope in self.roles[name].scopes
        )

    def _closure(self, roles: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(roles)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.roles[name].includes if name in self.roles else ())
        return frozenset(found)

    def cycles(self) -> tuple[str, ...]:
        """The roles that include themselves, directly or round about; each is a fault."""
        return tuple(
            name for name, role in self.roles.items() if name in self._closure(role.includes)
        )
