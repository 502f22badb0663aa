"""Who may do what."""

from engine.messages import Standing
from engine.project.policy import Person, Policy, Role

POLICY = Policy(
    roles={
        "viewer": Role(scopes=("status:read",)),
        "responder": Role(scopes=("status:write",), includes=("viewer",)),
        "manager": Role(includes=("responder",)),
        "approver": Role(scopes=("workflow:approve",)),
    },
    people={
        "lead": Person(roles=("manager", "approver")),
        "boss": Person(roles=("manager",)),
        "lost": Person(roles=("no-such-role",)),
    },
    agents={"bot": Person(roles=("manager", "approver"))},
    anyone=("viewer",),
)


def scopes(policy: Policy, name: str) -> set[str]:
    held = policy.scopes(name)
    assert held is not None
    return set(held)


def test_roles_come_with_what_they_include() -> None:
    assert POLICY.roles_of("boss") == {"manager", "responder", "viewer"}
    assert scopes(POLICY, "boss") == {"status:read", "status:write"}


def test_whoever_is_not_named_has_the_roles_of_anyone() -> None:
    assert POLICY.roles_of("stranger") == {"viewer"}
    assert scopes(POLICY, "") == {"status:read"}


def test_who_is_named_has_no_roles_but_their_own() -> None:
    assert POLICY.roles_of("lost") == {"no-such-role"}
    assert POLICY.scopes("lost") == frozenset()


def test_starting_takes_one_of_the_roles() -> None:
    assert POLICY.may_start("boss", ["responder", "approver"])
    assert not POLICY.may_start("stranger", ["responder"])
    assert POLICY.may_start("stranger", [])


def test_approving_takes_its_scope_where_any_role_has_it() -> None:
    assert POLICY.standing("lead").approve_scope
    assert not POLICY.standing("boss").approve_scope
    without = Policy(roles={"viewer": Role()}, people={"boss": Person(roles=("viewer",))})
    assert without.standing("boss").approve_scope


def test_an_agent_is_one_whatever_its_roles_and_wherever_else_it_is_listed() -> None:
    assert POLICY.standing("bot").agent
    both = Policy(agents={"bot": Person()}, people={"bot": Person(roles=("manager",))})
    assert both.standing("bot") == Standing(agent=True)
    lax = Policy(agents={"triage-bot": Person()}, anyone=("manager",))
    assert all(lax.standing(name).agent for name in ("triage-bot", "Triage-Bot", " triage-bot\n"))
    assert not lax.standing("somebody").agent


def test_without_a_policy_everyone_has_every_role_and_it_says_so() -> None:
    policy = Policy.open()
    assert policy.scopes("anyone") is None
    assert policy.may_start("anyone", ["manager"])
    assert policy.standing("anyone").open_policy


def test_a_role_that_includes_itself_ends_and_is_named() -> None:
    policy = Policy(
        roles={
            "a": Role(scopes=("x:a",), includes=("b",)),
            "b": Role(scopes=("x:b",), includes=("a",)),
            "c": Role(includes=("a",)),
        },
        anyone=("a",),
    )
    assert scopes(policy, "anyone") == {"x:a", "x:b"}
    assert policy.cycles() == ("a", "b")
