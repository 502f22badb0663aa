"""What is wrong with the blocks of a runbook."""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import NamedTuple

from engine.faults import Fault
from engine.language import shell_names
from engine.language.fault_codes import FAULT_CODES
from engine.language.reading import MAX_FAULTS, meant
from engine.language.runbook import ATTRIBUTES, BLOCK_NAME, SCRIPTS, SHELLS, Block

_TEMPLATE = re.compile(r"\{\{-?\s*(?:inputs|context|steps|run)\s*[.\[]")
_ASKS = re.compile(r"(?<![\w.])input\s*\(")
_READS_VARIABLE = re.compile(
    r"os\.(?:environ(?:\.get\(|\[)|getenv\()\s*['\"]([A-Za-z_]\w*)['\"]"
    r"|process\.env(?:\.([A-Za-z_]\w*)|\[['\"]([A-Za-z_]\w*)['\"]\])"
)
_RUN = (*SHELLS, *SCRIPTS)
_VALUES = {"background": ("false",), "excludeFromRunAll": ("true", "false")}


class _Wrong(NamedTuple):
    """A fault whose place is that of its block, or an offset in the block's code."""

    code: str
    message: str
    hint: str | None = None
    offset: int | None = None


def faults(blocks: Iterable[Block], file: str, parameters: Collection[str]) -> list[Fault]:
    """The faults of all fences that run or have a name; `parameters` are those declared."""
    lines: dict[str, int] = {}
    found = (
        _placed(wrong, block, file)
        for block in blocks
        for wrong in (_running(block, lines, parameters) if block.runs else _prose(block))
    )
    return list(islice(found, MAX_FAULTS))


def leaves(cwd: str) -> bool:
    """Whether a folder lies outside of the one it is relative to."""
    depth = 0
    for part in PurePosixPath(cwd).parts:
        depth += -1 if part == ".." else part != "."
        if depth < 0:
            return True
    return cwd.startswith("/")


def _placed(wrong: _Wrong, block: Block, file: str) -> Fault:
    line, column = block.line, block.column
    if wrong.offset is not None:
        before = block.code[: wrong.offset]
        number = before.count("\n")
        line = block.line + 1 + number
        column = block.code_columns[number] + wrong.offset - before.rfind("\n")
    severity = FAULT_CODES[wrong.code].severity
    path = f"block {block.name[:60]}"
    return Fault(wrong.code, severity, wrong.message, file, line, column, path, wrong.hint)


def _prose(block: Block) -> Iterator[_Wrong]:
    """A name says that it should run."""
    what = f"'{block.language[:60]}' is not run" if block.language else "it names no language"
    hint = meant(block.language, _RUN) or "Take its name away, or use sh, bash, python or js."
    yield _Wrong("RUNBOOK_LANGUAGE", f"a block has a name, but {what}", hint)


def _running(block: Block, lines: dict[str, int], parameters: Collection[str]) -> Iterator[_Wrong]:
    yield from _name(block, lines)
    yield from _attributes(block)
    yield from _code(block)
    yield from _undeclared(block, parameters)


def _name(block: Block, lines: dict[str, int]) -> Iterator[_Wrong]:
    """`lines`: where each name was seen first."""
    if not block.named:
        hint = "Write {name=look interactive=false} behind the language."
        yield _Wrong("RUNBOOK_UNNAMED", f"a block that runs has no name: {block.name}", hint)
    elif not BLOCK_NAME.fullmatch(block.name):
        message = f"'{block.name[:60]}' cannot be the name of a block"
        yield _Wrong("ID", message, "Letters, digits, `_`, `.` and `-`; at most 100.")
    if block.name in lines:
        message = f"another block is named '{block.name[:60]}', in line {lines[block.name]}"
        yield _Wrong("RUNBOOK_DUPLICATE", message)
    lines.setdefault(block.name, block.line)


def _attributes(block: Block) -> Iterator[_Wrong]:
    given = block.attributes
    for key in given:
        if key not in ATTRIBUTES:
            hint = meant(key, ATTRIBUTES) or f"Attributes: {', '.join(ATTRIBUTES)}."
            yield _Wrong("UNKNOWN_KEY", f"unknown attribute '{key[:60]}'", hint)
    if given.get("interactive") != "false":
        hint = "Write interactive=false: nobody sits at the terminal."
        yield _Wrong("RUNBOOK_INTERACTIVE", "the block is interactive", hint)
    for key, allowed in _VALUES.items():
        if given.get(key, "false") not in allowed:
            message = f"{key} is {' or '.join(allowed)} here, not '{given[key][:60]}'"
            yield _Wrong("WRONG_VALUE", message)
    interpreter = given.get("interpreter", "")
    if interpreter and interpreter not in _RUN:
        hint = meant(interpreter, _RUN) or "One of sh, bash, python, node, and their like."
        yield _Wrong("WRONG_VALUE", f"the interpreter '{interpreter[:60]}' is not run", hint)
    if leaves(given.get("cwd", "")):
        message = f"cwd '{given['cwd'][:60]}' is outside of the runbook's folder"
        yield _Wrong("RUNBOOK_CWD", message, "It is refused when the block runs.")


def _code(block: Block) -> Iterator[_Wrong]:
    for found in _TEMPLATE.finditer(block.code):
        hint = 'Declare a parameter and read it as "$NAME".'
        yield _Wrong("RUNBOOK_TEMPLATE", "the block holds a template", hint, found.start())
    for offset in _reads(block):
        hint = "Take the value as a parameter."
        yield _Wrong("RUNBOOK_READ", "the block reads from the terminal", hint, offset)


def _reads(block: Block) -> list[int]:
    if _is_script(block):
        return [found.start() for found in _ASKS.finditer(block.code)]
    return shell_names.terminal_reads(block.code)


def _undeclared(block: Block, parameters: Collection[str]) -> Iterator[_Wrong]:
    """Each name once a block, where it is used first."""
    seen = set(parameters)
    for name, offset in _uses(block):
        if name not in seen:
            seen.add(name)
            message = f"${name[:60]} is neither a parameter nor set in the block"
            hint = meant(name, parameters) or "Declare it in harmony.parameters.properties."
            yield _Wrong("RUNBOOK_PARAMETER", message, hint, offset)


def _uses(block: Block) -> Iterator[tuple[str, int]]:
    if not _is_script(block):
        yield from shell_names.unset_names(block.code)
        return
    for found in _READS_VARIABLE.finditer(block.code):
        name = next(filter(None, found.groups()))
        if name not in shell_names.STANDARD:
            yield name, found.start()


def _is_script(block: Block) -> bool:
    """Whether another interpreter than a shell runs it."""
    return (block.attributes.get("interpreter") or block.language) in SCRIPTS
