"""The store on each real database: numbers, transitions, timelines, approvals, what was made."""

import contextlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url

from engine import instants
from engine.errors import IncidentError, StoreUnavailable
from engine.incidents import database
from engine.incidents.incident import NewEvent, Opening, SlackChannel, StatuspageIncident
from engine.incidents.incident_rows import IncidentFilter
from engine.incidents.store import Store
from engine.incidents.timeline import EventFilter
from engine.plan import Json
from tests.incidents.conftest import NOW

ALL = EventFilter()
RUN = "incident.remediate-INC-2026-0001"
BEGAN = "2026-09-21T00:00:00.000Z"


def opening(key: str | None = None, **more: Any) -> Opening:
    return Opening(title="Checkout is down", severity="P1", actor="alice", key=key, **more)


def gate(number: int, kind: str, actor: str = "harmony", **data: Json) -> NewEvent:
    return NewEvent(
        type=f"gate.{kind}", description=kind, key=f"run/e1/{number}", run=RUN, gate="ask",
        actor=actor, source="slack" if kind == "answered" else None, data=data,
    )  # fmt: skip


def note(key: str, text: str = "seen") -> NewEvent:
    return NewEvent(type="note.added", description=text, key=key)


def opened_in_process(url: str, number: int) -> str:
    """Open one incident as a process of its own would."""
    store = Store(make_url(url))
    try:
        return store.open(opening(f"p{number}"))[0].id
    finally:
        store.close()


def ten_at_once(url: str, first: int, go: Any, found: Any) -> None:
    """Open ten incidents from as many threads of a process, when all of all processes are there."""

    def one(number: int) -> str:
        go.wait(120)
        return store.open(opening(f"p{number}"))[0].id

    store = Store(make_url(url))
    with ThreadPoolExecutor(10) as pool:
        found.put(list(pool.map(one, range(first, first + 10))))
    store.close()


def test_fifty_that_ask_twice_get_numbers_without_gaps_or_doubles(store: Store) -> None:
    """As retried starts do."""
    with ThreadPoolExecutor(25) as pool:
        made = list(pool.map(lambda n: store.open(opening(f"k{n % 50}")), range(100)))
    assert {incident.id for incident, _ in made} == {f"INC-2026-{n:04}" for n in range(1, 51)}
    assert sum(new for _, new in made) == 50
    assert all(store.verify(incident.id).intact for incident, _ in made[:5])


def test_what_joins_a_group_is_its_incident_until_people_are_done_with_it(store: Store) -> None:
    def asked(key: str, *also: str) -> tuple[str, bool]:
        incident, made = store.open(opening(key, also=also))
        return incident.id[-4:], made

    assert asked("a") == ("0001", True)
    assert asked("a", "b") == ("0001", False)
    assert asked("b") == ("0001", False)
    assert asked("b", "c") == ("0001", False)
    for to in ("Investigating", "Resolved"):
        store.transition("INC-2026-0001", to)
    assert asked("b", "c") == ("0001", False)
    assert asked("b", "d") == ("0002", True)
    assert asked("b", "d") == ("0002", False)
    assert asked("d", "e") == ("0002", False)
    assert asked("f") == ("0003", True)
    assert store.verify("INC-2026-0002").intact


def test_fifty_at_once_of_five_processes_get_numbers_without_gaps_or_doubles(url: URL) -> None:
    """The first of them makes the tables, and the others wait for it."""
    spawn = multiprocessing.get_context("spawn")
    go, found = spawn.Barrier(50), spawn.Queue()
    where = url.render_as_string(hide_password=False)
    processes = [
        spawn.Process(target=ten_at_once, args=(where, first, go, found))
        for first in range(0, 50, 10)
    ]
    for process in processes:
        process.start()
    ids = [name for _ in processes for name in found.get(timeout=120)]
    for process in processes:
        process.join(30)
    assert sorted(int(each[9:]) for each in ids) == list(range(1, 51))


def test_starts_that_fail_half_way_leave_no_gap_among_those_beside_them(url: URL) -> None:
    """The row and its number are there already when it fails."""

    class Failing(Store):
        def _opened(self, connection: Connection, identity: str, given: Opening, now: int) -> Any:
            made = super()._opened(connection, identity, given, now)
            if str(given.key).endswith(("0", "3", "6")):
                raise StoreUnavailable(identity)
            return made

    def one(number: int) -> str | None:
        with contextlib.suppress(StoreUnavailable):
            return store.open(opening(f"k{number}"))[0].id
        return None

    store = Failing(url, clock=lambda: NOW)
    with ThreadPoolExecutor(10) as pool:
        ids = [each for each in pool.map(one, range(40)) if each]
    assert sorted(ids) == [f"INC-2026-{n:04}" for n in range(1, 29)]
    assert store.removed() == []
    store.close()


def test_each_year_counts_from_one_and_goes_on_beyond_four_digits(url: URL) -> None:
    turn = instants.parse("2027-01-01T00:00:00Z")
    old, new = Store(url, clock=lambda: turn - 1), Store(url, clock=lambda: turn)
    ids = [store.open(opening())[0].id for store in (old, new, old, new)]
    assert ids == ["INC-2026-0001", "INC-2027-0001", "INC-2026-0002", "INC-2027-0002"]
    engine = database.connect(url)
    with database.writing(engine) as connection:
        connection.execute(text("UPDATE incident_number SET last = 9998 WHERE year = 2026"))
    engine.dispose()
    assert [old.open(opening())[0].id for _ in "ab"] == ["INC-2026-9999", "INC-2026-10000"]
    for store in (old, new):
        store.close()


def test_what_one_process_writes_is_not_lost_when_another_ends(tmp_path: Path) -> None:
    """Who looks whether the file is up to date keeps the locks of its open connections: else the
    last of another process would take the log away under it."""
    url = database.database_url(tmp_path, {})
    store, engine = Store(url), database.connect(url)
    store.open(opening("first"))
    database._upgrade_file(engine)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        pool.submit(opened_in_process, url.render_as_string(), 1).result(60)
    assert store.open(opening("third"))[0].id == "INC-2026-0003"
    assert Path(f"{url.database}-wal").exists()
    engine.dispose()
    store.close()


def test_events_put_at_once_make_one_chain(store: Store) -> None:
    """None is lost, and none is there twice."""
    made, _ = store.open(opening())
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda n: store.append(made.id, [note(f"k{n % 20}")]), range(40)))
    found = store.verify(made.id)
    assert (found.intact, found.events) == (True, 21)


def test_an_opening_that_fails_leaves_no_gap(store: Store) -> None:
    """The number is given back with the transaction."""
    with pytest.raises(IncidentError, match="the title is a line"):
        store.open(Opening(title="", severity="P1"))
    with pytest.raises(IncidentError, match="has been"):
        store.open(opening(started_at="2999-01-01T00:00:00Z"))
    assert store.open(opening())[0].id == "INC-2026-0001"


def test_an_opening_is_found_again_by_its_key_or_its_pagerduty_incident(store: Store) -> None:
    first, new = store.open(opening("a", pagerduty_incident_id="P1"))
    assert (first.id, new, first.status) == ("INC-2026-0001", True, "Created")
    assert store.open(opening("a")) == (first, False)
    assert store.open(opening("b", pagerduty_incident_id="P1")) == (first, False)
    (event,) = store.events(first.id, ALL)
    assert (event.type, event.actor) == ("incident.opened", "alice")


def test_an_id_from_elsewhere_is_taken_in_once_and_not_given_again(store: Store) -> None:
    taken = store.adopt("INC-2026-0001", opening())
    assert store.adopt("INC-2026-0001", Opening(title="other", severity="P4")) == taken
    assert store.open(opening())[0].id == "INC-2026-0002"
    with pytest.raises(IncidentError, match="like INC-2026-0001"):
        store.adopt("../x", opening())


def test_a_transition_is_made_once_and_a_wrong_one_refused_and_recorded(store: Store) -> None:
    made, _ = store.open(opening())
    changed, new = store.transition(made.id, "Investigating", actor="alice", reason="paged")
    assert (changed.status, changed.phase, new) == ("Investigating", "Triaging", True)
    assert changed.acknowledged_at is not None
    assert store.transition(made.id, "Investigating")[1] is False
    with pytest.raises(IncidentError, match="cannot become Closed") as raised:
        store.transition(made.id, "Closed", actor="bob")
    assert raised.value.code == "WRONG_TRANSITION"
    kinds = [(event.type, event.actor) for event in store.events(made.id, ALL)]
    assert kinds == [
        ("incident.opened", "alice"),
        ("incident.transition", "alice"),
        ("incident.transition-refused", "bob"),
    ]
    assert store.verify(made.id).intact


def test_a_word_that_is_no_state_is_not_recorded(store: Store) -> None:
    made, _ = store.open(opening())
    with pytest.raises(IncidentError, match="there is no state 'resolved'; there are Created"):
        store.transition(made.id, "resolved")
    assert store.get(made.id).events == 1


def test_an_incident_goes_its_whole_way(store: Store) -> None:
    """An escalation gives back the phase that it interrupted."""
    made, _ = store.open(opening())
    way = ("Investigating", "Remediating", "Verifying", "Escalated", "Investigating", "Triaging",
           "Remediating", "Verifying", "Verified", "Resolved", "PostMortem", "Closed")  # fmt: skip
    been = [store.transition(made.id, to)[0] for to in way]
    assert [(each.status, each.phase) for each in been[3:5]] == [
        ("Escalated", "Verifying"), ("Investigating", "Verifying"),
    ]  # fmt: skip
    assert been[-1].closed_at is not None
    assert been[-1].resolved_at is not None
    assert store.get(made.id).events == 1 + len(way)


def test_events_of_a_run_make_the_rows_of_its_approvals(store: Store) -> None:
    made, _ = store.open(opening())
    events = [
        gate(1, "opened", ask="Run it?", approvers=["approver"], round=0,
             deadline="2026-09-21T13:20:00.000Z"),
        gate(2, "refused", why="not theirs", decision="approved"),
        gate(3, "escalated", approvers=["manager"], round=1),
        gate(4, "answered", "carol", decision="approved", state="pending", round=1),
        gate(5, "answered", "dave", decision="rejected", state="rejected", reason="no", round=1),
        gate(6, "closed", state="rejected", round=1),
    ]  # fmt: skip
    assert store.append(made.id, events)[1] == 6
    assert store.append(made.id, events)[1] == 0
    first, second = store.approvals(made.id)
    assert (first.status, first.approvers) == ("Escalated", ("approver",))
    assert (first.approver_id, first.deadline) == (None, "2026-09-21T13:20:00.000Z")
    assert (second.status, second.round, second.action) == ("Rejected", 1, "Run it?")
    assert (second.approver_id, second.reason, second.source) == ("dave", "no", "slack")


@pytest.mark.parametrize(
    ("state", "reason"),
    [("timed_out", "No answer in time"), ("cancelled", "The run was cancelled")],
)
def test_silence_and_a_stop_are_rejections_by_nobody(store: Store, state: str, reason: str) -> None:
    made, _ = store.open(opening())
    opened = gate(1, "opened", ask="?", approvers=["a"], round=0)
    store.append(made.id, [opened, gate(2, "closed", state=state, round=0)])
    (approval,) = store.approvals(made.id)
    assert (approval.status, approval.approver_id, approval.reason) == ("Rejected", None, reason)


def test_a_run_that_is_started_again_asks_anew(store: Store) -> None:
    made, _ = store.open(opening())
    for execution in ("e1", "e2"):
        event = NewEvent(
            type="gate.opened", description="?", key=f"run/{execution}/1", run=RUN,
            gate="ask", data={"ask": execution, "round": 0},
        )  # fmt: skip
        store.append(made.id, [event])
    assert [each.action for each in store.approvals(made.id)] == ["e1", "e2"]


def test_what_was_made_is_kept_and_told_once(store: Store) -> None:
    made, _ = store.open(opening())
    channel = SlackChannel(channel_id="C1", channel_name="inc-1")
    assert store.link(made.id, "slack", channel).slack == channel
    assert store.link(made.id, "slack", channel).slack == channel
    page = StatuspageIncident(statuspage_id="s", status="investigating")
    assert store.link(made.id, "statuspage", page).statuspage == page
    kinds = [event.type for event in store.events(made.id, ALL)]
    assert kinds == ["incident.opened", "slack.linked", "statuspage.linked"]


def test_means_are_of_what_is_known(store: Store) -> None:
    assert store.metrics(IncidentFilter()).mtta_seconds is None
    slow, _ = store.open(opening(started_at=BEGAN))
    store.transition(slow.id, "Investigating", at="2026-09-21T00:10:00Z")
    store.transition(slow.id, "Resolved", at="2026-09-21T01:00:00Z")
    store.open(opening())
    found = store.metrics(IncidentFilter(severity="P1"))
    assert (found.incidents, found.acknowledged, found.resolved) == (2, 1, 1)
    assert (found.mtta_seconds, found.mttr_seconds) == (600.0, 3600.0)
    assert store.metrics(IncidentFilter(severity="P2")).incidents == 0


def test_the_first_who_says_that_they_saw_it_counts(store: Store) -> None:
    """Before that, when it was first looked into."""
    made, _ = store.open(opening(started_at=BEGAN))
    store.transition(made.id, "Investigating", at="2026-09-21T00:10:00Z")
    for number, at in enumerate(("2026-09-21T00:12:00Z", "2026-09-21T00:11:00Z")):
        told = NewEvent(type="incident.acknowledged", description="", key=f"{number}", at=at)
        store.append(made.id, [told])
    assert store.get(made.id).acknowledged_at == "2026-09-21T00:12:00.000Z"


def test_incidents_are_listed_newest_first_by_what_is_asked_for(store: Store) -> None:
    old, _ = store.open(opening(started_at=BEGAN))
    new, _ = store.open(Opening(title="Slow", severity="P3"))
    assert [each.id for each in store.incidents(IncidentFilter())] == [new.id, old.id]
    assert store.incidents(IncidentFilter(severity="P3")) == [new]
    assert store.incidents(IncidentFilter(until=BEGAN)) == [old]
    assert store.incidents(IncidentFilter(since=BEGAN, limit=1)) == [new]
    assert store.incidents(IncidentFilter(status="Closed")) == []


def test_events_are_found_by_kind_actor_time_and_place(store: Store) -> None:
    made, _ = store.open(opening())
    store.append(made.id, [note("a"), gate(1, "answered", "bob", round=0), note("b", "x")])
    kinds = [event.key for event in store.events(made.id, EventFilter(type="note.*"))]
    assert kinds == ["a", "b"]
    assert [e.actor for e in store.events(made.id, EventFilter(actor="bob"))] == ["bob"]
    assert [e.sequence for e in store.events(made.id, EventFilter(after=2, limit=1))] == [3]
    assert store.events(made.id, EventFilter(type="note")) == []


@pytest.mark.parametrize("odd", ["'; DROP TABLE incident; --", "\0 \ud800 \U0001f525 <b>", "%_*"])
def test_odd_text_is_kept_as_text(store: Store, odd: str) -> None:
    made, _ = store.open(Opening(title=f"x {odd}", severity="P2"))
    store.append(made.id, [NewEvent(type="a.b", description=odd, key=odd, data={"odd": odd[:1]})])
    store.link(made.id, "slack", SlackChannel(channel_id="C1", channel_name=odd))
    assert store.verify(made.id).intact
    assert len(store.events(made.id, ALL)) == 3


def test_what_is_not_there_is_said(store: Store) -> None:
    asked: list[Callable[[str], object]] = [
        store.get, store.approvals, store.verify, lambda name: store.events(name, ALL),
        lambda name: store.append(name, []), lambda name: store.transition(name, "Closed"),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(IncidentError, match="There is no incident INC-2026-0404") as raised:
            ask("INC-2026-0404")
        assert raised.value.code == "INCIDENT_UNKNOWN"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////dev/null/incidents.db", "/dev/null/incidents.db cannot be used"),
        (
            "postgresql+psycopg://u:hunter2@127.0.0.1:1/x",
            r"127.0.0.1:1/x .* does not answer: .* refused\. Is the server running .*\?$",
        ),
    ],
)
def test_a_store_that_is_away_says_where_it_was_looked_for(url: str, says: str) -> None:
    """Without the password."""
    store = Store(make_url(url))
    with pytest.raises(StoreUnavailable, match=says) as raised:
        store.get("INC-2026-0001")
    assert "hunter2" not in str(raised.value)


def at_step(url: URL, step: str) -> None:
    """Make the tables as an earlier Harmony did."""
    Path(str(url.database)).parent.mkdir(exist_ok=True)
    engine = database.connect(url)
    config = Config()
    config.set_main_option("script_location", "engine.incidents:migrations")
    with database.writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, step)
    engine.dispose()


def test_one_that_is_older_is_brought_up_to_date_once_with_all_that_is_in_it(
    url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whichever of several processes comes first."""
    at_step(url, "0001")
    with monkeypatch.context() as then:
        then.setattr(database, "HEAD", "0001")
        old = Store(url, clock=lambda: NOW)
        made, _ = old.open(opening())  # whose keys are in a table that was not there yet
        old.append(made.id, [note("n")])
        old.close()
    spawn = multiprocessing.get_context("spawn")
    where = url.render_as_string(hide_password=False)
    with ProcessPoolExecutor(3, mp_context=spawn) as pool:
        ids = list(pool.map(opened_in_process, [where] * 3, range(3)))
    assert len(set(ids) - {made.id}) == 3
    new = Store(url)
    assert new.verify(made.id).intact
    assert [event.key for event in new.events(made.id, EventFilter(type="note.*"))] == ["n"]
    new.close()


def test_one_that_is_newer_is_not_touched(store: Store, url: URL) -> None:
    store.open(opening())
    engine = database.connect(url)
    with database.writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="newer Harmony"):
        Store(url).get("INC-2026-0001")


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = Store(database.database_url(tmp_path, {}))
    store.open(opening())
    store.close()
    assert (tmp_path / database.FILE).stat().st_mode & 0o077 == 0
