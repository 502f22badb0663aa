"""`harmony plan`: what would happen for these inputs, before anything does."""

import click

from engine.cli import arguments, completing, output
from engine.cli.frame import Frame, harmony_command


@harmony_command("plan")
@click.argument("blueprint", metavar="ID", shell_complete=completing.blueprints)
@arguments.input_options
@arguments.as_option
def command(
    frame: Frame,
    blueprint: str,
    given_inputs: tuple[str, ...],
    given_context: tuple[str, ...],
    severity: str | None,
    acting_as: str | None,
) -> None:
    """Show what a blueprint would do: its steps, approvers, secrets, hosts, and the digest.

    Nothing is started. Every call is taken to succeed and every gate to be approved.
    """
    from engine.cli.outlook import look_ahead
    from engine.cli.plan_text import lines
    from engine.language.planner import bind
    from engine.project.rehearsal import plan_of

    inputs = arguments.inputs(given_inputs)
    context = arguments.context(given_context, severity)
    project = frame.project
    plan = plan_of(project.catalog, blueprint, project.settings.gates_at_most_ms)
    bound = bind(plan, inputs, context, project.catalog)
    outlook = look_ahead(bound, project, arguments.who(acting_as).name)
    if frame.json:
        output.document(frame, outlook)
    else:
        output.result("\n".join(lines(outlook)))
