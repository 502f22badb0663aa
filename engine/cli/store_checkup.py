"""What `harmony doctor` says of the incident store. Nothing is made by looking."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from engine.cli.checkup import Finding
from engine.cli.desk import store_warning
from engine.cli.frame import Frame
from engine.errors import IncidentError, StoreUnavailable
from engine.incidents.spool import Spool


def store(frame: Frame) -> Iterator[Finding]:
    """Where it is, whether it answers, and what waits for it on this machine's disk."""
    from engine.incidents.database import database_url
    from engine.incidents.store import Store

    try:
        url = database_url(frame.state_folder, os.environ)
    except IncidentError as error:
        yield Finding("store", "fail", str(error), "Correct HARMONY_DATABASE_URL.")
        return
    where = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        yield _found(f"{where}: made when the first incident is opened")
    else:
        with contextlib.closing(Store(url)) as there:
            try:
                there.get("INC-0000-0000")
            except IncidentError:
                yield _found(where)
            except StoreUnavailable as error:
                do = "Runs go on meanwhile; no new incident is opened before it answers."
                yield Finding("store", "fail", str(error), do)
    if waiting := Spool(frame.state_folder).waiting:
        text = f"{waiting} file(s) of events wait for the store in the state folder"
        yield Finding("store", "warn", text, "A worker writes them when the store answers.")


def _found(text: str) -> Finding:
    if warning := store_warning():
        return Finding("store", "warn", text, warning)
    return Finding("store", "ok", text)
