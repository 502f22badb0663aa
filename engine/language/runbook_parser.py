"""A runbook's text → its front matter's text and its fences, with their places."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from engine.language.runbook import LANGUAGES, Block

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_INFO = re.compile(r"\s*([^\s{]*)\s*(\{.*\})?\s*\Z", re.DOTALL)
_PAIR = re.compile(r"""([A-Za-z_][\w.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'{}]+))""")


class Split(NamedTuple):
    """A runbook in two parts."""

    front: str | None
    """Between the lines of `---`; None where the text does not begin with them."""
    body: str
    first_line: int
    """Of the body, in the file."""


def split(text: str) -> Split:
    """Front matter and body; a byte order mark is skipped."""
    text = text.removeprefix("\ufeff")
    front = _FRONT.match(text)
    if front is None:
        return Split(None, text, 1)
    return Split(front[1], text[front.end() :], text.count("\n", 0, front.end()) + 1)


def fences(body: str, first_line: int = 1) -> tuple[Block, ...]:
    """Every fence that runs or has a name, wherever CommonMark sees one."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark")
    markdown.core.ruler.enableOnly(["normalize", "block"])
    lines = body.split("\n")
    return tuple(_blocks(markdown.parse(body), lines, first_line))


def _blocks(tokens: list[Any], lines: list[str], first_line: int) -> Iterator[Block]:
    running = 0
    for token in tokens:
        info = _INFO.match(token.info) if token.type == "fence" else None
        if info is None:
            continue
        language, attributes = info[1].lower(), _attributes(info[2] or "")
        running += language in LANGUAGES
        if language in LANGUAGES or "name" in attributes:
            start, end = token.map
            inside = zip(token.content.split("\n"), lines[start + 1 : end], strict=False)
            yield Block(
                name=attributes.get("name") or f"block-{running}",
                named=bool(attributes.get("name")),
                language=language,
                code=token.content,
                line=first_line + start,
                column=lines[start].find(token.markup) + 1,
                code_columns=tuple(max(0, line.find(code)) for code, line in inside),
                attributes=attributes,
            )


def _attributes(text: str) -> dict[str, str]:
    """`{ name=x interactive=false }` or JSON."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return {key: a or b or c for key, a, b, c in _PAIR.findall(text)}
    return {key: value if isinstance(value, str) else json.dumps(value)
            for key, value in given.items()}  # fmt: skip
