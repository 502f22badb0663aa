"""The cases of blueprints: run in simulated time, without a server, held against what they expect.

A call that a case says nothing of succeeds with its contract's example; a gate that nobody answers
times out; a flag that is not named is on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.errors import DefinitionError, RunRefused
from engine.faults import has_error
from engine.language.catalog import Catalog
from engine.language.places import locate
from engine.language.planner import BoundPlan, bind, compile_blueprint
from engine.messages import Standing
from engine.plan import Json, Plan
from engine.project.policy import Policy
from engine.simulation.case import Case
from engine.simulation.case_checks import check_cases, read_case_file
from engine.simulation.case_contracts import CatalogContracts
from engine.simulation.case_verdict import mismatches, steps_of
from engine.simulation.scenario import Said, Scenario, Sent
from engine.simulation.simulated import Simulated
from engine.simulation.simulator import simulate


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went."""

    blueprint: str
    name: str
    file: str
    line: int
    problems: tuple[str, ...]
    """What was not as expected, each a sentence."""
    outcomes: Mapping[str, str]
    """Of every step that the case reached, by path, those of children too."""
    took_ms: int
    """In simulated time."""

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.problems


def run_cases(catalog: Catalog, blueprint: str, policy: Policy | None = None) -> list[CaseResult]:
    """Run the cases of one blueprint, in their order; none where it has no file of cases.

    `policy` says what people may do, as in the project; without it everyone has every role.
    DefinitionError where the blueprint or its cases have faults; RunRefused for an unknown id.
    """
    plan = compile_blueprint(catalog, blueprint)
    faults = check_cases(catalog, blueprint)
    if has_error(faults):
        raise DefinitionError(faults)
    file = read_case_file(catalog, blueprint)
    if file is None:
        return []
    results = []
    for case in file.cases:
        line, _ = file.document.place(case.path)
        problems, outcomes, took_ms = _run(case, plan, catalog, policy or Policy.open())
        results.append(
            CaseResult(blueprint, case.name, file.document.file, line, problems, outcomes, took_ms)
        )
    return results


def _run(
    case: Case, plan: Plan, catalog: Catalog, policy: Policy
) -> tuple[tuple[str, ...], Mapping[str, str], int]:
    try:
        bound = bind(plan, case.inputs, _context(case, plan), catalog)
    except RunRefused as refused:
        if case.expected.status == "failed" and case.expected.error == refused.code:
            return (), {}, 0
        return (f"the run cannot start: {refused.code}: {refused}",), {}, 0
    simulated = _simulated(case, bound, catalog, policy)
    outcomes = {path: str(step.outcome) for path, step in steps_of(simulated).items()}
    return tuple(mismatches(case, simulated)), outcomes, simulated.took_ms


def _simulated(case: Case, bound: BoundPlan, catalog: Catalog, policy: Policy) -> Simulated:
    contracts = CatalogContracts(catalog, bound.plan)
    return simulate(
        bound.plan,
        bound.inputs,
        bound.context,
        _scenario(case, bound.plan, contracts),
        contracts,
        _standing_of(case, policy),
        initiator=case.initiator,
        solo=case.solo,
    )


def _scenario(case: Case, plan: Plan, contracts: CatalogContracts) -> Scenario:
    return Scenario(
        answers={
            path: tuple(contracts.answer(answer, _capability(plan, path)) for answer in answers)
            for path, answers in case.answers.items()
        },
        said=tuple(
            Said(gate, said.by, said.decision, said.after_ms, said.reason, said.digest)
            for gate, decisions in case.decisions.items()
            for said in decisions
        ),
        sent=tuple(Sent(s.name, s.payload, s.after_ms, s.child) for s in case.signals),
        flags=case.flags,
        cancel_after_ms=case.cancel_after_ms,
    )


def _capability(plan: Plan, path: str) -> str | None:
    found = locate(plan, path)
    return found.call.capability if found is not None and found.call is not None else None


def _context(case: Case, plan: Plan) -> dict[str, Json]:
    """With what is filled in when a run starts."""
    return {
        "trace_id": "simulated",
        "initiator_id": case.initiator,
        "cost_center": plan.cost_center or "",
        **case.context,
    }


def _standing_of(case: Case, policy: Policy) -> Callable[[str], Standing]:
    given = {
        said.by: Standing(roles=said.roles or (), agent=said.agent)
        for decisions in case.decisions.values()
        for said in decisions
        if said.roles is not None or said.agent
    }
    return lambda name: given.get(name) or policy.standing(name)
