"""`harmony incident` on a store with incidents in it."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.incidents.database import FILE, database_url
from engine.incidents.incident import NewEvent, Opening, SlackChannel, StatuspageIncident
from engine.incidents.store import Store
from tests.cli.conftest import Harmony, Ran

NOW = 1_790_000_000_000  # 2026-09-21T13:33:20Z
FIRST = "INC-2026-0001"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two incidents: one with a run that asked, and one just begun."""
    store = Store(database_url(tmp_path, {}), clock=lambda: NOW)
    began = "2026-09-21T13:03:20.000Z"
    made, _ = store.open(Opening(
        title="Checkout is \x1b[31mdown", severity="P1", started_at=began, actor="pagerduty",
        impacted_services=("checkout", "cart"), pagerduty_incident_id="Q1",
    ))  # fmt: skip
    store.transition(made.id, "Investigating", actor="alice", at="2026-09-21T13:08:20Z")
    store.link(made.id, "slack", SlackChannel(channel_id="C1", channel_name="inc-1"))
    page = StatuspageIncident(statuspage_id="p1", status="investigating")
    store.link(made.id, "statuspage", page)
    asked: dict[str, Any] = {"ask": "Run it?", "approvers": ["incident-approver"], "round": 0}
    answer: dict[str, Any] = {"state": "approved", "round": 0, "reason": "go"}
    run = f"incident.remediate-{made.id}"
    store.append(made.id, [
        NewEvent(type="gate.opened", description="Run it?", key="run/e/1", run=run, gate="ask",
                 data=asked),
        NewEvent(type="gate.answered", description="bob approved", key="run/e/2", run=run,
                 gate="ask", actor="bob", source="slack", data=answer),
    ])  # fmt: skip
    store.open(Opening(title="Slow", severity="P3"))
    store.close()
    return tmp_path


@pytest.fixture
def incident(harmony: Harmony, state: Path, monkeypatch: pytest.MonkeyPatch) -> Harmony:
    """`incident("list")` on that store, in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("HARMONY_DATABASE_URL", raising=False)

    def run(*words: str) -> Ran:
        return harmony("--state", str(state), "incident", *words)

    return run


def test_the_list_is_newest_first_with_how_long_it_took(incident: Harmony) -> None:
    header, newest, oldest = incident("list").out.splitlines()
    assert header.split("  ")[0] == "INCIDENT"
    assert newest.split()[:3] == ["INC-2026-0002", "P3", "Created"]
    assert "Investigating (Triaging)" in oldest
    assert "5m 00s" in oldest
    assert "\x1b" not in oldest


def test_the_list_is_narrowed(incident: Harmony) -> None:
    assert [each["id"] for each in incident("list", "--severity", "P1", "--json").document] == [
        FIRST
    ]
    assert incident("list", "--status", "investigating").out.count("INC-") == 1
    assert incident("list", "--until", "2026-09-21T13:10:00Z").out.count("INC-") == 1
    late = incident("list", "--status", "Closed")
    assert (late.err, late.status) == ("No incidents.\n", 0)
    assert incident("list", "--limit", "1").err == "The latest 1; --limit shows more.\n"


def test_a_time_may_be_how_long_ago(incident: Harmony) -> None:
    assert incident("list", "--since", "2026-09-01T00:00:00+02:00").out.count("INC-") == 2
    assert incident("list", "--since", "1d").err == "No incidents.\n"
    refused = incident("list", "--since", "yesterday")
    assert refused.status == 2
    assert "'yesterday' is no time: write 2026-03-01T03:00:00Z, or 2h" in refused.err


def test_one_is_shown_with_what_was_made_and_who_was_asked(incident: Harmony) -> None:
    said = incident("show", FIRST).out
    for text in (
        "P1  Investigating (Triaging)", "after 5m 00s", "checkout, cart", "#inc-1 (C1)",
        "p1 (investigating)", "Approved: go", "bob", "harmony --state",
    ):  # fmt: skip
        assert text in said
    document = incident("show", FIRST, "--json").document
    assert document["incident"]["slack"]["channelId"] == "C1"
    assert document["approvals"][0]["approverId"] == "bob"


def test_the_timeline_says_what_happened_and_who_did_it(incident: Harmony) -> None:
    lines = incident("timeline", FIRST).out.splitlines()
    [*made, gap, run, opened, answered] = lines
    assert [line.split()[0] for line in (*made, opened, answered)] == [str(n) for n in range(1, 7)]
    assert (gap, run) == ("", f"incident.remediate-{FIRST}")
    assert " ".join(opened.split()[4:]) == "gate.opened Run it?"
    assert " ".join(answered.split()[4:]) == "gate.answered bob approved [bob (slack)]"
    assert incident("timeline", FIRST, "--type", "gate.*").out.count("\n") == 3
    assert [
        e["actor"] for e in incident("timeline", FIRST, "--actor", "bob", "--json").document
    ] == ["bob"]
    assert incident("timeline", FIRST, "--actor", "nobody").err == "No such events.\n"


def test_steps_that_went_as_planned_are_left_out_and_counted(
    incident: Harmony, state: Path
) -> None:
    store = Store(database_url(state, {}), clock=lambda: NOW)
    run = f"incident.initiate-{FIRST}"
    store.append(FIRST, [
        NewEvent(type=f"step.{how}", description=how, key=f"run/e/{how}", run=run)
        for how in ("started", "retry", "failed", "skipped")
    ])  # fmt: skip
    store.close()
    ran = incident("timeline", FIRST)
    assert [line.split()[4] for line in ran.out.splitlines()[-2:]] == ["step.retry", "step.failed"]
    assert ran.err == "2 events of steps that went as planned are left out: --all.\n"
    for words in (("--all",), ("--type", "step.*")):
        whole = incident("timeline", FIRST, *words)
        assert (whole.out.splitlines()[-4].split()[4], whole.err) == ("step.started", "")
    assert len(incident("timeline", FIRST, "--json").document) == 10


@pytest.mark.parametrize("verb", ["show", "timeline", "verify"])
@pytest.mark.parametrize("given", ["INC-2026-001", "inc-2026-0001"])
def test_a_mistyped_id_is_answered_with_the_near_one(
    incident: Harmony, verb: str, given: str
) -> None:
    ran = incident(verb, given)
    assert ran.status == 2
    assert f"there is no incident {given}; did you mean 'INC-2026-000" in ran.err


@pytest.mark.parametrize("given", ["INC-2026-1", "inc-2026-01"])
def test_an_id_without_its_zeros_is_answered_with_the_one_of_that_number(
    incident: Harmony, state: Path, given: str
) -> None:
    """Among those that are as near by their letters."""
    with contextlib.closing(Store(database_url(state, {}), clock=lambda: NOW)) as store:
        for _ in range(10):
            store.open(Opening(title="Slow", severity="P3"))
    assert f"there is no incident {given}; did you mean '{FIRST}'?" in incident("show", given).err


def test_what_is_intact_is_said_with_its_head(incident: Harmony) -> None:
    ran = incident("verify")
    assert ran.status == 0
    assert f"{FIRST}: 6 events, as they were written; head " in ran.out
    assert incident("verify", FIRST, "--json").document[0]["intact"] is True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE timeline_event SET description = 'x' WHERE sequence = 3",
         "event 3: the event was changed after it was written"),
        ("UPDATE timeline_event SET timestamp = 'x', data = '{' WHERE sequence = 3",
         "event 3: the event was changed after it was written"),
        ("UPDATE timeline_event SET sequence = 'x' WHERE sequence = 6",
         "event 6 is missing at the end"),
        ("UPDATE incident SET events = 2 WHERE id = 'INC-2026-0001'",
         "the incident says that it has 2 events, and there are more"),
        ("DELETE FROM timeline_event WHERE sequence = 2", "event 3: event 2 is missing"),
        ("DELETE FROM timeline_event WHERE sequence = 6", "event 6 is missing at the end"),
        ("UPDATE timeline_event SET sequence = 9 - sequence WHERE sequence IN (4, 5)",
         "event 4: this place is of another event, INC-2026-0001/5: they were reordered"),
    ],
)  # fmt: skip
def test_what_was_tampered_with_is_found(
    incident: Harmony, state: Path, change: str, said: str
) -> None:
    with sqlite3.connect(state / FILE) as file:
        for name in ("update", "delete"):
            file.execute(f"DROP TRIGGER timeline_event_no_{name}")
        if "9 - sequence" in change:
            file.execute("UPDATE timeline_event SET sequence = -5 WHERE sequence = 5")
            file.execute("UPDATE timeline_event SET sequence = 5 WHERE sequence = 4")
            file.execute("UPDATE timeline_event SET sequence = 4 WHERE sequence = -5")
        else:
            file.execute(change)
    ran = incident("verify")
    assert ran.status == 1
    assert f"{FIRST}: NOT as it was written" in ran.out
    assert said in ran.out
    assert "INC-2026-0002: 1 events, as they were written" in ran.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'nonsense'", "row cannot be read, it was changed in the database; its events"),
        ("started_at = 'nonsense'", '"startedAt"'),
        ("impacted_services = '{'", 'impactedServices ["checkout","cart"]'),
        ("acknowledged_at = x'00'", "row cannot be read"),
        ("events = 'many'", "row cannot be read"),
        ("phase = 'Sleeping'", 'status "Investigating", phase "Triaging"'),
    ],
)
def test_a_row_that_was_made_unreadable_is_one_sentence_and_hides_no_other(
    incident: Harmony, state: Path, change: str, said: str
) -> None:
    with sqlite3.connect(state / FILE) as file:
        file.execute(f"UPDATE incident SET {change} WHERE id = '{FIRST}'")
    listed = incident("list")
    assert listed.status == 1
    assert "INC-2026-0002" in listed.out
    assert f"{FIRST} cannot be read, its row was changed in the database" in listed.err
    for verb in ("show", "timeline"):
        ran = incident(verb, FIRST)
        assert ran.status == 2
        assert f"The row of {FIRST} cannot be read, it was changed in the database" in ran.err
    verified = incident("verify")
    assert verified.status == 1
    assert said.strip('"') in verified.out
    assert "INC-2026-0002: 1 events, as they were written" in verified.out


@pytest.mark.parametrize(
    ("table", "change", "verb", "what"),
    [
        ("approval", "requested_at = 'x'", "show", "An approval"),
        ("approval", "approvers = '{'", "show", "An approval"),
        ("timeline_event", "timestamp = 'x'", "timeline", "The timeline"),
    ],
)
def test_what_belongs_to_an_incident_and_cannot_be_read_is_one_sentence(
    incident: Harmony, state: Path, table: str, change: str, verb: str, what: str
) -> None:
    with sqlite3.connect(state / FILE) as file:
        file.execute("DROP TRIGGER timeline_event_no_update")
        file.execute(f"UPDATE {table} SET {change} WHERE incident_id = '{FIRST}'")
    ran = incident(verb, FIRST)
    assert ran.status == 2
    assert f"{what} of {FIRST} cannot be read, it was changed in the database" in ran.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'Closed', phase = NULL", 'has status "Closed", its events say "Investigating"'),
        ("severity = 'P4'", 'has severity "P4", its events say "P1"'),
        ("title = 'Fine'", 'has title "Fine", its events say'),
        ("acknowledged_at = started_at", "has acknowledgedAt"),
        ("resolved_at = started_at", "has resolvedAt"),
    ],
)
def test_a_row_that_says_something_else_than_its_events_is_found(
    incident: Harmony, state: Path, change: str, said: str
) -> None:
    with sqlite3.connect(state / FILE) as file:
        file.execute(f"UPDATE incident SET {change} WHERE id = '{FIRST}'")
    ran = incident("verify", FIRST)
    assert ran.status == 1
    assert f"the incident's row {said}" in ran.out


def test_a_link_that_was_changed_is_found(incident: Harmony, state: Path) -> None:
    with sqlite3.connect(state / FILE) as file:
        file.execute("UPDATE statuspage_incident SET status = 'resolved'")
    assert "the incident's row has statuspage" in incident("verify", FIRST).out


def test_a_head_that_was_kept_finds_an_end_that_was_cut_off(incident: Harmony, state: Path) -> None:
    head = incident("verify", FIRST, "--json").document[0]["head"]
    assert incident("verify", FIRST, "--head", head.upper()).status == 0
    with sqlite3.connect(state / FILE) as file:
        file.execute("DROP TRIGGER timeline_event_no_delete")
        file.execute("DELETE FROM timeline_event WHERE sequence = 6")
        (last,) = file.execute("SELECT hash FROM timeline_event WHERE sequence = 5").fetchone()
        file.execute("UPDATE incident SET events = 5, head = ?  WHERE id = ?", (last, FIRST))
        undecided = "approver_id = NULL, reason = NULL, source = NULL, decided_at = NULL"
        file.execute(f"UPDATE approval SET status = 'Pending', {undecided}")
    assert incident("verify", FIRST).status == 0
    assert incident("verify", FIRST, "--head", last).status == 0
    ran = incident("verify", FIRST, "--head", head)
    assert ran.status == 1
    assert f"no event has the hash {head}: the end was cut off" in ran.out
    assert incident("verify", "--head", head).status == 2
    assert "64 digits" in incident("verify", FIRST, "--head", "x").err


def test_a_store_that_is_away_is_exit_4(harmony: Harmony, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARMONY_DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x")
    ran = harmony("incident", "list")
    assert ran.status == 4
    assert "127.0.0.1:1/x (HARMONY_DATABASE_URL) does not answer" in ran.err
    assert "hunter2" not in ran.err


def test_a_url_of_something_else_is_exit_2(
    harmony: Harmony, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARMONY_DATABASE_URL", "mysql://x")
    ran = harmony("incident", "list")
    assert ran.status == 2
    assert "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE" in ran.err
