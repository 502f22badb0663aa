"""`harmony capability run`: one capability, once, with the checks that a step has."""

import click

from engine.cli import arguments, completing, output
from engine.cli.alone import Alone, confirm, run
from engine.cli.definitions import known_capability
from engine.cli.frame import Frame, harmony_command


@harmony_command("run")
@click.argument("capability", metavar="ID", shell_complete=completing.capabilities)
@arguments.input_options
@click.option(
    "--config", "given_config", multiple=True, metavar="KEY=VALUE|@FILE",
    help="Over what harmony.yaml says, key by key.",
)  # fmt: skip
@arguments.runner_option
@arguments.as_option
@click.option("--yes", is_flag=True, help="Do not ask before something destructive.")
def run_command(
    frame: Frame,
    capability: str,
    given_inputs: tuple[str, ...],
    given_context: tuple[str, ...],
    severity: str | None,
    given_config: tuple[str, ...],
    runner: str | None,
    acting_as: str | None,
    yes: bool,  # noqa: FBT001
) -> None:
    """Run one capability alone and print its output as JSON.

    Flag, scopes, secrets and contract are checked as for a step. Exit status 1 where it fails,
    2 where the input is wrong or you may not.
    """
    found = known_capability(frame.project.catalog, capability)
    given = arguments.inputs(given_inputs)
    confirm(found.id, found.effect_of(given), yes=yes)
    answer = run(frame, Alone(
        capability=found.id,
        given=given,
        config=arguments.pairs(given_config, "--config"),
        context=arguments.context(given_context, severity),
        initiator=arguments.who(acting_as).name,
        runner=runner,
    ))  # fmt: skip
    if frame.json:
        output.document(frame, {
            "capability": found.id, "version": found.version, "runner": answer.runner,
            "output": answer.output, "warnings": answer.warnings,
        })  # fmt: skip
    else:
        output.document(frame, answer.output)
