"""Did you mean: what is near, and what is not."""

import time

import pytest

from engine.suggestions import did_you_mean, suggest


@pytest.mark.parametrize(
    ("name", "choices", "near"),
    [
        ("incidnet", ["incident", "index"], "incident"),
        ("inputs", ["input"], "input"),
        ("upercase", ["uppercase", "lowercase"], "uppercase"),
        ("lookAgain", ["look-again"], "look-again"),
        ("look_again", ["look-again", "look-agan"], "look-again"),
        ("nede", ["needs", "need"], "need"),
        ("abc", ["xyz"], None),
        ("P5", ["P1", "P2"], None),
        ("p1", ["P1", "P2"], "P1"),
        ("a", ["b", "c"], None),
        ("", ["a"], None),
        ("same", ["same"], None),
        ("runbok", [], None),
    ],
)
def test_the_nearest_name_is_found(name: str, choices: list[str], near: str | None) -> None:
    assert suggest(name, choices) == near


def test_the_hint_is_ready_to_be_put_behind_a_sentence() -> None:
    assert did_you_mean("incidnet", ["incident"]) == "; did you mean 'incident'?"
    assert did_you_mean("incidnet", ["other"]) == ""


def test_a_long_name_among_many_takes_no_time() -> None:
    choices = [f"step-number-{number}-of-many" for number in range(2_000)]
    started = time.process_time()
    suggest("step-nunber-1999-of-many" + "x" * 10_000, choices)
    suggest("step-nunber-1999-of-many", choices)
    assert time.process_time() - started < 1
