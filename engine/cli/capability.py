"""`harmony capability`: what there is, one contract to read, one capability alone."""

from collections.abc import Iterator, Mapping

import click
import msgspec

from engine import durations
from engine.cli import completing, fault_output, output, schema_text
from engine.cli.capability_run import run_command
from engine.cli.definitions import known_capability
from engine.cli.frame import Frame, harmony_command, harmony_group
from engine.language.capability import Capability
from engine.plan import Json


@harmony_command("list")
def list_command(frame: Frame) -> None:
    """List the project's capabilities."""
    catalog = frame.project.catalog
    found = [c for name in catalog.capabilities() if (c := catalog.capability(name)) is not None]
    if frame.json:
        output.document(frame, [_short(each) for each in found])
        return
    rows = [(c.id, c.version, c.effect, _state(c), _first_line(c.description)) for c in found]
    for line in output.table(rows, ("CAPABILITY", "VERSION", "EFFECT", "", "WHAT IT DOES")):
        output.result(line)
    if not rows:
        output.say("no capabilities; `harmony new capability DOMAIN.NAME` makes one")


@harmony_command("show")
@click.argument("capability", metavar="ID", shell_complete=completing.capabilities)
def show_command(frame: Frame, capability: str) -> None:
    """Show the contract of one capability: what it takes, gives, needs and may touch."""
    found = known_capability(frame.project.catalog, capability)
    if frame.json:
        output.document(frame, _whole(found))
    else:
        output.result("\n".join(_page(found)))
        fault_output.show(found.faults, frame.project.folder)


command = harmony_group(
    "capability",
    list_command,
    show_command,
    run_command,
    help="List, show or run capabilities.",
)


def _state(capability: Capability) -> str:
    return "" if capability.healthy else "faulty"


def _first_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def _short(capability: Capability) -> dict[str, Json]:
    return {
        "id": capability.id,
        "version": capability.version,
        "name": capability.name,
        "description": capability.description,
        "type": capability.type,
        "effect": capability.effect,
        "healthy": capability.healthy,
    }


def _whole(capability: Capability) -> dict[str, Json]:
    return {
        **_short(capability),
        "maintainer": capability.maintainer,
        "tags": capability.tags,
        "digest": capability.digest,
        "idempotent": capability.idempotent,
        "schemas": {
            "input": capability.input,
            "output": capability.output,
            "config": capability.config,
        },
        "secrets": capability.secrets,
        "scopes": capability.scopes,
        "classification": capability.classification,
        "allowOutbound": capability.allow_outbound,
        "timeoutMs": capability.timeout_ms,
        "retry": capability.retry,
        "errorMap": capability.error_map,
        "exampleInput": capability.example_input,
        "exampleOutput": capability.example_output,
        "command": capability.command,
        "image": capability.image,
        "faults": capability.faults,
    }


def _page(capability: Capability) -> Iterator[str]:
    c = capability
    yield output.style(output.clean(f"{c.id} {c.version}"), bold=True) + output.clean(f"  {c.name}")
    yield output.clean(f"  {' '.join(c.description.split())}")
    yield ""
    facts = {
        "maintainer": c.maintainer,
        "effect": f"{c.effect}, {'idempotent' if c.idempotent else 'not idempotent'}",
        "scopes": _scopes(c.scopes),
        "classification": c.classification,
        "hosts": ", ".join(c.allow_outbound) or "none: no network",
        "one attempt": f"at most {durations.render(c.timeout_ms)}, {c.retry.attempts} attempt(s)",
        "program": f"{' '.join(c.command)} in {c.image}",
        "digest": c.digest,
    }
    yield from ("  " + line for line in output.table(list(facts.items())))
    for title, schema in (("input", c.input), ("output", c.output), ("config", c.config)):
        yield from ("", output.style(title, bold=True), *schema_text.lines(schema))
    yield from _tables(c)
    yield from ("", output.style("example", bold=True), f"  harmony capability run {c.id} \\")
    yield output.clean(f"    -i '@-' <<< '{_json(c.example_input)}'")
    if c.usage_notes:
        yield from ("", output.style("notes", bold=True), output.clean(f"  {c.usage_notes}"))
    if not c.healthy:
        yield from ("", output.style("It has faults: `harmony validate` shows them.", fg="red"))


def _tables(capability: Capability) -> Iterator[str]:
    if capability.secrets:
        yield from ("", output.style("secrets", bold=True))
        for key in capability.secrets:
            must = "required" if key.required else "optional"
            origin = f", usually from ${key.env}" if key.env else ""
            yield output.clean(f"  {key.name}  {must}{origin}")
    if capability.error_map:
        yield from ("", output.style("errors", bold=True))
        yield from ("  " + line for line in output.table(list(capability.error_map.items())))


def _scopes(scopes: tuple[str, ...] | Mapping[str, tuple[str, ...]]) -> str:
    if isinstance(scopes, tuple):
        return ", ".join(scopes) or "none"
    return "; ".join(f"{name}: {', '.join(each)}" for name, each in scopes.items())


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()
