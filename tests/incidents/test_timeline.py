"""The schema and the chain on a real SQLite file, tampered with as one who has the file could."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from engine.incidents import chain, database, incident_rows, input_checks, timeline
from engine.incidents.incident import NewEvent, Opening
from engine.incidents.tables import metadata

NOW = 1_790_000_000_000
ID = "INC-2026-0001"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = database.connect(database.database_url(tmp_path, {}))
    database.bring_up_to_date(made)
    with made.connect().execution_options(writes=True) as connection, connection.begin():
        opening = input_checks.opening(Opening(title="It is slow", severity="P2"), NOW)
        incident_rows.create(connection, incident_rows.next_id(connection, NOW), opening)
        _append(connection, 5)
    yield made
    made.dispose()


def _append(connection: Connection, count: int) -> int:
    held = incident_rows.held(connection, ID)
    end = timeline.Appender(connection, ID, held.events, held.head, NOW)
    given = [
        NewEvent(type="note.added", description=f"nr {n} \0 \U0001f525", key=f"k{n}", data={"n": n})
        for n in range(count)
    ]
    return end.append(given)[1]


def _problems(engine: Engine) -> list[tuple[int | None, str]]:
    with engine.connect() as connection:
        held = incident_rows.held(connection, ID)
        events = timeline.read(connection, ID, timeline.EventFilter())
        return [(p.sequence, p.problem) for p in chain.check(events, held.events, held.head)]


def _tamper(engine: Engine, *statements: str) -> None:
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        for name in ("update", "delete"):
            connection.exec_driver_sql(f"DROP TRIGGER timeline_event_no_{name}")
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_the_migrations_make_what_the_tables_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == database.HEAD


def test_an_event_is_written_once_for_its_key(engine: Engine) -> None:
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        assert _append(connection, 7) == 2
        assert incident_rows.held(connection, ID).events == 7
    assert _problems(engine) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE timeline_event SET actor = 'x' WHERE sequence = 2",
        "DELETE FROM timeline_event WHERE sequence = 5",
        "INSERT OR REPLACE INTO timeline_event SELECT * FROM timeline_event WHERE sequence = 2",
    ],
)
def test_the_database_itself_refuses_a_change(engine: Engine, statement: str) -> None:
    with (
        engine.connect() as connection,
        pytest.raises(IntegrityError, match="the timeline is append-only"),
    ):
        connection.exec_driver_sql(statement)
    assert _problems(engine) == []


@pytest.mark.parametrize(
    ("statements", "sequence", "words"),
    [
        (["UPDATE timeline_event SET description = 'x' WHERE sequence = 3"], 3, "was changed"),
        (["DELETE FROM timeline_event WHERE sequence = 3"], 4, "event 3 is missing"),
        (["DELETE FROM timeline_event WHERE sequence > 3"], None, "events 4 to 5 are missing"),
        (["DELETE FROM timeline_event"], None, "events 1 to 5 are missing"),
        (
            [
                "UPDATE timeline_event SET sequence = 99 WHERE sequence = 2",
                "UPDATE timeline_event SET sequence = 2 WHERE sequence = 3",
                "UPDATE timeline_event SET sequence = 3 WHERE sequence = 99",
            ],
            2,
            "reordered",
        ),
    ],
)
def test_what_was_done_to_it_is_found(
    engine: Engine, statements: list[str], sequence: int | None, words: str
) -> None:
    _tamper(engine, *statements)
    found = _problems(engine)
    assert any(at == sequence and words in problem for at, problem in found), found
