"""What a shell script reads: variables that it does not set itself, and the terminal."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from engine.language import shell_text

STANDARD = frozenset({
    "BASH", "BASHPID", "BASH_REMATCH", "BASH_SOURCE", "BASH_VERSION", "COLUMNS", "DIRSTACK",
    "EDITOR", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS", "HOME", "HOSTNAME",
    "HOSTTYPE", "IFS", "KUBECONFIG", "LANG", "LINENO", "LINES", "LOGNAME", "MACHTYPE", "OLDPWD",
    "OPTARG", "OPTERR", "OPTIND", "OSTYPE", "PAGER", "PATH", "PIPESTATUS", "PPID", "PS1", "PS2",
    "PS4", "PWD", "RANDOM", "REPLY", "SECONDS", "SHELL", "SHELLOPTS", "SHLVL", "TERM", "TMPDIR",
    "TZ", "UID", "USER",
})  # fmt: skip
_STANDARD_PREFIXES = ("LC_", "XDG_", "BASH_")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WORD = re.compile(_NAME)
_USE = re.compile(rf"\$(?:\{{[#!]?({_NAME})|({_NAME}))")
_SET = re.compile(
    rf"""(?<![\w${{.-])(?:
        ({_NAME})(?:\[[^\]\n]{{0,200}}\])?\+?=
      | (?:for|select)[ \t]+({_NAME})\b
      | (?:read|local|export|declare|typeset|readonly|mapfile|readarray|getopts)\b([^;|&\n()<>]*)
      | printf[ \t]+-v[ \t]+({_NAME})
    )
    | \$\{{({_NAME}):?=
    | \(\([ \t]*({_NAME})[ \t]*(?:=|\+\+|--)""",
    re.VERBOSE,
)
_TOKEN = re.compile(
    r"\$\{[^}\n]*\}|\n|;;?&?|&&|\|\|?&?|&|<<<|[0-9]*<[<(&]?-?|[0-9]*>>?|\$\(|[(){}`]|[^\s;&|<>(){}`]+"
)
_OPENS = {
    "while": "done", "until": "done", "for": "done", "select": "done",
    "if": "fi", "case": "esac", "{": "}", "(": ")",
}  # fmt: skip
_SEPARATORS = {"\n", ";", ";;", ";&", ";;&", "&&", "||", "|", "|&", "&"}
_LEADERS = _SEPARATORS | {
    "", "do", "then", "else", "elif", "while", "until", "if", "!", "{", "(", "$(", "<(", "`", ")",
    "command", "builtin", "time",
}  # fmt: skip
_CONTINUES = {"|", "|&", "&&", "||"}
_READERS = {"read", "select", "mapfile", "readarray"}
_READER = re.compile(r"\b(?:read|select|mapfile|readarray)\b")
_DEEPEST = 1_000
_OWN_INPUT = re.compile(r"\bexec\b[^\n;&|]*<")


class Use(NamedTuple):
    """A variable, and where it stands in the script."""

    name: str
    offset: int


def unset_names(script: str) -> Iterator[Use]:
    """Each use of a `$NAME` that the script does not set and that no shell has by itself."""
    code = shell_text.expansions(script)
    known = set(STANDARD)
    for found in _SET.finditer(code):
        known.update(_WORD.findall(" ".join(filter(None, found.groups()))))
    for found in _USE.finditer(code):
        name = found[1] or found[2]
        if name not in known and not name.startswith(_STANDARD_PREFIXES):
            yield Use(name, found.start())


def terminal_reads(script: str) -> list[int]:
    """The offset of each `read` whose input nothing in the script provides."""
    code = shell_text.commands(script)
    if not _READER.search(code) or _OWN_INPUT.search(code):
        return []
    return _Walk(code).run()


class _Frame:
    """A compound command under way."""

    __slots__ = ("closes", "fed", "reads")

    def __init__(self, closes: str, *, fed: bool) -> None:
        self.closes = closes
        self.fed = fed
        """Something is piped into it."""
        self.reads: list[int] = []


class _Walk:
    """One walk over the tokens: a `read` counts where no command around it has input."""

    def __init__(self, code: str) -> None:
        self.places: list[int] = []
        self.words: list[str] = []
        for token in _TOKEN.finditer(code):
            self.places.append(token.start())
            self.words.append(token[0])
        self.frames = [_Frame("", fed=False)]

    def run(self) -> list[int]:
        before, piped = "", False
        for index, word in enumerate(self.words):
            if word == "\n" and before in _CONTINUES:
                continue
            starts = before in _LEADERS
            if word == self.frames[-1].closes and (starts or word in "})"):
                self.close(index)
            elif len(self.frames) < _DEEPEST and (closes := self.opens(word, starts=starts)):
                self.frames.append(_Frame(closes, fed=piped))
            if starts and word in _READERS and not piped and not self.has_input(index):
                self.frames[-1].reads.append(self.places[index])
            piped = word in ("|", "|&") or (piped and word not in _SEPARATORS)
            if not (starts and "=" in word):
                before = word
        return sorted(offset for frame in self.frames if not frame.fed for offset in frame.reads)

    def opens(self, word: str, *, starts: bool) -> str | None:
        if word.endswith("("):
            return ")"
        return _OPENS.get(word) if starts else None

    def close(self, index: int) -> None:
        frame = self.frames.pop()
        if not frame.fed and not self.has_input(index):
            self.frames[-1].reads += frame.reads

    def has_input(self, index: int) -> bool:
        """Whether the command that the token is of has an input other than the terminal."""
        ahead = self.words[index + 1 : index + 100]
        if ahead[:1] == [")"]:
            return True  # `read)` is a pattern of `case`
        for word, following in zip(ahead, (*ahead[1:], ""), strict=False):
            if "<" in word:
                return following != "/dev/tty"
            if word in _SEPARATORS or word in ("done", "fi", "}", ")"):
                return False
        return False
