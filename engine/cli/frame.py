"""What every command shares: the project, the state folder, the environment's file, `--json`.

A command module has one `command`, made with `@harmony_command(name)`: it takes the `Frame` first
and returns its exit status (None is 0). Errors are raised as HarmonyError, never printed by hand.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.cli.lazy import LazyGroup
from engine.errors import RunRefused

if TYPE_CHECKING:
    from engine.project.folder import Project

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(slots=True)
class Frame:
    """The shared options as given, wherever on the line, and what is found through them."""

    project_option: Path | None = None
    state_option: Path | None = None
    env_option: Path | None = None
    json: bool = False
    answered: bool = False
    """A JSON document has been written; nothing more goes to stdout."""
    _project: "Project | None" = None

    @property
    def project(self) -> "Project":
        """The project folder and what belongs to it; RunRefused where there is none."""
        if self._project is None:
            from engine.project.folder import Project, find_project, given_project

            given = self.project_option
            folder = find_project(Path.cwd()) if given is None else given_project(given)
            self._project = Project(folder, env_file=self.env_option)
        return self._project

    @property
    def has_project(self) -> bool:
        """Whether a project folder is at hand; one that was named must be there."""
        if self._project is None and self.project_option is None:
            from engine.project.folder import find_project

            try:
                find_project(Path.cwd())
            except RunRefused:
                return False
        return True

    @property
    def state_folder(self) -> Path:
        """Where the embedded server keeps its file and logs; not made by asking."""
        from engine.temporal.embedded import state_folder

        return state_folder(self.state_option)


def program() -> str:
    """`harmony` with the --state that this command was given, for commands to type next."""
    context = click.get_current_context(silent=True)
    frame = context.find_object(Frame) if context else None
    if frame is None or frame.state_option is None:
        return "harmony"
    return f"harmony --state {shlex.quote(str(frame.state_option))}"


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(context: click.Context, _: click.Parameter, value: Any) -> Any:
        if value:
            setattr(context.ensure_object(Frame), name, value)
        return value

    return callback


def shared_options(function: _Command) -> _Command:
    """The options that may stand before or after the command's name."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True)
    for decorate in reversed(
        (
            click.option(
                "--project",
                type=folder,
                metavar="DIR",
                expose_value=False,
                callback=_keep("project_option"),
                help="The project folder; default: the nearest one upward with blueprints/.",
            ),
            click.option(
                "--env",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                metavar="FILE",
                expose_value=False,
                callback=_keep("env_option"),
                help="Another file than harmony.yaml.",
            ),
            click.option(
                "--state",
                type=click.Path(file_okay=False, path_type=Path, resolve_path=True),
                metavar="DIR",
                expose_value=False,
                callback=_keep("state_option"),
                help="Where the embedded server keeps its file.",
            ),
            click.option(
                "--json",
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_keep("json"),
                help="One JSON document on stdout.",
            ),
        )
    ):
        function = decorate(function)
    return function


def harmony_command(
    name: str, **settings: Any
) -> Callable[[Callable[..., int | None]], click.Command]:
    """A click command with the shared options; its function takes the Frame first."""

    def decorate(function: Callable[..., int | None]) -> click.Command:
        def with_frame(**values: Any) -> int | None:
            return function(click.get_current_context().ensure_object(Frame), **values)

        update_wrapper(with_frame, function)
        make: Callable[[Any], click.Command] = click.command(name, **settings)
        return make(shared_options(with_frame))

    return decorate


def harmony_group(name: str, *subcommands: click.Command, help: str) -> click.Group:  # noqa: A002
    """A group of subcommands, like `capability`; it and each of them has the shared options."""
    made = LazyGroup(name=name, help=help, no_args_is_help=True)
    for subcommand in subcommands:
        made.add_command(subcommand)
    return shared_options(made)
