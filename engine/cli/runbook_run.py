"""`harmony runbook run`: the blocks of a runbook, through the capability that runs them."""

import click

from engine.cli import arguments, completing, output
from engine.cli.alone import Alone, confirm, run
from engine.cli.definitions import known_runbook
from engine.cli.frame import Frame, harmony_command
from engine.errors import CapabilityFailed, DefinitionError, RunRefused
from engine.messages import StepAnswer
from engine.plan import Json

RUNNER = "golden.operations.runme-runner"
_WRONG_CALL = ("PARAMETERS", "UNKNOWN_BLOCK")


@harmony_command("run")
@click.argument("runbook", metavar="NAME", shell_complete=completing.runbooks)
@click.option(
    "-i", "--input", "given_inputs", multiple=True, metavar="KEY=VALUE|@FILE",
    help="A parameter of the runbook; its blocks see it as an environment variable.",
)  # fmt: skip
@click.option("--block", "blocks", multiple=True, metavar="NAME", help="Only this block.")
@arguments.runner_option
@arguments.as_option
@click.option("--yes", is_flag=True, help="Do not ask before something destructive.")
def run_command(
    frame: Frame,
    runbook: str,
    given_inputs: tuple[str, ...],
    blocks: tuple[str, ...],
    runner: str | None,
    acting_as: str | None,
    yes: bool,  # noqa: FBT001
) -> None:
    """Run a runbook alone and print what its blocks print.

    A destructive one is asked about at the terminal, and needs --yes without one: a blueprint
    would put a gate before it. Exit status 1 where a block fails, 2 where a parameter is wrong or
    you may not.
    """
    catalog = frame.project.catalog
    found = known_runbook(catalog, runbook)
    if not found.healthy:
        raise DefinitionError(found.faults)
    if catalog.capability(RUNNER) is None:
        raise RunRefused(f"this project has no {RUNNER}, which runs runbooks; copy its folder here")
    confirm(f"the runbook {found.name}", found.effect, yes=yes)
    answer = _run(frame, Alone(
        capability=RUNNER,
        given={
            "runbook": found.name,
            "env": arguments.inputs(given_inputs),
            **({"blocks": list(blocks)} if blocks else {}),
        },
        config={},
        context={},
        initiator=arguments.who(acting_as).name,
        runner=runner,
    ))  # fmt: skip
    if frame.json:
        output.document(frame, {"runbook": found.name, "digest": found.digest,
                                "runner": answer.runner, "output": answer.output,
                                "warnings": answer.warnings})  # fmt: skip
    else:
        _tell(answer.output)


def _run(frame: Frame, wanted: Alone) -> StepAnswer:
    """As `run`; what the runner refuses before any block runs is a wrong call."""
    try:
        return run(frame, wanted)
    except CapabilityFailed as error:
        if error.code in _WRONG_CALL:
            raise RunRefused(str(error), code=error.code) from None
        raise


def _tell(result: Json) -> None:
    for block in result["blocks"]:
        took = f"{block['milliseconds'] / 1000:.1f} s" if "milliseconds" in block else "not run"
        output.say(
            output.style(output.clean(f"{block['name']}: {block['outcome']}, {took}"), bold=True)
        )
        if block.get("stdout"):
            output.result(output.clean(block["stdout"].rstrip("\n")))
        if block.get("stderr"):
            output.say(output.clean(block["stderr"].rstrip("\n")))
