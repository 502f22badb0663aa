"""Channels: made once for an incident, people invited, archived."""

import time
from typing import Any

import approval
import names
import wording
from failure import Failed
from vendor import Refused, Slack

LONGEST_TOPIC = 250
_LOOK_AGAIN = 1.0
_ALREADY = frozenset(("already_in_channel", "cant_invite_self"))
_REFUSALS = frozenset(
    (
        "user_not_found", "users_not_found", "no_user", "user_disabled", "cant_invite",
        "user_is_restricted", "user_is_ultra_restricted", "ura_max_channels",
        "not_in_same_team", "failed_for_some_users", "invalid_users",
    )
)  # fmt: skip
"""What concerns one person of those invited."""


def create(slack: Slack, given: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Make the incident's channel, or find the one that was made for it before."""
    name = _name(given, context)
    channel, created = _made_or_found(slack, name, private=given.get("private", False))
    result = {
        "channel": channel["id"],
        "name": channel.get("name", name),
        "created": created,
        "archived": bool(channel.get("is_archived")),
    }
    if (topic := given.get("topic")) and not result["archived"]:
        text = wording.shortened(topic, LONGEST_TOPIC)
        slack.post("conversations.setTopic", channel=channel["id"], topic=text)
    return result


def _name(given: dict[str, Any], context: dict[str, Any]) -> str:
    if given.get("name"):
        name = names.valid(given["name"])
    else:
        incident = given.get("incident") or context.get("incident_id") or ""
        title = given.get("title") or context.get("incident_title") or ""
        name = names.of_incident(incident, title)
    if not name:
        raise Failed(
            "INVALID_NAME", "a channel's name needs a letter or digit: give name or incident"
        )
    return name


def _made_or_found(slack: Slack, name: str, *, private: bool) -> tuple[dict[str, Any], bool]:
    """One that the app itself made under this name was made for this; another's gets a suffix."""
    own: dict[str, dict[str, Any]] | None = None
    for candidate in names.candidates(name):
        try:
            made = slack.post("conversations.create", name=candidate, is_private=private)
            return made["channel"], True
        except Refused as refused:
            if refused.name != "name_taken":
                raise
        if own is None:
            own = _own(slack, names.candidates(name), private=private)
        if candidate in own:
            return own[candidate], False
    tried = f"{name} to {names.candidates(name)[-1]}"
    raise Failed("NAME_TAKEN", f"the names {tried} are all taken by channels of others")


def _own(slack: Slack, wanted: list[str], *, private: bool) -> dict[str, dict[str, Any]]:
    """Those of these names that the app made. It is in them, and of the channels that it is in
    there are few; nobody is in an archived one, which is looked for among all."""
    ours = slack.read("auth.test").get("user_id")
    kind = "private_channel" if private else "public_channel"
    found: dict[str, dict[str, Any]] = {}
    for method in ("users.conversations", "conversations.list"):
        for page in slack.pages(method, types=kind, exclude_archived="false", limit=999):
            for channel in page.get("channels", []):
                if channel.get("name") in wanted and ours and channel.get("creator") == ours:
                    found[channel["name"]] = channel
        if found:
            break
    return found


def invite(slack: Slack, given: dict[str, Any]) -> dict[str, Any]:
    """Invite each person; who is there already counts as done, who cannot be is listed.

    Failed where nobody could be.
    """
    channel = given["channel"]
    invited, already, refused = [], [], []
    for person in dict.fromkeys(given["users"]):
        try:
            user = _user(slack, person)
            slack.post("conversations.invite", channel=channel, users=user)
            invited.append(user)
        except Refused as error:
            if error.name in _ALREADY:
                already.append(user)
            elif error.name in _REFUSALS:
                refused.append({"user": person, "reason": error.name})
                last = error
            else:
                raise
    if refused and not invited and not already:
        raise last
    return {"channel": channel, "invited": invited, "already": already, "refused": refused}


def _user(slack: Slack, person: str) -> str:
    """The id of a person given by id or e-mail address."""
    if "@" not in person:
        return person
    found: str = slack.read("users.lookupByEmail", email=person)["user"]["id"]
    return found


def archive(slack: Slack, given: dict[str, Any]) -> dict[str, Any]:
    """Archive a channel; one that is archived already counts as done.

    Nothing can be changed in an archived channel, so a question that was answered a moment ago,
    whether to archive perhaps, gets the time of a request to say so in place of its buttons.
    """
    end = time.monotonic() + slack.seconds
    while approval.pending(slack, given["channel"]) and time.monotonic() < end:
        time.sleep(_LOOK_AGAIN)
    try:
        slack.post("conversations.archive", channel=given["channel"])
    except Refused as refused:
        if refused.name != "already_archived":
            raise
        return {"channel": given["channel"], "archived": True, "already": [given["channel"]]}
    return {"channel": given["channel"], "archived": True}
