"""The state machines, move by move."""

import itertools
from typing import get_args

import pytest

from engine.errors import IncidentError
from engine.incidents.incident import ApprovalStatus, Phase, Status
from engine.incidents.states import NEXT, NEXT_PHASE, Place, approval_moved, moved

LIFE = ("Investigating", "Remediating", "Verifying", "Triaging", "Remediating", "Verifying",
        "Verified", "Resolved", "PostMortem", "Closed")  # fmt: skip


def test_a_life_from_its_report_to_its_end() -> None:
    at = Place("Created")
    for to in LIFE:
        at = moved(at, to)
        assert to in (at.status, at.phase)
    assert at == Place("Closed")


def test_an_escalation_goes_back_to_the_phase_that_it_interrupted() -> None:
    away = moved(Place("Investigating", "Remediating"), "Escalated")
    assert away == Place("Escalated", "Remediating")
    assert moved(away, "Investigating") == Place("Investigating", "Remediating")


def test_every_other_move_is_refused() -> None:
    places = [Place(status) for status in get_args(Status) if status != "Investigating"]
    places += [Place("Investigating", phase) for phase in get_args(Phase)]
    for at, to in itertools.product(places, (*get_args(Status), *get_args(Phase))):
        here = at.phase if at.status == "Investigating" else None
        allowed = (at.status, here, *NEXT[at.status], *(NEXT_PHASE[here] if here else ()))
        if to in allowed:
            assert to in (moved(at, to).status, moved(at, to).phase)
            continue
        with pytest.raises(IncidentError, match="cannot become") as refused:
            moved(at, to)
        assert refused.value.code == "WRONG_TRANSITION"


def test_a_word_that_is_no_state_is_wrong_input() -> None:
    with pytest.raises(IncidentError, match="no state 'Fixed'") as refused:
        moved(Place("Created"), "Fixed")
    assert refused.value.code == "INPUTS"


@pytest.mark.parametrize("way", [["Approved"], ["Rejected"], ["TimedOut", "Rejected"],
                                 ["TimedOut", "Escalated"]])  # fmt: skip
def test_an_approval_goes_the_ways_of_the_design(way: list[ApprovalStatus]) -> None:
    assert approval_moved("Pending", way) == way[-1]


@pytest.mark.parametrize("way", [["Escalated"], ["Approved", "Rejected"], ["TimedOut", "Approved"]])
def test_and_no_other(way: list[ApprovalStatus]) -> None:
    with pytest.raises(IncidentError, match="cannot become"):
        approval_moved("Pending", way)
