"""What a condition proves about the paths it tests, for what is read only where it holds."""

from engine.expressions.tree import Applied, Binary, Compare, Const, Expr, Key, Path, Unary

_HAS_OUTPUT = {"succeeded": "output", "approved": "decision", "rejected": "decision"}


def proven_true(test: Expr) -> tuple[tuple[Key, ...], ...]:
    """The paths that are there where the test is true."""
    if isinstance(test, Binary) and test.operator == "and":
        return proven_true(test.left) + proven_true(test.right)
    if isinstance(test, Unary) and test.operator == "not":
        return proven_false(test.of)
    if isinstance(test, Compare) and len(test.rest) == 1 and test.rest[0][0] == "==":
        return _outcome(test.first, test.rest[0][1])
    return _defined(test, "defined")


def proven_false(test: Expr) -> tuple[tuple[Key, ...], ...]:
    """The paths that are there where the test is false."""
    if isinstance(test, Binary) and test.operator == "or":
        return proven_false(test.left) + proven_false(test.right)
    if isinstance(test, Unary) and test.operator == "not":
        return proven_true(test.of)
    if isinstance(test, Compare) and len(test.rest) == 1 and test.rest[0][0] == "!=":
        return _outcome(test.first, test.rest[0][1])
    return _defined(test, "undefined")


def _defined(test: Expr, name: str) -> tuple[tuple[Key, ...], ...]:
    if not isinstance(test, Applied) or test.kind != "test" or test.name != name:
        return ()
    if not isinstance(test.of, Path) or test.of.local:
        return ()
    return ((test.of.root, *test.of.keys),)


def _outcome(path: Expr, value: Expr) -> tuple[tuple[Key, ...], ...]:
    """`steps.a.outcome == 'succeeded'` proves that the step has its output."""
    if not isinstance(path, Path) or not isinstance(value, Const) or path.root != "steps":
        return ()
    if len(path.keys) != 2 or path.keys[1] != "outcome" or not isinstance(value.value, str):
        return ()
    read = _HAS_OUTPUT.get(value.value)
    return (("steps", path.keys[0], read),) if read else ()
