"""What somebody does to the store behind its back: refused by each database, else found."""

import sqlite3
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from engine.incidents import database, timeline
from engine.incidents.incident import NewEvent, Opening, SlackChannel
from engine.incidents.store import Store

ID = "INC-2026-0001"
_OTHER = "INC-2026-0002"
_COLUMNS = (
    "event_type, actor, description, timestamp, recorded_at, source, workflow_id, blueprint, step,"
    " gate, data"
)
_FIVE = f"(SELECT * FROM timeline_event WHERE id = '{ID}/5')"


@pytest.fixture
def engine(store: Store) -> Iterator[Engine]:
    """The database of two incidents with seven events each, one of them with an approval."""
    for key in "ab":
        made, _ = store.open(Opening(title="Checkout is down", severity="P1", key=key))
        store.transition(made.id, "Investigating", actor="alice")
        gates = [
            NewEvent(type=f"gate.{kind}", description="?", key=f"run/{key}/{kind}", gate="ask",
                     actor="carol", data={"ask": "Run it?", "approvers": ["manager"], "round": 0,
                                          "state": "approved", "reason": "go"})
            for kind in ("opened", "answered")
        ]  # fmt: skip
        notes = [NewEvent(type="note.added", description=each, key=each) for each in "xy"]
        store.append(made.id, [*gates, *notes])
        store.link(made.id, "slack", SlackChannel(channel_id="C1", channel_name="inc-1"))
        assert store.verify(made.id).intact
    engine = database.connect(store.url)
    yield engine
    engine.dispose()


def _copied(place: str, incident: str = ID, sequence: str = "sequence") -> str:
    """A row made of the fifth event."""
    return (
        f"INTO timeline_event (id, incident_id, sequence, {_COLUMNS}, key, previous, hash) "
        f"SELECT '{place}', '{incident}', {sequence}, {_COLUMNS}, 'new', hash, hash FROM {_FIVE} f"
    )


_REFUSED = {
    "sqlite": [
        f"REPLACE {_copied(f'{ID}/5', sequence='99')}",
        f"INSERT OR REPLACE {_copied(f'{ID}/99')}",
        f"UPDATE OR REPLACE timeline_event SET id = '{ID}/4' WHERE id = '{ID}/5'",
        (
            "REPLACE INTO timeline_event (rowid, id, incident_id, sequence,"
            f" {_COLUMNS}, key, previous, hash) "
            f"SELECT 5, '{ID}/99', '{ID}', 99, {_COLUMNS}, 'new', previous, hash FROM {_FIVE}"
        ),
    ],
    "postgresql": [
        "TRUNCATE timeline_event",
        "TRUNCATE incident CASCADE",
        (
            f"MERGE INTO timeline_event t USING (SELECT 1) one ON t.id = '{ID}/5' "
            "WHEN MATCHED THEN DELETE"
        ),
    ],
    "each": [
        "UPDATE timeline_event SET actor = actor",
        "DELETE FROM timeline_event WHERE sequence = 7",
        "DELETE FROM timeline_event",
        (
            f"INSERT {_copied(f'{ID}/5', sequence='99')} WHERE true "
            "ON CONFLICT (id) DO UPDATE SET actor = 'eve'"
        ),
    ],
}


def test_the_database_refuses_to_change_a_timeline(store: Store, engine: Engine) -> None:
    """Also for who asks it directly, in whichever way it has."""
    for statement in (*_REFUSED["each"], *_REFUSED[engine.dialect.name]):
        refused = pytest.raises(DBAPIError, match="append-only")
        with refused, database.writing(engine) as connection:
            connection.execute(text(statement))
    assert store.verify(ID).intact


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (f"UPDATE timeline_event SET description = 'x' WHERE id = '{ID}/4'", "event 4: changed"),
        (f"UPDATE timeline_event SET source = 'cli' WHERE id = '{ID}/4'", "event 4: changed"),
        (f"DELETE FROM timeline_event WHERE id = '{ID}/1'", "event 1 is missing"),
        (f"DELETE FROM timeline_event WHERE id = '{ID}/4'", "event 4 is missing"),
        (f"DELETE FROM timeline_event WHERE id = '{ID}/7'", "event 7 is missing at the end"),
        (f"DELETE FROM timeline_event WHERE incident_id = '{ID}'", "events 1 to 7 are missing"),
        (
            (
                f"UPDATE timeline_event SET sequence = 99 WHERE id = '{ID}/4';"
                f"UPDATE timeline_event SET sequence = 4 WHERE id = '{ID}/5';"
                f"UPDATE timeline_event SET sequence = 5 WHERE id = '{ID}/4'"
            ),
            "they were reordered",
        ),
        (f"INSERT {_copied(f'{ID}/8', sequence='8')}", "event 8: changed"),
        (f"INSERT {_copied(f'{ID}/0', sequence='0')}", "in no place of the timeline"),
        (f"INSERT {_copied(f'{ID}/-1', sequence='-1')}", "in no place of the timeline"),
        (
            (
                f"UPDATE timeline_event SET incident_id = '{_OTHER}', sequence = 8, key = 'z' "
                f"WHERE id = '{ID}/7'"
            ),
            "event 7 is missing at the end",
        ),
        (
            (
                f"UPDATE timeline_event SET incident_id = '{ID}', sequence = 8, key = 'z' "
                f"WHERE id = '{_OTHER}/7'"
            ),
            f"of another event, {_OTHER}/7",
        ),
        (f"UPDATE incident SET severity = 'P4' WHERE id = '{ID}'", 'its events say "P1"'),
        (f"UPDATE incident SET status = 'Closed' WHERE id = '{ID}'", '"Investigating"'),
        (f"UPDATE incident SET events = 6 WHERE id = '{ID}'", "that it has 6 events"),
        (f"UPDATE incident SET head = '' WHERE id = '{ID}'", "the last event is not the one"),
        ("UPDATE slack_channel SET channel_id = 'C9'", '"channelId":"C9"'),
        ("DELETE FROM slack_channel", "has slack null"),
        (
            "UPDATE approval SET approver_id = 'eve'",
            f'approval {ID}/run/a/ask/0 has approverId "eve", its events say "carol"',
        ),
        ("UPDATE approval SET status = 'Rejected'", 'has status "Rejected"'),
        ("UPDATE approval SET reason = NULL", 'has reason null, its events say "go"'),
        ("UPDATE approval SET approvers = '7'", "approval"),
        ("DELETE FROM approval", f"the row of the approval {ID}/run/a/ask/0 was removed"),
        (f"UPDATE approval SET id = 'z' WHERE incident_id = '{ID}'", "approval z is in none"),
        (f"DELETE FROM incident WHERE id = '{ID}'", "the incident's row was removed"),
    ],
)
def test_what_was_done_behind_its_back_is_found(
    store: Store, engine: Engine, statements: str, says: str
) -> None:
    """By who took the triggers away first."""
    _without_triggers(engine, *statements.split(";"))
    problems = [
        f"event {each.sequence}: {each.problem.replace('the event was', '')}".replace("  ", " ")
        for each in store.verify(ID).problems
    ]
    assert any(says in problem for problem in problems), problems


def test_an_incident_that_is_gone_is_missed(store: Store, engine: Engine) -> None:
    """With all that belonged to it: its number was given."""
    tables = ("timeline_event", "slack_channel", "approval")
    gone = [f"DELETE FROM {table} WHERE incident_id = '{_OTHER}'" for table in tables]
    _without_triggers(engine, *gone, f"DELETE FROM incident WHERE id = '{_OTHER}'")
    assert store.removed() == [_OTHER]
    [problem] = store.verify(_OTHER).problems
    assert problem.problem == "the incident's row was removed from the database"


@pytest.mark.usefixtures("engine")
def test_a_timeline_that_grows_meanwhile_is_as_it_was_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is verified is of one moment."""
    read = timeline.as_stored

    def grown(*given: object) -> object:
        store.append(ID, [NewEvent(type="note.added", description="new", key="new")])
        return read(*given)  # type: ignore[arg-type]

    assert store.get(ID).events == 7
    monkeypatch.setattr(timeline, "as_stored", grown)
    found = store.verify(ID)
    assert (found.problems, found.events) == ((), 7)
    assert store.get(ID).events == 8


def _without_triggers(engine: Engine, *statements: str) -> None:
    """Do it as the owner of the database can: SQLite holds no reference unless it is told to."""
    if engine.dialect.name == "sqlite":
        with sqlite3.connect(str(engine.url.database)) as lite:
            triggers = lite.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for (name,) in triggers.fetchall():
                lite.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                lite.execute(statement)
        lite.close()
        return
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as server:
        server.execute("SET session_replication_role = replica")
        for statement in statements:
            server.execute(statement.encode())
