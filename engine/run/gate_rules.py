"""Whether an answer to an open gate counts, and if not, why. Nothing here changes anything."""

from engine.messages import Decide, Standing, same_person
from engine.plan import GateStep
from engine.run.commands import RunInfo
from engine.run.run_memory import GateRecord

ANSWERS = ("approved", "rejected")


def malformed(decide: Decide) -> str | None:
    """Why this is no answer at all, whatever the gate."""
    if decide.decision not in ANSWERS:
        return f"'{decide.decision[:40]}' is no decision; answer approved or rejected"
    if not decide.approver_id.strip():
        return "approverId is missing: an answer has to say whose it is"
    return None


def refusal(
    step: GateStep, record: GateRecord, decide: Decide, standing: Standing, info: RunInfo, now: int
) -> str | None:
    """Why this answer does not count at a gate that is pending; None where it does."""
    return (
        malformed(decide)
        or _too_late(record, now)
        or _not_entitled(step, record, decide, standing, info)
        or _other_digest(decide, info)
        or _again(record, decide)
    )


def approvals(record: GateRecord) -> int:
    """How many different people have approved."""
    return len(
        {
            decision.approver_id.strip().casefold()
            for decision in record.decisions
            if decision.accepted and decision.decision == "approved"
        }
    )


def _too_late(record: GateRecord, now: int) -> str | None:
    if now >= record.deadline_ms:
        return "too late: the time to answer has run out"
    return None


def _not_entitled(
    step: GateStep, record: GateRecord, decide: Decide, standing: Standing, info: RunInfo
) -> str | None:
    who = decide.approver_id.strip()
    if standing.agent:
        return f"{who} is an agent, and agents never answer gates"
    own = same_person(who, info.initiator) and not step.initiator_may_approve
    if own and not info.solo:
        return f"{who} started this run, and who started a run may not answer this gate"
    if standing.open_policy:
        return None
    if not set(standing.roles) & set(record.approvers):
        return f"{who} has none of the roles that are asked: {', '.join(record.approvers)}"
    if not standing.approve_scope:
        return f"{who} has no role with the scope workflow:approve"
    return None


def _other_digest(decide: Decide, info: RunInfo) -> str | None:
    if decide.digest is not None and decide.digest != info.digest:
        return (
            f"the digest {decide.digest[:12]}… is of something else; this gate asks for "
            f"{info.digest[:12]}…: look at the plan again"
        )
    return None


def _again(record: GateRecord, decide: Decide) -> str | None:
    if decide.decision != "approved":
        return None
    for decision in record.decisions:
        if decision.accepted and same_person(decision.approver_id, decide.approver_id):
            return f"{decide.approver_id.strip()} has already approved; another person has to"
    return None
