"""The table of the Web API's methods that the sandbox plays."""

from collections.abc import Callable, Mapping

from engine.sandbox.slack import chat, conversations
from engine.sandbox.slack.arguments import Arguments
from engine.sandbox.slack.views import Views
from engine.sandbox.slack.workspace import (
    BOT_ID,
    BOT_USER,
    TEAM_ID,
    Json,
    Workspace,
    no,
    user_shown,
)

Method = Callable[[Workspace, Arguments], Json]


def methods(views: Views) -> Mapping[str, Method]:
    """Each by its name; what it gives is answered with `ok: true`."""
    return {
        "api.test": lambda _, __: {},
        "auth.test": _auth_test,
        "users.info": lambda space, given: {"user": user_shown(space.person(given.any("user")))},
        "users.list": _users_list,
        "users.lookupByEmail": _lookup_by_email,
        "users.conversations": conversations.listed,
        "conversations.create": conversations.create,
        "conversations.info": conversations.info,
        "conversations.list": conversations.listed,
        "conversations.members": conversations.members,
        "conversations.invite": conversations.invite,
        "conversations.kick": conversations.kick,
        "conversations.join": conversations.join,
        "conversations.leave": conversations.leave,
        "conversations.archive": conversations.archive,
        "conversations.unarchive": conversations.unarchive,
        "conversations.rename": conversations.rename,
        "conversations.setTopic": conversations.set_topic,
        "conversations.setPurpose": conversations.set_purpose,
        "conversations.history": conversations.history,
        "conversations.replies": conversations.replies,
        "chat.postMessage": chat.post,
        "chat.postEphemeral": chat.post_ephemeral,
        "chat.update": chat.update,
        "chat.delete": chat.delete,
        "chat.getPermalink": chat.permalink,
        "views.open": lambda _, given: views.opened(given),
        "views.push": lambda _, given: views.opened(given),
        "views.update": lambda _, given: views.updated(given),
    }


def _auth_test(_: Workspace, __: Arguments) -> Json:
    return {
        "url": "https://sandbox.slack.com/",
        "team": "Sandbox",
        "team_id": TEAM_ID,
        "user": "harmony",
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def _users_list(workspace: Workspace, _: Arguments) -> Json:
    return {
        "members": [user_shown(person) for person in workspace.people.values()],
        "cache_ts": 1767225600,
        "response_metadata": {"next_cursor": ""},
    }


def _lookup_by_email(workspace: Workspace, given: Arguments) -> Json:
    for person in workspace.people.values():
        if person.email == given.text("email").lower():
            return {"user": user_shown(person)}
    raise no("users_not_found")
