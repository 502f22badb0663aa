"""What an incident's timeline keeps of a gate, beside the sentence for people."""

from typing import TypeAlias

from engine import instants
from engine.messages import Decide, Decision, GateState
from engine.plan import Json
from engine.run.run_memory import GateRecord

About: TypeAlias = dict[str, Json]


def asked(record: GateRecord) -> About:
    """Who is asked now, until when, in which round."""
    return {
        "approvers": list(record.approvers),
        "deadline": instants.render(record.deadline_ms),
        "round": record.round,
    }


def opened(record: GateRecord, count: int, digest: str) -> About:
    """The first question."""
    return {**asked(record), "ask": record.ask, "count": count, "digest": digest}


def answered(record: GateRecord, counted: Decision, state: GateState) -> About:
    """An answer that counts; `state` is the gate's with it."""
    return {
        "decision": counted.decision,
        "reason": counted.reason,
        "digest": counted.digest,
        "solo": counted.solo or None,
        "round": record.round,
        "state": state,
    }


def refused(decide: Decide, why: str) -> About:
    """An answer that does not count."""
    return {"decision": decide.decision[:40], "reason": decide.reason, "why": why}


def closed(record: GateRecord, state: GateState) -> About:
    """The end."""
    return {"round": record.round, "state": state}
