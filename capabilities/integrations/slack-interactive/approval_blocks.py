"""What an approval's message looks like: while it is pending, and once it is closed. Pure."""

import datetime
import json
from dataclasses import dataclass
from typing import Any

import posting
import wording
from failure import Failed

APPROVE, REJECT = "approval_approve", "approval_reject"
LONGEST_VALUE = 2_000
_LONGEST_ASKED = 1_500
_STATES = {
    "approved": "Approved",
    "rejected": "Rejected",
    "timed_out": "Timed out",
    "cancelled": "No longer needed",
}
_WAYS = {
    "slack": "in Slack",
    "cli": "on the command line",
    "temporal": "through Temporal",
    "api": "over HTTP",
}


@dataclass(frozen=True, slots=True)
class Approval:
    """A gate, as `notify` tells of it, and the run it belongs to."""

    run: str
    gate: dict[str, Any]
    incident: str
    severity: str
    mentions: dict[str, list[str]]
    """Slack's ids of people and user groups, by role."""

    @property
    def key(self) -> str:
        """The same for all notices of a gate, so that its message is found again."""
        return f"approval/{self.run}/{self.gate['path']}"

    @property
    def value(self) -> str:
        """What a click brings back, in both buttons."""
        fields = {
            "run": self.run,
            "gate": self.gate["path"],
            "digest": self.gate["digest"],
            "incident": self.incident,
        }
        value = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
        if wording.size(value) > LONGEST_VALUE:
            raise Failed("TOO_LONG", "run, gate and incident are too long for a button of Slack's")
        return value

    def metadata(self) -> dict[str, str]:
        """Beside the key: what the message is about."""
        return {
            "run": self.run,
            "gate": self.gate["path"],
            "digest": self.gate["digest"],
            "incident": self.incident,
            "state": self.gate["state"],
        }


def pending(approval: Approval) -> list[dict[str, Any]]:
    """The message that asks."""
    gate = approval.gate
    return [
        posting.header(_title("Approval needed", approval)),
        _question(gate),
        {
            "type": "section",
            "block_id": "approval_facts",
            "fields": [
                posting.markdown(f"*Asked*\n{asked(approval)}"),
                posting.markdown(f"*Answer by*\n{moment(gate.get('deadline', ''))}"),
                *([posting.markdown(f"*Severity*\n{wording.shortened(approval.severity, 20)}")]
                  if approval.severity else []),
            ],
        },
        {
            "type": "actions",
            "block_id": "approval",
            "elements": [
                _button("Approve", APPROVE, "primary", approval.value),
                _button("Reject", REJECT, "danger", approval.value),
            ],
        },
        _digest(approval),
    ]  # fmt: skip


def closed(approval: Approval) -> list[dict[str, Any]]:
    """The message once nobody is asked any more: no buttons, and who decided."""
    state = _STATES.get(approval.gate["state"], approval.gate["state"])
    return [
        posting.header(_title(state, approval)),
        _question(approval.gate),
        posting.section(outcome(approval)) | {"block_id": "approval_outcome"},
        _digest(approval),
    ]


def asking_text(approval: Approval) -> str:
    """The message for people who see no blocks."""
    gate = approval.gate
    ask = wording.shortened(gate.get("ask", ""), wording.SECTION - 500)
    return (
        f"{wording.shortened(_title('Approval needed', approval), wording.HEADER)}: {ask}\n"
        f"Asked: {asked(approval)}. Answer by {moment(gate.get('deadline', ''))}, with the buttons "
        f"or with {_command(approval)}"
    )


def closed_text(approval: Approval) -> str:
    """The same, once it is closed."""
    ask = wording.shortened(approval.gate.get("ask", ""), wording.SECTION - 500)
    return f"{ask}\n{outcome(approval)}"


def escalated_text(approval: Approval) -> str:
    """For those who are asked next."""
    return (
        f"Nobody answered in time. Now asked: {asked(approval)}, "
        f"by {moment(approval.gate.get('deadline', ''))}: "
        f"{wording.shortened(approval.gate.get('ask', ''), 1_000)}"
    )


def outcome(approval: Approval) -> str:
    """Who decided, when, from where and why, or why nobody did."""
    state, decision = approval.gate["state"], approval.gate.get("decision") or {}
    if state == "timed_out":
        return "*Timed out*: nobody answered in time, which counts as rejected."
    if state == "cancelled":
        return "*No longer needed*: the run was cancelled."
    word = _STATES.get(state, wording.escaped(state))
    if not decision:
        return f"*{word}*."
    by = wording.shortened(decision.get("approverId") or "somebody", 200)
    way = _WAYS.get(decision.get("source", ""), "")
    why = wording.shortened(decision.get("reason") or "", 2_000)
    said = f"*{word}* by {by} {moment(decision.get('at', ''))} {way}".rstrip()
    return f"{said}: {why}" if why else f"{said}."


def asked(approval: Approval) -> str:
    """The roles, with those of their people whom Slack is to tell."""
    words = ""
    for role in approval.gate["approvers"]:
        more = f", {_role(role, approval.mentions)}".removeprefix("" if words else ", ")
        if len(words) + len(more) > _LONGEST_ASKED:
            return f"{words}, …"
        words += more
    return words


def moment(instant: str) -> str:
    """In the reader's own time zone; as it is written where it is none."""
    try:
        at = datetime.datetime.fromisoformat(instant)
    except ValueError:
        return wording.shortened(instant, 60) or "-"
    shown = at.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{shown}>"


def mention(identity: str) -> str:
    """Of a person (U…, W…) or a user group (S…)."""
    return f"<!subteam^{identity}>" if identity.startswith("S") else f"<@{identity}>"


def _role(role: str, mentions: dict[str, list[str]]) -> str:
    people = " ".join(mention(identity) for identity in mentions.get(role, []))
    return " ".join(part for part in (wording.escaped(role), people) if part)


def _title(what: str, approval: Approval) -> str:
    return f"{what}: {approval.incident}" if approval.incident else what


def _question(gate: dict[str, Any]) -> dict[str, Any]:
    text = wording.shortened(gate.get("ask") or "-", wording.SECTION)
    return posting.section(text) | {"block_id": "approval_question"}


def _button(text: str, action: str, style: str, value: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": action,
        "style": style,
        "text": {"type": "plain_text", "text": text},
        "value": value,
    }


def _digest(approval: Approval) -> dict[str, Any]:
    digest = wording.shortened(approval.gate["digest"], 100)
    text = f"An answer is bound to exactly these bytes: `{digest}` · {_command(approval)}"
    elements = [posting.markdown(text)]
    return {"type": "context", "block_id": "approval_digest", "elements": elements}


def _command(approval: Approval) -> str:
    run, gate = (wording.shortened(text, 200) for text in (approval.run, approval.gate["path"]))
    return f"`harmony status {run}` (gate {gate})"
