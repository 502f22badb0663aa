"""What is shown of an undo while it is under way."""

from engine.cli.live_view import picture
from engine.cli.progress import changes
from engine.cli.run_lines import Line
from engine.cli.status import report
from engine.messages import RunView, StepFailure
from engine.run.commands import Ended, RunInfo
from engine.run.run_state import RunState
from tests.strategies import call, plan_of, run_step

BROKEN = Ended(
    outcome="failed", failure=StepFailure(code="BROKEN", message="it broke", category="FATAL")
)


def text(lines: list[Line]) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in lines]


def views() -> list[RunView]:
    """A run whose last step fails, from there to its end."""
    undo = call("undo")
    plan = plan_of(
        run_step("first", undo=undo), run_step("each", foreach=["a"], undo=undo), run_step("last")
    )
    state = RunState(plan, {}, {}, RunInfo(id="r", started_at_ms=0))
    state.begin(0)
    seen = []
    for key in ("first", "each[0]", "last", "undo/each[0]", "undo/first"):
        ended = BROKEN if key in {"last", "undo/each[0]"} else Ended()
        state.finished(key, ended, 1)
        seen.append(state.view())
    return seen[2:]


def test_the_status_names_what_is_being_undone() -> None:
    item, step, over = views()
    assert [each.undoing for each in (item, step, over)] == ["each[0]", "first", None]
    assert "▸ undoing each[0]" in text(report(item))
    shown = text(report(step))
    assert shown.index("▸ undoing first") < shown.index("NOT undone: each[0]: BROKEN: it broke")
    assert not [line for line in text(report(over)) if "undoing" in line]


def test_whoever_follows_the_run_sees_each_undo_begin_once() -> None:
    item, step, over = views()
    assert "▸ undoing first" in text(list(changes(item, step)))
    assert not [line for line in text(list(changes(step, step))) if "undoing" in line]
    assert not [line for line in text(list(changes(step, over))) if "undoing" in line]
    assert text(picture(step, 4, "*"))[-1] == "▸ undoing first"
    assert len(picture(step, 4, "*")) == 4
