"""The database under the store: SQLite in the state folder, or PostgreSQL by its URL."""

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from engine.errors import IncidentError, StoreUnavailable

VARIABLE = "HARMONY_DATABASE_URL"
HEAD = "0003"
"""The schema's latest step."""
FILE = "incidents.db"
BUSY_SECONDS = 30
CONNECT_SECONDS = 5
_LOCK = 7_403_201
"""PostgreSQL's advisory lock of those that bring the schema up to date."""
_POSTGRESQL_LIMITS = f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout={BUSY_SECONDS}s"
_UPGRADING = threading.Lock()
"""Alembic keeps what it works on in one place for all threads."""


def database_url(state: Path, environment: Mapping[str, str] = os.environ) -> URL:
    """HARMONY_DATABASE_URL, else the file in the state folder; IncidentError where it is none."""
    given = environment.get(VARIABLE, "").strip()
    if not given:
        return URL.create("sqlite", database=str(state / FILE))
    try:
        url = make_url(given)
    except ArgumentError:
        raise _unusable("it is not a URL") from None
    kind = url.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and url.database and url.database != ":memory:":
        return url
    raise _unusable(f"it names {kind}")


def _unusable(why: str) -> IncidentError:
    return IncidentError(
        f"{VARIABLE} cannot be used, {why}; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
        "or leave it out for a file in the state folder",
        code="INPUTS",
    )


def connect(url: URL) -> Engine:
    """An engine that connects when it is first used."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    engine = create_engine(
        url,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "options": _POSTGRESQL_LIMITS},
    )
    event.listen(engine, "begin", _begin_postgresql)
    return engine


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that changes something."""
    with engine.connect() as connection:
        options = connection.execution_options(writes=True)
        with options.begin():
            yield options


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    """Who will write takes the lock first: a reader that turns writer would be refused at once."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    """Who reads sees one moment, as in SQLite: else a timeline that grows meanwhile would not fit
    its incident. Who writes waits for the row of the incident, and sees what was there then."""
    if not _writes(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes", False))


@contextlib.contextmanager
def translated(url: URL) -> Iterator[None]:
    """The database's own errors as StoreUnavailable, in one sentence without passwords."""
    try:
        yield
    except (DBAPIError, NoSuchModuleError, OSError, sqlite3.Error) as error:
        raise StoreUnavailable(_sentence(url, error)) from None


def _sentence(url: URL, error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    why = _one_line(str(cause))[:300] or type(cause).__name__
    if url.get_backend_name() == "sqlite":
        return f"The incident store {url.database} cannot be used: {why}"
    where = f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"
    return f"The incident store at {where} ({VARIABLE}) does not answer: {why}"


def _one_line(text: str) -> str:
    """Each line a sentence: libpq puts its question below what failed, without a full stop."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    ends = (".", "?", "!", ":", ";", ",")
    return " ".join(line if line.endswith(ends) else f"{line}." for line in lines).removesuffix(".")


def bring_up_to_date(engine: Engine) -> None:
    """Make the schema, or take it to its latest step; two who do so at once wait for each other.

    StoreUnavailable where the schema is newer than this program.
    """
    with translated(engine.url):
        if _step(engine) == HEAD:
            return
        if engine.dialect.name == "sqlite":
            _upgrade_file(engine)
        else:
            with writing(engine) as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                _upgrade(connection)


def _step(engine: Engine) -> str | None:
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).exists():
        return None
    with engine.connect() as connection:
        return _step_of(connection)


def _step_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _upgrade_file(engine: Engine) -> None:
    file = Path(str(engine.url.database))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT, 0o600), "rb") as lock:  # noqa: PTH123
        fcntl.flock(lock, fcntl.LOCK_EX)
        _make_empty(file)
        with engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA journal_mode = WAL")
        with writing(engine) as connection:
            _upgrade(connection)


def _make_empty(file: Path) -> None:
    """Make it its owner's alone. It is linked in once it is closed: to close a file that SQLite has
    open elsewhere in this process would free SQLite's locks on it, and writes would be lost."""
    if file.exists():
        return
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT, 0o600))
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(fresh)
    fresh.unlink()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "engine.incidents:migrations")
    config.attributes["connection"] = connection
    try:
        with _UPGRADING:
            command.upgrade(config, "head")
    except CommandError:
        raise StoreUnavailable(
            "The incident store was made by a newer Harmony than this one; update this one"
        ) from None
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"The incident store could not be set up: {error}") from None
