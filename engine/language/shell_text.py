"""What of a shell script is code: comments, quotes, escapes and here-documents are told apart.

Not a shell's grammar, but enough of its quoting to look for words without being fooled by text.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_HEREDOC = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|(\\)?([A-Za-z0-9_.!-]+))")
_PLAIN = re.compile(r"[^\\\"'#<\n]+")
_PLAIN_QUOTED = re.compile(r"[^\\\"]+")
_BEFORE_COMMENT = "\n \t;&|("


class _Heredoc(NamedTuple):
    """One here-document that begins in the next line."""

    end: str
    tabs: bool
    literal: bool
    """Its end is quoted: nothing in it is expanded."""


def commands(script: str) -> str:
    """The script with `_` for each quoted letter and blanks for comments and here-documents.

    As long as the script, so that an offset is the same place in both.
    """
    return "".join(_Scan(script, expansions=False).pieces())


def expansions(script: str) -> str:
    """The script with blanks for all text in which the shell expands nothing. Equally long."""
    return "".join(_Scan(script, expansions=True).pieces())


class _Scan:
    """One walk over a script."""

    def __init__(self, script: str, *, expansions: bool) -> None:
        self.script = script
        self.expansions = expansions
        self.place = 0
        self.quoted = False
        """Between double quotes."""
        self.heredocs: list[_Heredoc] = []

    def pieces(self) -> Iterator[str]:
        while self.place < len(self.script):
            letter = self.script[self.place]
            if letter == "\n" and self.heredocs and not self.quoted:
                yield from self.bodies()
            elif letter == "\\":
                yield self.text(self.place + 2)
            elif letter == '"':
                self.quoted = not self.quoted
                yield self.text(self.place + 1)
            elif self.quoted:
                stop = self.end_of_run(_PLAIN_QUOTED)
                yield self.code(stop) if self.expansions else self.text(stop)
            else:
                yield self.unquoted(letter)

    def unquoted(self, letter: str) -> str:
        if letter == "'":
            return self.text(self.after("'", self.place + 1))
        if letter == "#" and self.script[self.place - 1 : self.place] in _BEFORE_COMMENT:
            return self.blank(self.after("\n", self.place) - 1)
        if letter == "<" and (found := _HEREDOC.match(self.script, self.place)):
            literal = bool(found[2] or found[3] or found[4])
            end = found[2] or found[3] or found[5]
            self.heredocs.append(_Heredoc(end, bool(found[1]), literal))
            return self.code(found.end())
        if self.script.startswith("<<<", self.place):
            return self.code(self.place + 3)
        return self.code(self.end_of_run(_PLAIN))

    def bodies(self) -> Iterator[str]:
        """The here-documents, from the end of the line that named them."""
        yield self.code(self.place + 1)
        for heredoc in self.heredocs:
            stop = self.end_of(heredoc)
            text = heredoc.literal or not self.expansions
            yield self.blank(stop) if text else self.code(stop)
        self.heredocs = []

    def end_of(self, heredoc: _Heredoc) -> int:
        place = self.place
        while place < len(self.script):
            after = self.after("\n", place)
            line = self.script[place:after].rstrip("\n")
            if (line.lstrip("\t") if heredoc.tabs else line) == heredoc.end:
                return after - 1 if self.script.endswith("\n", place, after) else after
            place = after
        return len(self.script)

    def end_of_run(self, plain: re.Pattern[str]) -> int:
        """Behind the letters from here on that mean nothing, or behind this one."""
        found = plain.match(self.script, self.place)
        return found.end() if found else self.place + 1

    def after(self, what: str, place: int) -> int:
        """Behind the next `what`, or one behind the end."""
        found = self.script.find(what, place)
        return len(self.script) + 1 if found < 0 else found + 1

    def code(self, stop: int) -> str:
        start, self.place = self.place, stop
        return self.script[start:stop]

    def text(self, stop: int) -> str:
        """Quoted: one word in `commands`, nothing in `expansions`."""
        length = len(self.code(stop))
        return (" " if self.expansions else "_") * length

    def blank(self, stop: int) -> str:
        return "".join("\n" if letter == "\n" else " " for letter in self.code(stop))
