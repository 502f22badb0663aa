"""`harmony graph`: the picture of a blueprint."""

from importlib import import_module

import click

from engine.cli import completing, output
from engine.cli.frame import Frame, harmony_command
from engine.cli.picture import shape

_FORMATS = ("text", "mermaid", "svg")


@harmony_command("graph")
@click.argument("blueprint", metavar="ID", shell_complete=completing.blueprints)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="text for the terminal, mermaid for Markdown, svg for anything else.",
)
def command(frame: Frame, blueprint: str, form: str) -> None:
    """Draw the steps of a blueprint and what waits for what."""
    from engine.language.planner import compile_blueprint
    from engine.language.reachable_runbooks import pin_named_runbooks

    catalog = frame.project.catalog
    plan = pin_named_runbooks(compile_blueprint(catalog, blueprint), catalog)
    drawn = shape.of(plan)
    picture = import_module(f"engine.cli.picture.{form}").draw(drawn)
    if frame.json:
        output.document(
            frame,
            {
                "blueprint": blueprint,
                "format": form,
                "picture": picture,
                "nodes": drawn.nodes,
                "links": drawn.links,
            },
        )
    else:
        output.result(picture)
