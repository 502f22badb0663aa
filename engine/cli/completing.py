"""Completion of ids: from the names of files alone, for it must answer while someone types."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from engine.cli.frame import Frame


def _project(context: click.Context) -> Path | None:
    frame = context.find_object(Frame)
    if frame is not None and frame.project_option is not None:
        return frame.project_option
    here = Path.cwd()
    return next((f for f in (here, *here.parents) if (f / "blueprints").is_dir()), None)


def _stems(context: click.Context, folder: str, suffix: str) -> list[str]:
    project = _project(context)
    if project is None:
        return []
    try:
        names = [path.name for path in (project / folder).iterdir()]
    except OSError:
        return []
    return sorted(n.removesuffix(suffix) for n in names if n.endswith(suffix) and n[0] != ".")


def _matching(names: list[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def blueprints(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of blueprints, for `shell_complete=`."""
    return _matching(_stems(context, "blueprints", ".yaml"), incomplete)


def runbooks(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of runbooks, for `shell_complete=`."""
    return _matching(_stems(context, "runbooks", ".md"), incomplete)


def capabilities(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Ids of capabilities, for `shell_complete=`."""
    project = _project(context)
    found = sorted((project / "capabilities").glob("*/*/capability.yaml")) if project else []
    names = [f"golden.{path.parts[-3]}.{path.parts[-2]}" for path in found]
    return _matching(names, incomplete)


def images(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the images that capabilities share, for `shell_complete=`."""
    project = _project(context)
    found = sorted((project / "containers").glob("*/Containerfile")) if project else []
    return _matching([path.parent.name for path in found], incomplete)
