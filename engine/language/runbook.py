"""A runbook: Markdown as Runme reads it, and what its front matter says under `harmony:`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.faults import Fault, has_error
from engine.language.document import Document
from engine.plan import Effect, Json, PinnedRunbook

SHELLS = ("bash", "sh", "zsh", "ksh", "dash", "ash")
SCRIPTS = (
    "python", "py", "python3", "javascript", "js", "node", "ruby", "rb", "perl", "pl", "php", "lua",
)  # fmt: skip
LANGUAGES = frozenset((*SHELLS, "shell", "shellscript", *SCRIPTS))
"""The fences that run; every other fence is prose."""
ATTRIBUTES = (
    "name", "interactive", "background", "excludeFromRunAll", "tag", "cwd", "interpreter",
    "promptEnv", "id", "category", "mimeType", "terminalRows", "closeTerminalOnSuccess",
    "openTerminalOnError",
)  # fmt: skip
"""What may stand behind the language of a fence."""
BLOCK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
_RESERVED = re.compile(
    r"PATH|HOME|TMPDIR|SHELL|ENV|BASH_ENV|IFS|PS4|SHELLOPTS|BASHOPTS|ZDOTDIR|PERL5(?:OPT|LIB|DB)"
    r"|GCONV_PATH|PYTHON[A-Z]+|NODE_(?:OPTIONS|PATH)|RUBY(?:OPT|LIB)|PHPRC|PHP_INI_SCAN_DIR"
    r"|(?:LD|DYLD|OCS|RUNME|GLIBC|MALLOC|LUA)_.*|BASH_FUNC.*"
)


def reserved(name: str) -> bool:
    """Whether an environment variable changes how programs run, so that no parameter may be it."""
    return _RESERVED.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Block:
    """One fence of a runbook."""

    name: str
    """The name written, or `block-3` for the third that runs."""
    named: bool
    language: str
    """In small letters; not in LANGUAGES for a fence that has a name and yet does not run."""
    code: str
    line: int
    """Of the fence, in the file."""
    column: int
    code_columns: tuple[int, ...] = ()
    """For each line of the code, how far it is indented in the file."""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether its language is one that runs."""
        return self.language in LANGUAGES

    @property
    def excluded(self) -> bool:
        """Not among those that run when none are named."""
        return self.attributes.get("excludeFromRunAll", "").lower() == "true"


@dataclass(frozen=True, slots=True)
class Runbook:
    """A runbook file, read."""

    name: str
    document: Document
    """Its front matter."""
    faults: tuple[Fault, ...]
    text: str = ""
    digest: str = ""
    """SHA-256 of the text, hex."""
    title: str = ""
    owner: str = ""
    effect: Effect = "destructive"
    parameters: dict[str, Json] = field(default_factory=dict)
    """JSON Schema of the environment variables that the blocks take."""
    allow_outbound: tuple[str, ...] = ()
    timeout_ms: int | None = None
    image: str | None = None
    blocks: tuple[Block, ...] = ()
    """Those that run."""

    @property
    def healthy(self) -> bool:
        """Whether it has no fault but warnings."""
        return not has_error(self.faults)

    def pinned(self) -> PinnedRunbook:
        """What a plan keeps of it."""
        return PinnedRunbook(
            name=self.name,
            text=self.text,
            digest=self.digest,
            title=self.title,
            effect=self.effect,
            timeout_ms=self.timeout_ms,
            image=self.image,
            allow_outbound=self.allow_outbound,
        )
