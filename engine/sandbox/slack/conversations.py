"""conversations.*: channels made, found, joined, archived, and what was said in them."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from engine.sandbox.slack.arguments import Arguments
from engine.sandbox.slack.workspace import BOT_USER, Channel, Json, Workspace, no

_TOPIC_LENGTH = 250


def create(workspace: Workspace, given: Arguments) -> Json:
    """conversations.create."""
    return {"channel": workspace.create(given.text("name")).shown()}


def info(workspace: Workspace, given: Arguments) -> Json:
    """conversations.info."""
    return {"channel": workspace.channel(given.any("channel")).shown()}


def listed(workspace: Workspace, given: Arguments) -> Json:
    """conversations.list and users.conversations."""
    hide = given.flag("exclude_archived")
    kinds = given.listed("types") or ["public_channel"]
    found = [one for one in workspace.channels.values() if not (hide and one.is_archived)]
    found = found if "public_channel" in kinds else []
    sheet, following = _sheet(found, given, 100)
    return {"channels": [one.shown() for one in sheet], **following}


def members(workspace: Workspace, given: Arguments) -> Json:
    """conversations.members."""
    sheet, following = _sheet(workspace.channel(given.any("channel")).members, given, 100)
    return {"members": list(sheet), **following}


def invite(workspace: Workspace, given: Arguments) -> Json:
    """conversations.invite: everyone, or nobody where one of several cannot be."""
    channel = _open(workspace, given)
    users = given.listed("users")
    if not users:
        raise no("no_user")
    errors = [
        {"user": user, "ok": False, "error": error}
        for user in users
        if (error := _uninvitable(workspace, channel, user))
    ]
    if errors and not given.flag("force"):
        refusal = no(str(errors[0]["error"]))
        if len(users) > 1 and isinstance(refusal.body, dict):
            refusal.body["errors"] = errors
        raise refusal
    channel.members += [user for user in users if not _uninvitable(workspace, channel, user)]
    return {"channel": channel.shown()}


def kick(workspace: Workspace, given: Arguments) -> Json:
    """conversations.kick."""
    channel = _open(workspace, given)
    person = workspace.person(given.any("user"))
    if person.slack not in channel.members:
        raise no("not_in_channel")
    channel.members.remove(person.slack)
    return {}


def join(workspace: Workspace, given: Arguments) -> Json:
    """conversations.join."""
    channel = workspace.channel(given.any("channel"))
    if channel.is_archived:
        raise no("is_archived")
    if BOT_USER in channel.members:
        return {"channel": channel.shown(), "warning": "already_in_channel"}
    channel.members.append(BOT_USER)
    return {"channel": channel.shown()}


def leave(workspace: Workspace, given: Arguments) -> Json:
    """conversations.leave."""
    channel = workspace.channel(given.any("channel"))
    if channel.name == "general":
        raise no("cant_leave_general")
    if BOT_USER not in channel.members:
        return {"not_in_channel": True}
    channel.members.remove(BOT_USER)
    return {}


def archive(workspace: Workspace, given: Arguments) -> Json:
    """conversations.archive."""
    channel = workspace.channel(given.any("channel"))
    if channel.name == "general":
        raise no("cant_archive_general")
    if channel.is_archived:
        raise no("already_archived")
    channel.is_archived = True
    return {}


def unarchive(workspace: Workspace, given: Arguments) -> Json:
    """conversations.unarchive."""
    channel = workspace.channel(given.any("channel"))
    if not channel.is_archived:
        raise no("not_archived")
    channel.is_archived = False
    return {}


def rename(workspace: Workspace, given: Arguments) -> Json:
    """conversations.rename."""
    channel = _open(workspace, given)
    workspace.rename(channel, given.text("name"))
    return {"channel": channel.shown()}


def set_topic(workspace: Workspace, given: Arguments) -> Json:
    """conversations.setTopic."""
    channel = _open(workspace, given)
    if len(given.text("topic")) > _TOPIC_LENGTH:
        raise no("too_long")
    channel.topic = given.text("topic")
    return {"channel": channel.shown(), "topic": channel.topic}


def set_purpose(workspace: Workspace, given: Arguments) -> Json:
    """conversations.setPurpose."""
    channel = _open(workspace, given)
    if len(given.text("purpose")) > _TOPIC_LENGTH:
        raise no("too_long")
    channel.purpose = given.text("purpose")
    return {"channel": channel.shown(), "purpose": channel.purpose}


def history(workspace: Workspace, given: Arguments) -> Json:
    """conversations.history: newest first, answers in threads left out."""
    channel = workspace.channel(given.any("channel"))
    if BOT_USER not in channel.members:
        raise no("not_in_channel")
    found = [
        message
        for message in channel.messages.newest_first()
        if _in_the_open(message) and _within(message, given)
    ]
    sheet, following = _sheet(found, given, 100)
    more = bool(following)
    return {"messages": _told(sheet, given), "has_more": more, "pin_count": 0, **following}


def replies(workspace: Workspace, given: Arguments) -> Json:
    """conversations.replies: a message and the answers to it, oldest first."""
    channel = workspace.channel(given.any("channel"))
    ts = given.text("ts")
    if ts not in channel.messages:
        raise no("thread_not_found")
    found = [
        message
        for message in channel.messages.values()
        if ts in (message["ts"], message.get("thread_ts")) and _within(message, given)
    ]
    sheet, following = _sheet(found, given, 1000)
    return {"messages": _told(sheet, given), "has_more": bool(following), **following}


def _open(workspace: Workspace, given: Arguments) -> Channel:
    channel = workspace.channel(given.any("channel"))
    if channel.is_archived:
        raise no("is_archived")
    if BOT_USER not in channel.members:
        raise no("not_in_channel")
    return channel


def _uninvitable(workspace: Workspace, channel: Channel, user: str) -> str | None:
    if user == BOT_USER:
        return "cant_invite_self"
    if user not in workspace.people:
        return "user_not_found"
    return "already_in_channel" if user in channel.members else None


def _in_the_open(message: Json) -> bool:
    in_thread = message.get("thread_ts", message["ts"]) != message["ts"]
    return not in_thread or message.get("subtype") == "thread_broadcast"


def _within(message: Json, given: Arguments) -> bool:
    oldest, latest = given.text("oldest") or "0", given.text("latest") or "9999999999.999999"
    if given.flag("inclusive") and message["ts"] in (oldest, latest):
        return True
    try:
        return float(oldest) < float(message["ts"]) < float(latest)
    except ValueError:
        raise no("invalid_ts_oldest") from None


def _told(messages: Sequence[Json], given: Arguments) -> list[Json]:
    """The messages; metadata only where it was asked for."""
    if given.flag("include_all_metadata"):
        return list(messages)
    return [{k: v for k, v in message.items() if k != "metadata"} for message in messages]


def _sheet(found: Sequence[Any], given: Arguments, default: int) -> tuple[Sequence[Any], Json]:
    """One sheet of a list, and the cursor of the next where there is one."""
    cursor = given.text("cursor")
    try:
        start = int(base64.b64decode(cursor, validate=True)) if cursor else 0
    except (binascii.Error, ValueError):
        raise no("invalid_cursor") from None
    limit = given.count("limit", default)
    following = start + limit
    if start < 0 or following >= len(found):
        return found[max(start, 0) : following], {}
    token = base64.b64encode(str(following).encode()).decode()
    return found[start:following], {"response_metadata": {"next_cursor": token}}
