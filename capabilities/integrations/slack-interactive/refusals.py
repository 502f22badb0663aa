"""Slack's names of errors → the codes of the contract's error map, with what to do about each."""

_GROUPS = {
    "RATE_LIMITED": "ratelimited rate_limited message_limit_exceeded",
    "UNAVAILABLE": (
        "service_unavailable internal_error fatal_error request_timeout accesslimited"
        " team_added_to_org"
    ),
    "KEY_REFUSED": (
        "not_authed invalid_auth account_inactive token_revoked token_expired no_permission"
        " org_login_required enterprise_is_restricted team_access_not_granted ekm_access_denied"
        " two_factor_setup_required"
    ),
    "MISSING_SCOPE": "missing_scope not_allowed_token_type",
    "CHANNEL_NOT_FOUND": "channel_not_found no_channel method_not_supported_for_channel_type",
    "CHANNEL_ARCHIVED": "is_archived",
    "NOT_IN_CHANNEL": "not_in_channel user_not_in_channel",
    "INVALID_NAME": (
        "invalid_name invalid_name_maxlength invalid_name_punctuation invalid_name_required"
        " invalid_name_specials"
    ),
    "USER_NOT_FOUND": "user_not_found users_not_found no_user user_disabled",
    "NOT_PERMITTED": (
        "restricted_action restricted_action_read_only_channel"
        " restricted_action_thread_only_channel restricted_action_non_threadable_channel"
        " user_is_bot user_is_restricted user_is_ultra_restricted not_supported cant_invite"
        " cant_invite_self cant_archive_general ura_max_channels"
        " too_many_users channel_type_not_supported posting_to_general_channel_denied is_inactive"
    ),
    "MESSAGE_NOT_FOUND": "message_not_found thread_not_found",
    "MESSAGE_NOT_EDITABLE": "cant_update_message edit_window_closed",
    "TOO_LONG": "msg_too_long msg_blocks_too_long too_many_attachments metadata_too_large",
    "TRIGGER_EXPIRED": "expired_trigger_id exchanged_trigger_id trigger_expired trigger_exchanged"
    " invalid_trigger_id",
    "RESPONSE_URL_EXPIRED": "expired_url used_url",
}
CODES = {name: code for code, names in _GROUPS.items() for name in names.split()}
OTHERWISE = "REFUSED"

_ADVICE = {
    "RATE_LIMITED": "it is tried again when Slack allows",
    "UNAVAILABLE": "the trouble is on Slack's side",
    "KEY_REFUSED": "put a valid bot token into SLACK_BOT_TOKEN",
    "CHANNEL_NOT_FOUND": "give a channel's id that the app can see",
    "CHANNEL_ARCHIVED": "unarchive the channel, or take another one",
    "NOT_IN_CHANNEL": "invite the app to the channel",
    "INVALID_NAME": "give another name",
    "USER_NOT_FOUND": "give a person's Slack id or e-mail address",
    "NOT_PERMITTED": "the workspace's settings do not allow it to the app",
    "MESSAGE_NOT_FOUND": "the message was deleted, or its ts is of another channel",
    "MESSAGE_NOT_EDITABLE": "only the app's own messages can be changed",
    "TRIGGER_EXPIRED": "a modal must open within 3 seconds of the click",
    "RESPONSE_URL_EXPIRED": "a response_url lasts 30 minutes and 5 uses",
}


def code_of(name: str) -> str:
    """Of Slack's name; `REFUSED` for one that is not known."""
    return CODES.get(name, OTHERWISE)


def sentence(method: str, name: str, code: str, needed: str = "") -> str:
    """For people: what Slack refused, and what helps. `needed`: the scope that is missing."""
    refused = f"Slack refused {method}: {name[:100]}"
    if code == "MISSING_SCOPE":
        scope = f"the scope {needed}" if needed else "a scope"
        return f"{refused}; give the app {scope} and install it again"
    return f"{refused}; {_ADVICE[code]}" if code in _ADVICE else refused
