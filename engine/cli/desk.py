"""The desk of this process: its incident store is HARMONY_DATABASE_URL's, or the state folder's."""

import os
from typing import TYPE_CHECKING

from engine.cli.frame import Frame
from engine.cli.reach import on_cluster

if TYPE_CHECKING:
    from engine.incidents.desk import Desk
    from engine.incidents.store import Store

_HERE = ("127.", "localhost", "[::1]", "::1")


def desk(frame: Frame) -> "Desk":
    """Opens the store when it is first needed."""
    from engine.incidents.desk import Desk

    state = frame.state_folder

    def open_store() -> "Store":
        from engine.incidents.database import database_url
        from engine.incidents.store import Store

        return Store(database_url(state, os.environ))

    return Desk(open_store, state)


def store_is_shared() -> bool:
    """Whether the store of this process is the one that the workers have: a database by its URL,
    or the file of this machine where Temporal is here too."""
    if os.environ.get("HARMONY_DATABASE_URL", "").strip() or not on_cluster():
        return True
    return os.environ["TEMPORAL_ADDRESS"].startswith(_HERE)


def store_warning() -> str | None:
    """What to say where workers and servers may have different stores."""
    if store_is_shared():
        return None
    return (
        "Incidents are kept in a file of this machine: set HARMONY_DATABASE_URL to the one "
        "database of all workers and servers."
    )
