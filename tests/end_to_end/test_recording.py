"""What a run of an incident gives to the timeline: all that happened, each with one name."""

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from engine.messages import Entry, RunEntries
from tests.canned import Canned, World, world

INCIDENT = {"incident_id": "INC-2026-0001", "incident_severity": "P2", "incident_title": "Down"}


def entries_of(batches: list[RunEntries], run: str) -> dict[str, Entry]:
    """By name; what came twice says the same, and may have been a moment earlier or later: where
    something arrives just then, Temporal has the run's last move made again."""
    found: dict[str, Entry] = {}
    for batch in batches:
        if batch.run == run:
            for name, entry in zip(batch.names, batch.entries, strict=True):
                assert found.get(name, entry).text == entry.text
                found[name] = entry
    return found


def lines(w: World, run: str) -> list[str]:
    return [
        " ".join(filter(None, (entry.event, entry.step or entry.gate, entry.who)))
        for entry in entries_of(w.canned.recorded, run).values()
    ]


async def test_all_that_happens_is_recorded_with_who_and_why(client: Client) -> None:
    async with world(client, Canned(record=True)) as w:
        run = await w.start("flow.gate", context=INCIDENT)
        await w.until_open(run, "ask", "also")
        await w.answer(run, "approved", "nobody", "also")
        await w.answer(run, "approved", "approver", "also", reason="it is fine")
        await w.answer(run, "rejected", "approver", "ask", reason="not now", user="root", host="h")
        view = await w.runs.result(run)
        entries = entries_of(w.canned.recorded, run)
        history = await w.runs.history(run)
    assert view.warnings == ()
    assert list(entries.values()) == history
    assert {batch.incident_id for batch in w.canned.recorded} == {"INC-2026-0001"}
    assert (w.canned.recorded[0].severity, w.canned.recorded[0].title) == ("P2", "Down")
    events = [entry.event for entry in history]
    assert (events[0], events[-1]) == ("run.started", "run.ended")
    assert history[-1].data == {"status": view.status}
    opened = next(
        entry for entry in history if entry.event == "gate.opened" and entry.gate == "ask"
    )
    gate = view.gates["ask"]
    assert opened.data == {
        "ask": gate.ask, "approvers": list(gate.approvers), "count": 1, "round": 0,
        "deadline": gate.deadline, "digest": view.digest,
    }  # fmt: skip
    answers = [entry for entry in history if entry.event in ("gate.answered", "gate.refused")]
    refused, approved, rejected = answers
    assert (refused.who, refused.gate, refused.data["decision"]) == ("nobody", "also", "approved")
    assert "incident-approver" in str(refused.data["why"])
    assert (approved.who, approved.source, approved.data["reason"]) == (
        "approver", "cli", "it is fine",
    )  # fmt: skip
    assert (rejected.data["state"], rejected.data["reason"]) == ("rejected", "not now")
    assert (rejected.user, rejected.host) == ("root", "h")


async def test_a_batch_that_is_tried_again_has_the_same_names(client: Client) -> None:
    async with world(client, Canned(record=True, record_fails=2)) as w:
        run = await w.start("flow.sequence", context=INCIDENT)
        view = await w.runs.result(run)
        entries = entries_of(w.canned.recorded, run)
        assert list(entries.values()) == await w.runs.history(run)
    assert (view.status, view.warnings) == ("succeeded", ())
    assert w.canned.recorded[0] == w.canned.recorded[1] == w.canned.recorded[2]


async def test_a_timeline_that_cannot_be_written_never_stops_a_run(client: Client) -> None:
    async with world(client, Canned(record=True, record_fails=3)) as w:
        view = await w.run("flow.sequence", context=INCIDENT)
    assert view.status == "succeeded", view.error
    lost = len(w.canned.recorded[0].entries)
    assert view.warnings == (f"{lost} entries could not be kept for the incident's timeline",)


async def test_a_child_records_what_is_its_own_and_an_answer_is_recorded_once(
    client: Client,
) -> None:
    async with world(client, Canned(record=True)) as w:
        run = await w.start("flow.parent", context=INCIDENT)
        for gate in ("one/ask", "each[1]/ask", "each[0]/ask"):
            await w.until_open(run, gate)
            await w.approve(run, gate)
        await w.runs.result(run)
        answered = [
            (batch.run.removeprefix(run), entry.gate)
            for batch in w.canned.recorded
            for entry in batch.entries
            if entry.event == "gate.answered"
        ]
    assert sorted(answered) == [("/each[0]", "ask"), ("/each[1]", "ask"), ("/one", "ask")]
    assert lines(w, run)[0] == "run.started temporal"
    assert lines(w, f"{run}/one")[0] == "run.started temporal"
    assert lines(w, f"{run}/one")[-1] == "run.ended"


async def test_all_histories_of_a_run_are_recorded(client: Client) -> None:
    async with world(client, Canned(record=True, continue_after=30)) as w:
        run = await w.start("flow.beside", {"items": list(range(12))}, context=INCIDENT)
        await w.until_open(run, "child/ask")
        await w.approve(run, "child/ask")
        await w.runs.result(run)
        assert len(await w.histories(run)) > 1
        events = [entry.event for entry in entries_of(w.canned.recorded, run).values()]
    assert (events[0], events[-1]) == ("run.started", "run.ended")
    assert events.count("item.ended") == 2 * 12
    assert len({batch.execution for batch in w.canned.recorded if batch.run == run}) == 1


async def test_without_an_incident_there_is_not_one_event_more(client: Client) -> None:
    counts = {}
    for record in (False, True):
        async with world(client, Canned(record=record)) as w:
            run = await w.start("flow.sequence")
            await w.runs.result(run)
            (history,) = await w.histories(run)
            kinds = [event.event_type for event in history.events]
            counts[record] = kinds.count(EventType.EVENT_TYPE_MARKER_RECORDED)
            assert w.canned.recorded == []
    assert counts == {False: 1, True: 1}


async def test_an_escalation_is_recorded_with_who_is_asked_next(client: Client) -> None:
    async with world(client, Canned(record=True)) as w:
        run = await w.start("flow.gate", context={**INCIDENT, "incident_severity": "P1"})
        view = await w.runs.result(run)
        entries = entries_of(w.canned.recorded, run).values()
    told = [(e.event, e.data.get("round"), e.data.get("approvers"), e.data.get("state"))
            for e in entries if e.gate == "ask"]  # fmt: skip
    assert told == [
        ("gate.opened", 0, ["incident-approver"], None),
        ("gate.escalated", 1, ["incident-manager"], None),
        ("gate.closed", 1, None, "timed_out"),
    ]
    assert view.status == "timed_out"


async def test_the_same_that_happens_again_is_recorded_again(client: Client) -> None:
    async with world(client, Canned(record=True, continue_after=30)) as w:
        run = await w.start("flow.gate", context=INCIDENT)
        await w.until_open(run, "ask", "also")
        for _ in range(3):
            await w.answer(run, "approved", "nobody", "ask")
        await w.client.get_workflow_handle(run).signal("unknown", {"a": 1})
        await w.client.get_workflow_handle(run).signal("unknown", {"a": 1})
        await w.approve(run, "ask")
        await w.approve(run, "also")
        await w.runs.result(run)
        entries = entries_of(w.canned.recorded, run)
        assert list(entries.values()) == await w.runs.history(run)
    refused = [name for name, entry in entries.items() if entry.event == "gate.refused"]
    assert [name.count(".") for name in refused] == [2, 3, 3]
    assert [entry.event for entry in entries.values()].count("signal.ignored") == 2


async def test_what_is_told_again_in_another_order_keeps_its_names(client: Client) -> None:
    """A worker that dies between its writing and Temporal's knowing has the run go on from before,
    and by then more may have come."""
    told: list[dict[str, Entry]] = []
    for order in (("ask", "also"), ("also", "ask")):
        async with world(client, Canned(record=True)) as w:
            run = await w.start("flow.gate", context=INCIDENT)
            await w.until_open(run, "ask", "also")
            for gate in order:
                await w.approve(run, gate)
            await w.runs.result(run)
            told.append(entries_of(w.canned.recorded, run))
    first, second = told
    assert list(first) != list(second)
    assert {name: entry.text for name, entry in first.items()} == {
        name: entry.text for name, entry in second.items()
    }
