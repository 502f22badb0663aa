"""A runbook's text → its front matter and its blocks, as Runme reads them.

The document is not trusted: what it may choose (shell, interpreter, folder) is checked here.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from failure import Failed
from markdown_it import MarkdownIt

SHELLS = ("bash", "sh", "zsh", "ksh", "dash", "ash")
INTERPRETERS = {
    "python": "python3", "py": "python3", "python3": "python3",
    "javascript": "node", "js": "node", "node": "node",
    "ruby": "ruby", "rb": "ruby", "perl": "perl", "pl": "perl", "php": "php", "lua": "lua",
}  # fmt: skip
LANGUAGES = frozenset((*SHELLS, "shell", "shellscript", *INTERPRETERS))
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)

DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_INFO = re.compile(r"\s*([^\s{]*)\s*(\{.*\})?\s*\Z", re.DOTALL)
_PAIR = re.compile(r"""([A-Za-z_][\w.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'{}]+))""")


@dataclass(frozen=True, slots=True)
class Block:
    """One fence of a language that runs."""

    name: str
    language: str
    code: str
    cwd: str = ""
    interpreter: str = ""
    excluded: bool = False
    """Not among those that run when none are named."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """A runbook, read."""

    title: str
    owner: str
    effect: str
    parameters: dict[str, Any]
    timeout: str
    shell: str = ""
    cwd: str = ""
    blocks: tuple[Block, ...] = field(default=())


class _CoreLoader(yaml.SafeLoader):
    """YAML 1.2 core: only true and false are booleans, and dates are text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), ["", *_first]
    )


def read(text: str) -> Runbook:
    """The runbook in `text`; Failed INVALID_RUNBOOK says what is wrong with it."""
    text = text.removeprefix("\ufeff")
    if re.match(r"\+\+\+|\{", text):
        raise Failed("INVALID_RUNBOOK", "the front matter must be YAML between two lines of ---")
    front = _FRONT.match(text)
    head = _front_matter(front[1]) if front else {}
    harmony = _mapping(head.get("harmony"), "harmony")
    return Runbook(
        title=str(harmony.get("title", "")),
        owner=str(harmony.get("owner", "")),
        effect=str(harmony.get("effect", "destructive")),
        parameters=_mapping(harmony.get("parameters"), "harmony.parameters"),
        timeout=str(harmony.get("timeout", "")),
        shell=_shell(str(head.get("shell") or "")),
        cwd=str(head.get("cwd") or ""),
        blocks=_blocks(text[front.end() :] if front else text),
    )


def _front_matter(text: str) -> dict[str, Any]:
    try:
        return _mapping(yaml.load(text, _CoreLoader), "the front matter")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise Failed("INVALID_RUNBOOK", f"the front matter is not YAML: {said[:300]}") from error


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Failed("INVALID_RUNBOOK", f"{what} must be a mapping")
    return value


def _shell(shell: str) -> str:
    name = shell.rpartition("/")[2]
    if shell and (name not in SHELLS or shell not in (name, f"/bin/{name}", f"/usr/bin/{name}")):
        known = ", ".join(SHELLS)
        raise Failed("INVALID_RUNBOOK", f"shell '{shell[:60]}' is not one of {known}")
    return name


def _blocks(body: str) -> tuple[Block, ...]:
    markdown = MarkdownIt("commonmark")
    markdown.core.ruler.enableOnly(["normalize", "block"])
    blocks: list[Block] = []
    for token in markdown.parse(body):
        info = _INFO.match(token.info) if token.type == "fence" else None
        if info and info[1].lower() in LANGUAGES:
            attributes = _attributes(info[2] or "")
            blocks.append(_block(info[1].lower(), attributes, token.content, len(blocks) + 1))
    names = [block.name for block in blocks]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise Failed("INVALID_RUNBOOK", f"two blocks are named {', '.join(doubled)[:200]}")
    return tuple(blocks)


def _block(language: str, attributes: dict[str, str], code: str, number: int) -> Block:
    name = attributes.get("name") or f"block-{number}"
    if not NAME.fullmatch(name):
        raise Failed("INVALID_RUNBOOK", f"'{name[:100]}' cannot be the name of a block")
    interpreter = attributes.get("interpreter", "")
    if interpreter and interpreter not in (*SHELLS, *INTERPRETERS):
        raise Failed("INVALID_RUNBOOK", f"block {name}: interpreter '{interpreter[:60]}' unknown")
    return Block(
        name=name,
        language=language,
        code=code.replace("\r\n", "\n"),
        cwd=attributes.get("cwd", ""),
        interpreter=interpreter,
        excluded=attributes.get("excludeFromRunAll", "").lower() == "true",
    )


def _attributes(text: str) -> dict[str, str]:
    """`{ name=x interactive=false }` or JSON."""
    try:
        given = json.loads(text)
    except ValueError:
        return {key: a or b or c for key, a, b, c in _PAIR.findall(text)}
    return {key: value if isinstance(value, str) else json.dumps(value)
            for key, value in given.items()}  # fmt: skip
