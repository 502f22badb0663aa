"""Clicks in Slack: read, answered through the one update that every answer goes through.

The way in does not matter: `/slack/interactions` and Socket Mode bring the same payload.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from engine.errors import RunRefused, ServiceUnavailable
from engine.messages import Decide, Reply
from engine.project.policy import Policy

APPROVE = "approval_approve"
REJECT = "approval_reject"
REASON_VIEW = "approval_reason"
"""The callback id of the window that asks why; its one input is "reason" of the block "reason"."""
LONGEST_REASON = 1_000
_DECISIONS: dict[str, Literal["approved", "rejected"]] = {APPROVE: "approved", REJECT: "rejected"}


class Button(msgspec.Struct, frozen=True):
    """The value of an approval's buttons: which gate of which run, and the bytes it speaks of."""

    run: str
    gate: str
    digest: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """What the window that asks for a reason carries until it comes back."""

    run: str
    gate: str
    digest: str | None
    tell: str | None
    """The click's response_url."""


@dataclass(frozen=True, slots=True)
class Click:
    """One answer by a member of Slack."""

    run: str
    gate: str
    digest: str | None
    decision: Literal["approved", "rejected"]
    member: str
    """Slack's id of who clicked."""
    name: str
    """As Slack calls them; shown, never believed."""
    reason: str | None = None
    tell: str | None = None
    """Where to answer privately: the interaction's response_url."""
    trigger: str | None = None
    """Opens a window within three seconds."""


class NotAClick(ValueError):
    """An interaction that is no answer to a gate."""


class Deciding(Protocol):
    """What takes an answer to a run; `engine.temporal.client.Runs` does."""

    async def decide(self, run: str, answer: Decide) -> Reply:
        """What the run says to the answer; RunRefused or ServiceUnavailable where it cannot."""


class _Member(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None
    username: str | None = None


class _Action(msgspec.Struct, frozen=True):
    action_id: str
    value: str


class _Press(msgspec.Struct, frozen=True, tag_field="type", tag="block_actions"):
    user: _Member
    actions: list[_Action]
    response_url: str | None = None
    trigger_id: str | None = None


class _Field(msgspec.Struct, frozen=True):
    value: str | None = None


class _Filled(msgspec.Struct, frozen=True):
    values: dict[str, dict[str, _Field]]


class _View(msgspec.Struct, frozen=True):
    callback_id: str
    private_metadata: str
    state: _Filled


class _Submission(msgspec.Struct, frozen=True, tag_field="type", tag="view_submission"):
    user: _Member
    view: _View


def read(payload: Any) -> Click:
    """The click that an interaction's payload holds; NotAClick where it holds none."""
    try:
        interaction = msgspec.convert(payload, _Press | _Submission)
        if isinstance(interaction, _Press):
            return _pressed(interaction)
        return _submitted(interaction)
    except (msgspec.MsgspecError, LookupError) as error:
        raise NotAClick(f"not an answer to a gate: {error}") from None


def _pressed(press: _Press) -> Click:
    action = press.actions[0]
    button = msgspec.json.decode(action.value, type=Button)
    return Click(
        run=button.run,
        gate=button.gate,
        digest=button.digest,
        decision=_DECISIONS[action.action_id],
        member=press.user.id,
        name=_name(press.user),
        tell=press.response_url,
        trigger=press.trigger_id,
    )


def _submitted(submission: _Submission) -> Click:
    view = submission.view
    if view.callback_id != REASON_VIEW:
        raise NotAClick(f"the window {view.callback_id} asks for no reason")
    asked = msgspec.json.decode(view.private_metadata, type=Asked)
    reason = view.state.values["reason"]["reason"].value
    return Click(
        run=asked.run,
        gate=asked.gate,
        digest=asked.digest,
        decision="rejected",
        member=submission.user.id,
        name=_name(submission.user),
        reason=reason[:LONGEST_REASON] if reason else None,
        tell=asked.tell,
    )


def _name(member: _Member) -> str:
    return member.name or member.username or member.id


def reason_view(click: Click) -> dict[str, Any]:
    """The window that asks why; what comes back from it is read by `read`."""
    asked = Asked(run=click.run, gate=click.gate, digest=click.digest, tell=click.tell)
    return {
        "type": "modal",
        "callback_id": REASON_VIEW,
        "private_metadata": msgspec.json.encode(asked).decode(),
        "title": {"type": "plain_text", "text": "Reject"},
        "submit": {"type": "plain_text", "text": "Reject"},
        "close": {"type": "plain_text", "text": "Back"},
        "blocks": [
            {
                "type": "input",
                "block_id": "reason",
                "label": {"type": "plain_text", "text": "Why? It goes into the incident's record."},
                "element": {
                    "type": "plain_text_input",
                    "action_id": "reason",
                    "multiline": True,
                    "max_length": LONGEST_REASON,
                },
            }
        ],
    }


def person_of(policy: Policy, click: Click) -> str | None:
    """The name in policy.yaml of who clicked; None where Slack's id is not there.

    Without a policy.yaml everyone is somebody: their name in Slack, with their id.
    """
    if policy.is_open:
        return f"{click.name} ({click.member})"
    for names in (policy.people, policy.agents):
        for name, person in names.items():
            if person.slack == click.member:
                return name
    return None


async def answer(
    click: Click, runs: Deciding, policy: Callable[[], Policy]
) -> tuple[Literal["accepted", "refused", "unreachable"], str]:
    """Give the answer to its run; how it was taken, and the sentence for who clicked."""
    person = person_of(policy(), click)
    if person is None:
        return "refused", (
            f"Your Slack account {click.member} belongs to nobody in policy.yaml, so your answer "
            "does not count. Have `slack: " + click.member + "` added to your entry there."
        )
    decide = Decide(
        decision=click.decision,
        approver_id=person,
        gate=click.gate,
        reason=click.reason,
        digest=click.digest,
        source="slack",
        user=f"slack:{click.member}",
    )
    try:
        reply = await runs.decide(click.run, decide)
    except RunRefused as refused:
        return "refused", f"Your answer does not count: {refused}"
    except ServiceUnavailable as away:
        return "unreachable", f"Your answer was not taken, so please click again soon: {away}"
    if reply.accepted:
        return "accepted", f"Your answer counts: {click.decision} for {click.gate} of {click.run}."
    return "refused", f"Your answer does not count: {reply.reason}"
