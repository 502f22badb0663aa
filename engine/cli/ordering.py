"""What `run` and `start` are asked for, and its check before anything starts."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.cli import arguments, completing
from engine.cli.frame import Frame
from engine.cli.reach import on_cluster
from engine.errors import RunRefused
from engine.messages import Actor, StartArguments

if TYPE_CHECKING:
    from engine.language.planner import BoundPlan

_Function = TypeVar("_Function", bound=Callable[..., Any])
_LONGEST_ID = 255


@dataclass(frozen=True, slots=True)
class Order:
    """One run as it was asked for."""

    blueprint: str
    run: str
    """The workflow's id."""
    start: StartArguments
    actor: Actor
    named: bool = False
    """The workflow's id was chosen with `--id`."""

    def for_incident(self, run: str, start: StartArguments) -> "Order":
        """The same for an incident that was just opened; an id that was chosen stays."""
        return replace(self, start=start, run=self.run if self.named else run)


def order_options(function: _Function) -> _Function:
    """The argument ID and the options of `run` and `start`."""
    for decorate in reversed(
        (
            click.argument("blueprint", metavar="ID", shell_complete=completing.blueprints),
            arguments.input_options,
            arguments.as_option,
            click.option(
                "--id",
                "run_id",
                metavar="RUN",
                help="The run's id; default: the blueprint and the incident, or something short.",
            ),
            click.option(
                "--solo",
                is_flag=True,
                help="The initiator may answer the run's gates; the run is marked solo.",
            ),
        )
    ):
        function = decorate(function)
    return function


def order(
    blueprint: str,
    *,
    given_inputs: tuple[str, ...],
    given_context: tuple[str, ...],
    severity: str | None,
    acting_as: str | None,
    run_id: str | None,
    solo: bool,
) -> Order:
    """The order as the options give it."""
    actor = arguments.who(acting_as)
    context = arguments.context(given_context, severity)
    incident = context.get("incident_id")
    suffix = incident if isinstance(incident, str) and incident else secrets.token_hex(4)
    return Order(
        blueprint=blueprint,
        run=_checked_id(f"{blueprint}-{suffix}" if run_id is None else run_id),
        start=StartArguments(
            inputs=arguments.inputs(given_inputs), context=context, actor=actor, solo=solo
        ),
        actor=actor,
        named=run_id is not None,
    )


def _checked_id(run: str) -> str:
    if not 0 < len(run.encode()) <= _LONGEST_ID or not run.isprintable() or run != run.strip():
        raise click.UsageError(
            f"the run's id must be 1 to {_LONGEST_ID} printable characters, "
            "without space at its ends; choose one with --id"
        )
    return run


def check(frame: Frame, asked: Order) -> "BoundPlan | None":
    """Refuse what the project folder knows to be wrong, before anything starts.

    None on a cluster where no project folder is at hand: there the worker decides.
    """
    if on_cluster() and not frame.has_project:
        return None
    from engine.language.planner import bind
    from engine.project.rehearsal import plan_of

    project = frame.project
    plan = plan_of(project.catalog, asked.blueprint, project.settings.gates_at_most_ms)
    policy = project.policy
    if not policy.may_start(asked.actor.name, plan.roles):
        raise RunRefused(
            f"{asked.actor.name} may not start {asked.blueprint}: it takes one of "
            f"{', '.join(plan.roles)}, and policy.yaml gives {asked.actor.name} none of them; "
            "--as NAME says who acts"
        )
    return bind(plan, asked.start.inputs, asked.start.context, project.catalog)
