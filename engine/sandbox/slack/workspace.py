"""What the workspace holds: people, channels, their messages, and what was shown in private."""

import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from engine.sandbox.bounded import Bounded
from engine.sandbox.moments import Timestamps, upper_id
from engine.sandbox.refused import Refused
from engine.sandbox.settings import PEOPLE, Person

Json = dict[str, Any]

TEAM_ID = "T0SANDBOX1"
APP_ID = "A0SANDBOX1"
BOT_ID = "B0SANDBOX1"
BOT_USER = "U0HARMONY1"
_KEPT_CHANNELS = 500
_KEPT_MESSAGES = 1000
_KEPT_PRIVATE = 200
_NAME = re.compile(r"[a-z0-9_-]+")
_NAME_LENGTH = 80
_FIRST_CHANNELS = ("general", "incidents")


def no(error: str, *messages: str) -> Refused:
    """Slack's own way to refuse: HTTP 200 with `ok: false`."""
    body: Json = {"ok": False, "error": error}
    if messages:
        body["response_metadata"] = {"messages": list(messages)}
    return Refused(200, body)


@dataclass(slots=True)
class Channel:
    """One public channel."""

    id: str
    name: str
    creator: str
    members: list[str]
    created: int = field(default_factory=lambda: int(time.time()))
    is_archived: bool = False
    topic: str = ""
    purpose: str = ""
    previous_names: list[str] = field(default_factory=list)
    messages: Bounded[str, Json] = field(default_factory=lambda: Bounded(_KEPT_MESSAGES))
    """By timestamp, oldest first."""
    private: deque[Json] = field(default_factory=lambda: deque(maxlen=_KEPT_PRIVATE))
    """Ephemeral messages; each has `visible_to`, the one user who sees it."""

    def shown(self) -> Json:
        """The channel as the Web API writes it."""
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "created": self.created,
            "creator": self.creator,
            "is_archived": self.is_archived,
            "is_channel": True,
            "is_ext_shared": False,
            "is_general": self.name == "general",
            "is_group": False,
            "is_im": False,
            "is_member": BOT_USER in self.members,
            "is_mpim": False,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "is_private": False,
            "is_shared": False,
            "pending_shared": [],
            "previous_names": self.previous_names,
            "topic": {"value": self.topic, "creator": self.creator, "last_set": self.created},
            "purpose": {"value": self.purpose, "creator": self.creator, "last_set": self.created},
            "unlinked": 0,
            "num_members": len(self.members),
        }


class Workspace:
    """The state behind the Web API and behind the page."""

    def __init__(self) -> None:
        self.timestamps = Timestamps()
        self.people = {person.slack: person for person in PEOPLE}
        self.channels: Bounded[str, Channel] = Bounded(_KEPT_CHANNELS)
        for name in _FIRST_CHANNELS:
            self.create(name).members.extend(self.people)

    def create(self, name: str) -> Channel:
        """A new channel with the bot in it."""
        self._check_name(name)
        channel = Channel(upper_id("C"), name, BOT_USER, [BOT_USER])
        self.channels[channel.id] = channel
        return channel

    def rename(self, channel: Channel, name: str) -> None:
        """The channel under another name."""
        self._check_name(name)
        channel.previous_names.insert(0, channel.name)
        del channel.previous_names[10:]
        channel.name = name

    def channel(self, given: Any) -> Channel:
        """By id, or by name with or without `#`."""
        if isinstance(given, str):
            if given in self.channels:
                return self.channels[given]
            for channel in self.channels.values():
                if channel.name == given.removeprefix("#"):
                    return channel
        raise no("channel_not_found")

    def person(self, user_id: Any, error: str = "user_not_found") -> Person:
        """By Slack's id."""
        if not isinstance(user_id, str) or user_id not in self.people:
            raise no(error)
        return self.people[user_id]

    def message(self, channel: Channel, ts: Any) -> Json | None:
        """The message of this timestamp, private ones included."""
        if isinstance(ts, str) and ts in channel.messages:
            return channel.messages[ts]
        return next((one for one in channel.private if one["ts"] == ts), None)

    def say(self, channel: Channel, content: Json) -> Json:
        """A new message of the bot's."""
        message = self._message(content)
        channel.messages[message["ts"]] = message
        return message

    def whisper(self, channel: Channel, user: str, content: Json) -> Json:
        """A new message that only one user sees."""
        message = {**self._message(content), "visible_to": user}
        channel.private.append(message)
        return message

    def _message(self, content: Json) -> Json:
        return {
            "type": "message",
            "ts": self.timestamps.next(),
            "user": BOT_USER,
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "team": TEAM_ID,
            **content,
        }

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str) or not name:
            raise no("invalid_name_required")
        if len(name) > _NAME_LENGTH:
            raise no("invalid_name_maxlength")
        if not _NAME.fullmatch(name):
            raise no("invalid_name_specials")
        if not name.strip("-_"):
            raise no("invalid_name_punctuation")
        if any(name == channel.name for channel in self.channels.values()):
            raise no("name_taken")


def user_shown(person: Person) -> Json:
    """A person as users.info writes them."""
    return {
        "id": person.slack,
        "team_id": TEAM_ID,
        "name": person.name,
        "real_name": person.full_name,
        "deleted": False,
        "is_admin": False,
        "is_owner": False,
        "is_bot": False,
        "is_app_user": False,
        "tz": "Etc/UTC",
        "tz_label": "UTC",
        "tz_offset": 0,
        "updated": 1767225600,
        "profile": {
            "real_name": person.full_name,
            "real_name_normalized": person.full_name,
            "display_name": person.name,
            "display_name_normalized": person.name,
            "email": person.email,
            "avatar_hash": "0" * 12,
            "status_text": "",
            "status_emoji": "",
            "team": TEAM_ID,
        },
    }
