"""The program `harmony`: its table of commands, and how each way of ending becomes a status.

Exit status: 0 succeeded, 1 failed, 2 a fault in a definition or in how it was called,
3 rejected or timed out at a gate, 4 something it needs was not reachable, 130 cancelled.
"""

import gc
import os
import sys
from collections.abc import Sequence

import click

from engine import VERSION
from engine.cli import output, streams
from engine.cli.frame import Frame, shared_options
from engine.cli.lazy import Entry, LazyGroup
from engine.cli.leaving import leave
from engine.errors import DefinitionError, HarmonyError

PROGRAM = "harmony"
_COLLECT_EVERY = 50_000
"""New objects until Python looks for garbage. Imports make many and leave none: at Python's own 700
a run spends 0.05 s of its start on looking."""
_SIGPIPE = 141
"""The status of a program that SIGPIPE ended, as shells have it."""

COMMANDS = {
    "validate": Entry("engine.cli.validate:command", "Report every fault of the project's files."),
    "plan": Entry("engine.cli.plan:command", "Show what a blueprint would do for these inputs."),
    "graph": Entry("engine.cli.graph:command", "Draw a blueprint: mermaid, svg or text."),
    "test": Entry("engine.cli.test_cases:command", "Run the cases of blueprints and capabilities."),
    "run": Entry("engine.cli.run:command", "Run a blueprint to its end and show each step."),
    "start": Entry("engine.cli.start:command", "Start a blueprint on the cluster; print its id."),
    "list": Entry("engine.cli.list_runs:command", "List runs."),
    "status": Entry("engine.cli.status:command", "Show one run's steps, gates and outputs."),
    "history": Entry("engine.cli.history:command", "Show what happened in a run, and who did it."),
    "approve": Entry("engine.cli.answer:approve", "Approve a gate of a run."),
    "reject": Entry("engine.cli.answer:reject", "Reject a gate of a run."),
    "cancel": Entry("engine.cli.cancel:command", "Cancel a run; what was done is undone."),
    "worker": Entry("engine.cli.worker:command", "Serve the task queue until told to stop."),
    "serve": Entry("engine.cli.serve:command", "Take Slack's clicks and alerts over HTTP."),
    "sandbox": Entry("engine.cli.sandbox:command", "Play the vendors on this machine."),
    "capability": Entry("engine.cli.capability:command", "List, show or run capabilities."),
    "incident": Entry("engine.cli.incident:command", "Show incidents and their timelines."),
    "runbook": Entry("engine.cli.runbook:command", "List, show or run runbooks."),
    "image": Entry("engine.cli.image:command", "List or build the images that steps run in."),
    "new": Entry("engine.cli.new:command", "Write a working skeleton with a passing case."),
    "schema": Entry("engine.cli.schema:command", "Print a JSON Schema for editors."),
    "doctor": Entry("engine.cli.doctor:command", "Say what is reachable and set, and what to do."),
    "completion": Entry("engine.cli.completion:command", "Print the completion script of a shell."),
}


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted and not context.resilient_parsing:
        output.result(f"{PROGRAM} {VERSION}")
        context.exit(0)


@click.command(
    PROGRAM,
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `harmony doctor`; `harmony COMMAND --help` explains one command.",
)
@shared_options
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print the version.",
)
def cli() -> None:
    """Incident automation on Temporal: blueprints, capabilities, runbooks and gates."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status; nothing escapes as a traceback.

    HARMONY_DEBUG=1 lets an unexpected error show where it came from.
    """
    gc.set_threshold(_COLLECT_EVERY)
    streams.prepare()
    status = _ended(Frame(), list(sys.argv[1:] if arguments is None else arguments))
    if arguments is None and "temporalio" in sys.modules:
        leave(status)
    return status


def _ended(frame: Frame, given: list[str]) -> int:
    try:
        status = _dispatch(frame, given)
    except BrokenPipeError:  # whoever read stdout has gone, like `| head`
        streams.give_up_stdout()
        return _SIGPIPE
    except click.ClickException as error:
        frame.json = frame.json or "--json" in given  # it may stand behind what was wrong
        return _refused(frame, _sentence(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt, EOFError):
        return _refused(frame, "stopped", 130)
    except HarmonyError as error:
        return _harmony_error(frame, error)
    except Exception as error:
        return _unexpected(frame, error)
    return status


def _dispatch(frame: Frame, arguments: list[str]) -> int:
    for text in arguments:
        if not _is_utf_8(text):
            raise click.UsageError(f"{text!a} is not UTF-8: give text in UTF-8")
    instruction = os.environ.get("_HARMONY_COMPLETE")
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {"obj": frame}, PROGRAM, "_HARMONY_COMPLETE", instruction)
    try:
        with cli.make_context(PROGRAM, arguments, obj=frame) as context:
            context.color = output.colour()
            status = cli.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return status if isinstance(status, int) else 0


def _is_utf_8(text: str) -> bool:
    """Whether the bytes that were given made text; Python keeps what does not as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sentence(error: click.ClickException) -> str:
    """A usage error with the command it belongs to, and where its help is."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        output.say(error.format_message())
        return "say which command"
    context = getattr(error, "ctx", None)
    text = error.format_message()
    return text if context is None else f"{text}\nTry '{context.command_path} --help'."


def _refused(frame: Frame, text: str, status: int, **facts: str) -> int:
    first, _, rest = text.partition("\n")
    output.say(f"{output.style(f'{PROGRAM}:', fg='red', bold=True)} {output.clean(first)}")
    if rest:
        output.say(output.clean(rest))
    if frame.json and not frame.answered:
        output.document(frame, {"error": {**facts, "message": first, "exitStatus": status}})
    return status


def _harmony_error(frame: Frame, error: HarmonyError) -> int:
    if isinstance(error, DefinitionError):
        from engine.cli import fault_output

        return fault_output.refuse(frame, error)
    facts = {
        name: str(value) for name in ("code", "category") if (value := getattr(error, name, ""))
    }
    return _refused(frame, str(error), error.exit_status, **facts)


def _unexpected(frame: Frame, error: Exception) -> int:
    if os.environ.get("HARMONY_DEBUG") == "1":
        import traceback

        output.say("".join(traceback.format_exception(error)).rstrip())
    kind = type(error).__name__
    words = str(error).partition("\n")[0] or "no message"
    return _refused(
        frame,
        f"unexpected {kind}: {words} - this is a bug in Harmony; "
        "please report it with what HARMONY_DEBUG=1 shows",
        1,
    )


if __name__ == "__main__":
    sys.exit(main())
