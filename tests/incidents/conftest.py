"""Each database that the store runs on, fresh for each test."""

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy.engine import URL

from engine.incidents.database import VARIABLE, database_url
from engine.incidents.serving import incident_service
from engine.incidents.store import Store
from tests import postgresql

NOW = 1_790_000_000_000
OPENING = {"title": "It is slow", "severity": "P2", "key": "opening-1"}
"""What the incident of `incident` is opened with."""
_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """One PostgreSQL server for all tests."""
    with postgresql.running() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """An empty database."""
    if request.param == "sqlite":
        return database_url(tmp_path, {})
    server, name = request.getfixturevalue("postgresql_server"), f"test_{next(_numbers)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return database_url(tmp_path, {VARIABLE: f"{server}/{name}"})


@pytest.fixture
def store(url: URL) -> Iterator[Store]:
    """A store on it, at a moment that stands still."""
    made = Store(url, clock=lambda: NOW)
    yield made
    made.close()


@pytest.fixture
async def served(url: URL) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the incident service on it, which listens for as long as the test lasts."""
    store = Store(url)
    async with incident_service(store) as (address, token):
        headers = {"Authorization": f"Bearer {token}"}
        base = f"{address}/v1/"
        async with httpx.AsyncClient(base_url=base, headers=headers, trust_env=False) as client:
            yield client
    store.close()


@pytest.fixture
async def incident(served: httpx.AsyncClient) -> str:
    """The id of an incident in that store."""
    answer = await served.post("/incidents", json=OPENING)
    assert answer.status_code == 201
    return str(answer.json()["id"])
