"""chat.*: messages posted, changed, deleted, or shown to one user alone."""

from typing import Any

from engine.sandbox.slack import blocks
from engine.sandbox.slack.arguments import Arguments
from engine.sandbox.slack.workspace import BOT_USER, Channel, Json, Workspace, no

_TEXT_LENGTH = 40_000
_METADATA_BYTES = 8_000


def post(workspace: Workspace, given: Arguments) -> Json:
    """chat.postMessage."""
    channel = workspace.channel(given.any("channel"))
    _may_write(channel)
    content = content_of(given)
    thread = given.text("thread_ts")
    if thread:
        if thread not in channel.messages:
            raise no("thread_not_found")
        content["thread_ts"] = thread
        if given.flag("reply_broadcast"):
            content["subtype"] = "thread_broadcast"
    message = workspace.say(channel, content)
    return {"channel": channel.id, "ts": message["ts"], "message": message}


def update(workspace: Workspace, given: Arguments) -> Json:
    """chat.update: blocks and metadata that are not sent stay, an empty list goes."""
    channel = workspace.channel(given.any("channel"))
    message = _own(channel, given, "cant_update_message")
    if channel.is_archived:
        raise no("is_inactive")
    message |= content_of(given)
    if given.structure("blocks") == []:
        message.pop("blocks", None)
    message["edited"] = {"user": BOT_USER, "ts": workspace.timestamps.next()}
    return {
        "channel": channel.id,
        "ts": message["ts"],
        "text": message["text"],
        "message": message,
    }


def delete(workspace: Workspace, given: Arguments) -> Json:
    """chat.delete."""
    channel = workspace.channel(given.any("channel"))
    message = _own(channel, given, "cant_delete_message")
    del channel.messages[message["ts"]]
    return {"channel": channel.id, "ts": message["ts"]}


def post_ephemeral(workspace: Workspace, given: Arguments) -> Json:
    """chat.postEphemeral."""
    channel = workspace.channel(given.any("channel"))
    _may_write(channel)
    person = workspace.person(given.any("user"))
    if person.slack not in channel.members:
        raise no("user_not_in_channel")
    return {"message_ts": workspace.whisper(channel, person.slack, content_of(given))["ts"]}


def permalink(workspace: Workspace, given: Arguments) -> Json:
    """chat.getPermalink."""
    channel = workspace.channel(given.any("channel"))
    ts = given.text("message_ts")
    if ts not in channel.messages:
        raise no("message_not_found")
    name = f"p{ts.replace('.', '')}"
    link = f"https://sandbox.slack.com/archives/{channel.id}/{name}"
    return {"channel": channel.id, "permalink": link}


def content_of(given: Arguments) -> Json:
    """Text, blocks and metadata, checked as Slack checks them."""
    text = given.text("text")
    sent = given.structure("blocks")
    if given.any("blocks") is not None and (found := blocks.faults(sent)):
        raise no("invalid_blocks", *found)
    attachments = given.structure("attachments")
    if not text and not sent and not attachments:
        raise no("no_text")
    if len(text) > _TEXT_LENGTH:
        raise no("msg_too_long")
    content: Json = {"text": text}
    if sent:
        content["blocks"] = blocks.named(sent)
    if given.any("metadata") is not None:
        content["metadata"] = _metadata(given.structure("metadata"))
    return content


def _metadata(sent: Any) -> Json:
    shaped = isinstance(sent, dict) and isinstance(sent.get("event_payload"), dict)
    if not shaped or not isinstance(sent.get("event_type"), str) or not sent["event_type"]:
        raise no("invalid_metadata_format")
    if len(str(sent)) > _METADATA_BYTES:
        raise no("metadata_too_large")
    return {"event_type": sent["event_type"], "event_payload": sent["event_payload"]}


def _may_write(channel: Channel) -> None:
    if channel.is_archived:
        raise no("is_archived")
    if BOT_USER not in channel.members:
        raise no("not_in_channel")


def _own(channel: Channel, given: Arguments, error: str) -> Json:
    message = channel.messages.get(given.text("ts"))
    if message is None:
        raise no("message_not_found")
    if message["user"] != BOT_USER:
        raise no(error)
    return message
