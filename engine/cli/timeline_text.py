"""An incident's timeline, as people read it."""

from collections.abc import Iterator, Sequence

from engine.cli.shown import clock, one_line
from engine.incidents.incident import HARMONY, Event

_TOLD = ("failed", "cancelled", "retry")


def is_routine(event: Event) -> bool:
    """Whether it is a step that started, went well, or was not needed."""
    kind, _, what = event.type.partition(".")
    return kind in ("step", "item") and what not in _TOLD


def lines(events: Sequence[Event]) -> Iterator[str]:
    """A line for each event, below the run that it belongs to. What an incident's capabilities
    write belongs to no run, and stands where it happened."""
    run = None
    width = max((len(event.type) for event in events), default=0)
    for at, event in enumerate(events):
        if event.run is not None and event.run != run:
            if at:
                yield ""
            yield one_line(event.run)
            run = event.run
        yield (
            f"{event.sequence:>4}  {clock(event.at)}  {one_line(event.type):<{width}}  "
            f"{one_line(event.description, 500)}{_who(event)}"
        )


def _who(event: Event) -> str:
    if event.actor == HARMONY and not event.source:
        return ""
    whence = f"{event.actor} ({event.source})" if event.source else event.actor
    return f"  [{one_line(whence)}]"
