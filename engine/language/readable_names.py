"""The names that expressions read, beside inputs and outputs, as JSON Schemas."""

from collections.abc import Mapping

from engine.plan import Json

Schema = Mapping[str, Json]

_TEXT: Schema = {"type": "string"}
RUN: Schema = {
    "type": "object",
    "required": ["id", "startedAt"],
    "additionalProperties": False,
    "properties": {"id": _TEXT, "startedAt": _TEXT},
}
_DECISION_FIELDS: Mapping[str, Json] = {
    "decision": _TEXT,
    "approverId": _TEXT,
    "reason": _TEXT,
    "at": _TEXT,
    "source": _TEXT,
}
DECISION: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["decision", "approverId", "at", "source"],
    "properties": _DECISION_FIELDS,
}
GATE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["event", "state", "ask", "approvers", "deadline", "path", "digest"],
    "properties": {
        "event": {"enum": ["opened", "escalated", "closed"]},
        "state": {"enum": ["pending", "approved", "rejected", "timed_out", "cancelled"]},
        "ask": _TEXT,
        "approvers": {"type": "array", "items": _TEXT},
        "deadline": _TEXT,
        "path": _TEXT,
        "digest": _TEXT,
        "decision": DECISION,
        "notice": {},
    },
}
INDEX: Schema = {"type": "integer", "minimum": 0}
OUTCOME: Schema = {
    "enum": [
        "succeeded",
        "failed",
        "skipped",
        "unreached",
        "approved",
        "rejected",
        "timed_out",
        "cancelled",
    ],
}
ERROR: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["code", "message", "category"],
    "properties": {
        "code": _TEXT,
        "message": _TEXT,
        "category": {"enum": ["RETRYABLE", "RATE_LIMIT", "AUTH_FAILURE", "FATAL"]},
        "started": {"type": "boolean"},
        "retryAfterMs": {"type": "integer"},
        "items": {"type": "array", "items": {"type": "integer"}},
        "details": {"description": "What the program tells besides."},
    },
}
DECISIONS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["decision", "approverId", "at", "source"],
        "properties": {
            **_DECISION_FIELDS,
            "digest": _TEXT,
            "user": _TEXT,
            "host": _TEXT,
            "accepted": {"type": "boolean"},
            "note": _TEXT,
            "solo": {"type": "boolean"},
        },
    },
}
ESCALATIONS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["at", "approvers"],
        "properties": {"at": _TEXT, "approvers": {"type": "array", "items": _TEXT}},
    },
}
FIELDS: Mapping[str, Schema] = {
    "outcome": OUTCOME,
    "error": ERROR,
    "decision": DECISION,
    "decisions": DECISIONS,
    "escalations": ESCALATIONS,
    "startedAt": _TEXT,
    "finishedAt": _TEXT,
}
"""What can be read of a step beside its output."""
