"""Slack's mrkdwn as HTML, for the page."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

_ANGLE = re.compile(r"&lt;(.*?)&gt;")
_MARKS = (
    (re.compile(r"`([^`\n]+)`"), r"<code>\1</code>"),
    (re.compile(r"(?<!\w)\*([^*\n]+)\*(?!\w)"), r"<strong>\1</strong>"),
    (re.compile(r"(?<!\w)_([^_\n]+)_(?!\w)"), r"<em>\1</em>"),
)


def rendered(text: str, names: Mapping[str, str]) -> Markup:
    """`*bold*`, `_italic_`, `<https://…|words>`, `<@U…>`, a date as its words; everything else is
    escaped."""
    plain = text.replace("&lt;", "\0l").replace("&gt;", "\0g").replace("&amp;", "&")
    shown = str(escape(plain))
    shown = _ANGLE.sub(lambda found: _angle(found[1], names), shown)
    for pattern, replacement in _MARKS:
        shown = pattern.sub(replacement, shown)
    return Markup(shown.replace("\0l", "&lt;").replace("\0g", "&gt;").replace("\n", "<br>"))  # noqa: S704


def _angle(inside: str, names: Mapping[str, str]) -> str:
    target, _, words = inside.partition("|")
    if target.startswith("@"):
        return f"<b>@{escape(names.get(target[1:], words or target[1:]))}</b>"
    if target.startswith("!date^") and words:
        return words
    if target.startswith(("https://", "http://")):
        return f'<a href="{target}">{words or target}</a>'
    return f"&lt;{inside}&gt;"
