"""`harmony schema`: the JSON Schemas of the files that people write."""

from importlib.resources import files

import click
from click.shell_completion import CompletionItem

from engine.cli import output
from engine.cli.frame import Frame, harmony_command
from engine.errors import RunRefused
from engine.suggestions import did_you_mean

_SUFFIX = ".json"


def kinds() -> list[str]:
    """The names of the schemas that Harmony brings."""
    names = (entry.name for entry in files("engine").joinpath("schemas").iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(kind) for kind in kinds() if kind.startswith(incomplete)]


@harmony_command("schema")
@click.argument("kind", shell_complete=_complete, required=False)
def command(frame: Frame, kind: str | None) -> None:
    """Print the JSON Schema of one kind of file, for an editor's YAML language server.

    Without a KIND: the kinds there are.
    """
    known = kinds()
    if kind is None:
        if frame.json:
            output.document(frame, known)
        else:
            output.result("\n".join(known))
        return
    if kind not in known:
        raise RunRefused(
            f"there is no schema '{kind[:60]}'{did_you_mean(kind, known)} "
            f"(there are {', '.join(known)})"
        )
    frame.answered = True
    text = files("engine").joinpath("schemas", kind + _SUFFIX).read_text(encoding="utf-8")
    output.result(text.rstrip())
