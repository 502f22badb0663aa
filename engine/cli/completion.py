"""`harmony completion`: the completion script of a shell."""

import click
from click.shell_completion import get_completion_class

from engine.cli import output
from engine.cli.frame import Frame, harmony_command

_HOW = """Print the completion script of a shell.

\b
bash  source <(harmony completion bash)      in ~/.bashrc
zsh   source <(harmony completion zsh)       in ~/.zshrc
fish  harmony completion fish | source       in ~/.config/fish/config.fish
"""


@harmony_command("completion", help=_HOW)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(frame: Frame, shell: str) -> None:
    """Write the script that click makes for this program."""
    from engine.cli.main import PROGRAM, cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    script = kind(cli, {}, PROGRAM, "_HARMONY_COMPLETE").source()
    if frame.json:
        output.document(frame, {"shell": shell, "script": script})
    else:
        output.result(script)
