"""A group of commands whose modules are imported only when one of them is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from engine.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a table of commands."""

    target: str
    """`module:name` of the click command."""
    help: str
    """One line, so that the overview needs no import."""


class LazyGroup(click.Group):
    """A click group over a table; a mistyped name gets "did you mean"."""

    def __init__(self, *, table: Mapping[str, Entry] | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.table = dict(table or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the table's order, then those added in place."""
        return [*self.table, *(name for name in super().list_commands(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module imported now."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = entry.target.partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a name that is not there."""
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"there is no command '{name}'{did_you_mean(name, known)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The overview, from the table alone where a command is in it."""
        rows = []
        for name in self.list_commands(ctx):
            entry = self.table.get(name)
            if entry is not None:
                rows.append((name, entry.help))
            elif (command := super().get_command(ctx, name)) is not None:
                rows.append((name, command.get_short_help_str(80)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)
