"""`harmony incident`: what the incident store knows, and whether it is as it was written."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

import click

from engine import durations, instants
from engine.cli import output
from engine.cli.frame import Frame, harmony_command, harmony_group, program
from engine.cli.shown import clock, one_line, span
from engine.cli.timeline_text import is_routine, lines
from engine.errors import IncidentError
from engine.incidents.incident import Approval, Incident, Severity, Status, Verification
from engine.plan import Json
from engine.suggestions import did_you_mean

if TYPE_CHECKING:
    from engine.incidents.store import Store

_NEWEST = 1_000
"""Incidents among which a mistyped id is looked for."""
_HEADER = ("INCIDENT", "SEVERITY", "STATUS", "STARTED", "SEEN AFTER", "RESOLVED AFTER", "TITLE")


class _Moment(click.ParamType[str]):
    """A time: ISO 8601 with its zone, or how long ago, like `2h` or `7d`."""

    name = "time"

    def convert(self, value: str, param: object, ctx: object) -> str:  # noqa: ARG002 - click's
        """The time as the store has it; click.BadParameter where it is none."""
        with contextlib.suppress(ValueError, OverflowError):
            return instants.render(instants.parse(value))
        with contextlib.suppress(ValueError, OverflowError):
            return instants.render(time.time_ns() // 1_000_000 - durations.parse(value))
        raise click.BadParameter(
            f"'{value}' is no time: write 2026-03-01T03:00:00Z, or 2h for two hours ago"
        )


class _Hash(click.ParamType[str]):
    """The hash of an event, as `verify` prints it."""

    name = "hash"

    def convert(self, value: str, param: object, ctx: object) -> str:  # noqa: ARG002 - click's
        """In small letters; click.BadParameter where it is none."""
        if re.fullmatch(r"[0-9a-fA-F]{64}", value) is None:
            raise click.BadParameter("it is the 64 digits that `incident verify` prints as head")
        return value.lower()


_MOMENT, _HASH = _Moment(), _Hash()


@harmony_command("list")
@click.option("--status", type=click.Choice(get_args(Status), case_sensitive=False))
@click.option("--severity", type=click.Choice(get_args(Severity), case_sensitive=False))
@click.option("--since", type=_MOMENT, metavar="TIME", help="Begun after it, or within: 7d.")
@click.option("--until", type=_MOMENT, metavar="TIME", help="Begun before it.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
def list_command(
    frame: Frame,
    status: str | None,
    severity: str | None,
    since: str | None,
    until: str | None,
    limit: int,
) -> int:
    """List incidents, newest first.

    Exit status 1 where the row of one was made unreadable.
    """
    from engine.incidents.incident_rows import IncidentFilter

    wanted = IncidentFilter(status=status, severity=severity, since=since, until=until, limit=limit)
    with _store(frame) as store:
        found, damaged = store.incidents(wanted), store.unreadable()
    for name in damaged:
        output.say(
            f"{name} cannot be read, its row was changed in the database; "
            f"`{program()} incident verify {name}` says what it must be."
        )
    if frame.json:
        output.document(frame, found)
        return 1 if damaged else 0
    for line in output.table([_row(each) for each in found], _HEADER):
        output.result(line)
    if not found:
        output.say("No incidents.")
    elif len(found) == limit:
        output.say(f"The latest {limit}; --limit shows more.")
    return 1 if damaged else 0


@harmony_command("show")
@click.argument("incident", metavar="ID")
def show_command(frame: Frame, incident: str) -> None:
    """Show one incident: where it is, what was made for it, who was asked."""
    with _store(frame) as store, _near(store, incident):
        found, asked = store.get(incident), store.approvals(incident)
    if frame.json:
        output.document(frame, {"incident": found, "approvals": asked})
    else:
        output.result("\n".join(_page(found, asked)))


@harmony_command("timeline")
@click.argument("incident", metavar="ID")
@click.option("--type", "kind", metavar="TYPE", help="One type, or all of a kind: 'gate.*'.")
@click.option("--actor", metavar="NAME", help="What this one did.")
@click.option("--since", type=_MOMENT, metavar="TIME", help="After it, or within: 2h.")
@click.option("--until", type=_MOMENT, metavar="TIME", help="Before it.")
@click.option("--all", "everything", is_flag=True, help="Also the steps that went as planned.")
def timeline_command(
    frame: Frame,
    incident: str,
    kind: str | None,
    actor: str | None,
    since: str | None,
    until: str | None,
    everything: bool,  # noqa: FBT001
) -> None:
    """Show what happened in an incident and its runs, in order, with who and when.

    Steps that went as planned are left out where nothing is asked for: --all, --type 'step.*'.
    """
    from engine.incidents.timeline import EventFilter

    wanted = EventFilter(type=kind, actor=actor, since=since, until=until)
    with _store(frame) as store, _near(store, incident):
        events = store.events(incident, wanted)
    if frame.json:
        output.document(frame, events)
        return
    whole = everything or kind is not None
    shown = [event for event in events if whole or not is_routine(event)]
    for line in lines(shown):
        output.result(line)
    if left_out := len(events) - len(shown):
        output.say(f"{left_out} events of steps that went as planned are left out: --all.")
    if not events:
        output.say("No such events.")


@harmony_command("verify")
@click.argument("incidents", metavar="[ID]...", nargs=-1)
@click.option("--head", type=_HASH, metavar="HASH", help="One that was printed earlier, for ID.")
def verify_command(frame: Frame, incidents: tuple[str, ...], head: str | None) -> int:
    """Find events that were changed, removed or reordered.

    Also rows that say something else than the events; of all incidents without an ID, and of those
    whose rows were removed. Exit status 1 where an incident is not as it was written.
    """
    from engine.incidents.incident_rows import IncidentFilter

    if head is not None and len(incidents) != 1:
        raise click.UsageError("--head is of one incident: give its ID too")
    found: dict[str, Verification] = {}
    with _store(frame) as store:
        named = [each.id for each in store.incidents(IncidentFilter())]
        for name in incidents or [*store.removed(), *store.unreadable(), *named]:
            with _near(store, name):
                found[name] = store.verify(name, head)
    if frame.json:
        output.document(frame, [_verified(name, each) for name, each in found.items()])
    else:
        for name, each in found.items():
            for line in _findings(name, each):
                output.result(line)
        if not found:
            output.say("No incidents.")
    return 0 if all(each.intact for each in found.values()) else 1


command = harmony_group(
    "incident", list_command, show_command, timeline_command, verify_command,
    help="List and show incidents, their timelines, and whether these are intact.",
)  # fmt: skip


@contextlib.contextmanager
def _store(frame: Frame) -> "Iterator[Store]":
    """HARMONY_DATABASE_URL's, or the state folder's."""
    from engine.incidents.database import database_url
    from engine.incidents.store import Store

    store = Store(database_url(frame.state_folder, os.environ))
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def _near(store: "Store", given: str) -> Iterator[None]:
    """What might have been meant, behind the sentence that there is no such incident."""
    from engine.incidents.incident_rows import IncidentFilter

    try:
        yield
    except IncidentError as error:
        if error.code != "INCIDENT_UNKNOWN":
            raise
        known = [each.id for each in store.incidents(IncidentFilter(limit=_NEWEST))]
        if (whole := _written_out(given)) in known:
            known = [whole]
        raise IncidentError(
            f"there is no incident {one_line(given, 100)}{did_you_mean(given, known)}; "
            f"`{program()} incident list` has them all",
            code=error.code,
        ) from None


def _written_out(given: str) -> str:
    """INC-2026-0001 for INC-2026-1, which is as near to INC-2026-0011 by its letters."""
    found = re.fullmatch(r"INC-([0-9]{4})-([0-9]{1,9})", given, re.IGNORECASE)
    return f"INC-{found[1]}-{int(found[2]):04}" if found else given


def _row(incident: Incident) -> tuple[str, ...]:
    return (
        incident.id,
        incident.severity,
        _place(incident),
        clock(incident.started_at),
        _took(incident.started_at, incident.acknowledged_at),
        _took(incident.started_at, incident.resolved_at),
        one_line(incident.title),
    )


def _place(incident: Incident) -> str:
    return f"{incident.status} ({incident.phase})" if incident.phase else incident.status


def _took(start: str, end: str | None) -> str:
    return span((instants.parse(end) - instants.parse(start)) / 1000) if end else "-"


def _page(incident: Incident, asked: list[Approval]) -> Iterator[str]:
    yield f"{incident.id}  {incident.severity}  {_place(incident)}"
    yield f"  {one_line(incident.title, 300)}"
    for word, at in (
        ("began", incident.started_at),
        ("seen", incident.acknowledged_at),
        ("resolved", incident.resolved_at),
        ("closed", incident.closed_at),
    ):
        if at:
            after = "" if at == incident.started_at else f", after {_took(incident.started_at, at)}"
            yield f"  {word:<12}{clock(at)}{after}"
    for word, text in _made(incident):
        yield f"  {word:<12}{one_line(text, 300)}"
    if asked:
        yield "approvals"
        rows = [_approval(each) for each in asked]
        yield from (f"  {line}" for line in output.table(rows))
    yield f"timeline: {incident.events} events; `{program()} incident timeline {incident.id}`"


def _made(incident: Incident) -> Iterator[tuple[str, str]]:
    if incident.impacted_services:
        yield "services", ", ".join(incident.impacted_services)
    if incident.pagerduty_incident_id:
        yield "PagerDuty", incident.pagerduty_incident_id
    if incident.slack:
        archived = ", archived" if incident.slack.archived else ""
        yield "Slack", f"#{incident.slack.channel_name} ({incident.slack.channel_id}{archived})"
    if incident.statuspage:
        yield "Statuspage", f"{incident.statuspage.statuspage_id} ({incident.statuspage.status})"
    if incident.confluence:
        yield "post-mortem", incident.confluence.page_url


def _approval(approval: Approval) -> tuple[str, ...]:
    who = approval.approver_id or ", ".join(approval.approvers)
    why = f": {one_line(approval.reason)}" if approval.reason else ""
    at = clock(approval.decided_at or approval.requested_at)
    return (at, approval.workflow_id, approval.gate, f"{approval.status}{why}", who)


def _verified(name: str, found: Verification) -> dict[str, Json]:
    problems: list[Json] = [
        {"sequence": each.sequence, "problem": each.problem} for each in found.problems
    ]
    return {
        "incident": name,
        "intact": found.intact,
        "events": found.events,
        "head": found.head,
        "problems": problems,
    }


def _findings(name: str, found: Verification) -> Iterator[str]:
    if found.intact:
        yield f"{name}: {found.events} events, as they were written; head {found.head}"
        return
    yield f"{name}: NOT as it was written"
    for each in found.problems:
        where = f"event {each.sequence}: " if each.sequence is not None else ""
        yield f"  {where}{each.problem}"
