"""What a run leaves behind while the store is there, away, slow, or refuses."""

import asyncio
import contextlib
import json
import resource
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.errors import IncidentError, StoreUnavailable
from engine.incidents.incident import NewEvent, Opening
from engine.incidents.recorder import Recorder
from engine.incidents.run_events import events_of
from engine.messages import Entry, RunEntries

LIMIT = 20.0
AT = "2026-03-01T03:00:00.000Z"


@dataclass
class Timelines:
    """A store that is away, slow, or refuses, as it is told."""

    events: dict[str, list[NewEvent]] = field(default_factory=lambda: {"INC-1": []})
    adopted: list[tuple[str, Opening]] = field(default_factory=list)
    away: bool = False
    held: threading.Event | None = None
    tries: int = 0
    written: asyncio.Event = field(default_factory=asyncio.Event)

    def append(self, incident_id: str, events: Sequence[NewEvent]) -> None:
        self.tries += 1
        if self.held is not None:
            self.held.wait(LIMIT)
        if self.away:
            raise StoreUnavailable("The incident store does not answer: refused")
        if incident_id not in self.events:
            raise IncidentError("There is no such incident", code="INCIDENT_UNKNOWN")
        if any(event.description == "bad" for event in events):
            raise IncidentError("refused for good", code="INPUTS")
        timeline = self.events[incident_id]
        known = {event.key for event in timeline}
        timeline += [event for event in events if event.key not in known]

    def adopt(self, incident_id: str, opening: Opening) -> None:
        self.adopted.append((incident_id, opening))
        self.events.setdefault(incident_id, [])

    def texts(self, incident: str = "INC-1") -> list[str]:
        return [event.description for event in self.events[incident]]


@contextlib.asynccontextmanager
async def recorder(store: Timelines, state: Path, again: float = 0.05) -> AsyncIterator[Recorder]:
    made = Recorder(lambda: store, state, write_seconds=0.5, again_seconds=again)
    await made.start()
    yield made
    await made.close()


def batch(first: int, *texts: str, incident: str = "INC-1", **more: str) -> RunEntries:
    return RunEntries(
        incident_id=incident,
        run="incident.remediate-INC-1",
        execution="e1",
        blueprint="incident.remediate",
        names=tuple(str(first + index) for index in range(len(texts))),
        entries=tuple(Entry(at=AT, event="step.started", text=text) for text in texts),
        **more,
    )


async def until(true: object) -> None:
    async with asyncio.timeout(LIMIT):
        while not true():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_a_batch_that_comes_twice_is_written_once(tmp_path: Path) -> None:
    store = Timelines()
    async with recorder(store, tmp_path) as made:
        await made.record(batch(1, "a", "b"))
        await made.record(batch(1, "a", "b"))
        await made.record(batch(3, "c"))
    assert store.texts() == ["a", "b", "c"]
    assert [event.key for event in store.events["INC-1"]] == ["run/e1/1", "run/e1/2", "run/e1/3"]
    assert not (tmp_path / "timeline").exists()


async def test_while_the_store_is_away_nothing_waits_and_nothing_is_lost(tmp_path: Path) -> None:
    store = Timelines(away=True)
    async with recorder(store, tmp_path) as made:
        for number in range(1, 4):
            await made.record(batch(number, f"n{number}"))
        store.away = False
        await until(lambda: len(store.texts()) == 3)
        await made.record(batch(4, "n4"))
    assert store.texts() == ["n1", "n2", "n3", "n4"]
    assert list((tmp_path / "timeline").iterdir()) == []


async def test_what_is_newer_never_overtakes_what_waits(tmp_path: Path) -> None:
    store = Timelines(away=True)
    async with recorder(store, tmp_path, again=60) as made:
        await made.record(batch(1, "old"))
        store.away = False
        await made.record(batch(2, "new"))
        assert (store.texts(), store.tries) == ([], 1)
    assert store.texts() == ["old", "new"]


async def test_the_next_process_writes_what_one_left(tmp_path: Path) -> None:
    store = Timelines(away=True)
    async with recorder(store, tmp_path) as made:
        await made.record(batch(1, "a"))
        await made.record(batch(2, "b"))
    assert store.texts() == []
    store.away = False
    async with recorder(store, tmp_path):
        await until(lambda: store.texts() == ["a", "b"])


async def test_two_processes_leave_each_others_files_alone(tmp_path: Path) -> None:
    store = Timelines(away=True)
    async with recorder(store, tmp_path, again=60) as one:
        await one.record(batch(1, "of one"))
        other = Timelines()
        async with recorder(other, tmp_path) as two:
            await two.record(batch(2, "of two"))
        assert other.texts() == ["of two"]
    async with recorder(other, tmp_path):
        await until(lambda: other.texts() == ["of two", "of one"])


async def test_a_store_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    held = threading.Event()
    store = Timelines(held=held)
    async with recorder(store, tmp_path) as made:
        await made.record(batch(1, "a"))
        tries = store.tries
        held.set()
        store.held = None
        await until(lambda: store.texts() == ["a"])
    assert tries == 1


async def test_an_incident_from_elsewhere_is_taken_in(tmp_path: Path) -> None:
    store = Timelines()
    async with recorder(store, tmp_path) as made:
        await made.record(batch(1, "a", incident="INC-7", severity="P1", title=" Checkout\n down"))
        await made.record(batch(1, "b", incident="INC-8", severity="P9"))
    assert store.adopted == [
        ("INC-7", Opening(title="Checkout down", severity="P1")),
        ("INC-8", Opening(title="Incident INC-8", severity="P3")),
    ]
    assert (store.texts("INC-7"), store.texts("INC-8")) == (["a"], ["b"])


async def test_what_the_store_refuses_is_kept_apart_and_stops_nothing(tmp_path: Path) -> None:
    store = Timelines()
    async with recorder(store, tmp_path) as made:
        await made.record(batch(1, "bad"))
        await made.record(batch(2, "good"))
    assert store.texts() == ["good"]
    (line,) = (tmp_path / "timeline" / "refused.jsonl").read_text().splitlines()
    assert json.loads(line)["why"] == "refused for good"


async def test_a_line_that_broke_off_is_no_batch(tmp_path: Path) -> None:
    store = Timelines(away=True)
    async with recorder(store, tmp_path) as made:
        await made.record(batch(1, "a"))
    (file,) = (tmp_path / "timeline").iterdir()
    with file.open("ab") as end:
        end.write(b'{"incidentId": "INC-1", "ru')
    store.away = False
    async with recorder(store, tmp_path):
        await until(lambda: store.texts() == ["a"])
        await until(lambda: not file.exists())


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that has no room for more."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


async def test_what_a_full_disk_does_not_take_is_told_and_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Timelines(away=True)
    async with recorder(store, tmp_path, again=LIMIT) as made:
        await made.record(batch(1, "a"))
        (file,) = (tmp_path / "timeline").iterdir()
        with files_of_at_most(file.stat().st_size + 100):
            for _ in range(2):
                with pytest.raises(OSError, match="too large"):
                    await made.record(batch(2, "b" * 1_000))
        await made.record(batch(3, "c"))
        store.away = False
    assert store.texts() == ["a", "c"]
    assert [r.getMessage() for r in caplog.records if "nor does" in r.getMessage()] == [
        "nor does the state folder take the timeline: File too large"
    ]


def test_an_event_holds_who_from_where_and_nothing_that_a_store_refuses() -> None:
    entry = Entry(
        at="2999-01-01T00:00:00.000Z", event="gate.answered", text="x" * 20_000, who=" bob\n \0",
        source="slack", user="slack:U1", gate="ask", data={"reason": "y" * 70_000, "round": 0},
    )  # fmt: skip
    (event,) = events_of(
        RunEntries(incident_id="INC-1", run="r", execution="e", blueprint="b", names=("9",),
                   entries=(entry,))
    )  # fmt: skip
    assert (event.key, event.type, event.source, event.gate) == (
        "run/e/9", "gate.answered", "slack", "ask",
    )  # fmt: skip
    assert event.actor == "bob \N{REPLACEMENT CHARACTER}"
    assert event.at is not None
    assert event.at < "2999"
    assert len(event.description) == 10_000
    assert event.data["user"] == "slack:U1"
    assert len(event.data["reason"]) == 4_000
