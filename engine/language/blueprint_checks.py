"""Every fault of one blueprint: its own, and those that come of what it uses."""

from engine.faults import Fault, has_error, in_order
from engine.language.blueprint import CLASSIFICATIONS, Blueprint, WrittenStep
from engine.language.blueprint_schemas import check_inputs
from engine.language.call_checks import CallChecks
from engine.language.catalog import Catalog
from engine.language.needs import WELL, Needs
from engine.language.producers import Producers
from engine.language.reading import Reading
from engine.language.reads import Reads


def check_blueprint(catalog: Catalog, blueprint: Blueprint) -> tuple[Fault, ...]:
    """All faults of the blueprint, sorted; remembered until a file changes."""
    for each in _children_first(catalog, blueprint):
        if each.id not in catalog.checked:
            catalog.checked[each.id] = in_order(_check(catalog, each))
    return catalog.checked[blueprint.id]


def _children_first(catalog: Catalog, root: Blueprint) -> list[Blueprint]:
    """The blueprint behind all that it comes to run and that is not checked yet."""
    found: dict[str, Blueprint] = {}
    waiting = [(root, False)]
    seen = {root.id}
    while waiting:
        here, ready = waiting.pop()
        if ready:
            found[here.id] = here
            continue
        waiting.append((here, True))
        for step in (*here.steps, *here.finally_):
            if step.child and step.child not in seen and step.child not in catalog.checked:
                seen.add(step.child)
                child = catalog.blueprint(step.child)
                if child is not None:
                    waiting.append((child, False))
    return list(found.values())


def _check(catalog: Catalog, blueprint: Blueprint) -> list[Fault]:
    reading = Reading(blueprint.document)
    reading.faults[:] = blueprint.faults
    if not blueprint.document.readable or not blueprint.complete:
        return reading.faults
    main, last = Needs(blueprint.steps), Needs(blueprint.finally_)
    for needs in (main, last):
        needs.faults(reading, elsewhere=main.index if needs is last else {})
        _unreached(reading, needs)
    check_inputs(reading, blueprint)
    producers = Producers(blueprint, catalog)
    reads = Reads(reading, producers, main, last)
    calls = CallChecks(reading, producers, reads)
    for needs in (main, last):
        for number, step in enumerate(needs.steps):
            reads.step(needs, number)
            calls.step(needs, number)
            _child(reading, producers, step)
    reads.outputs()
    return reading.faults


def _unreached(reading: Reading, needs: Needs) -> None:
    """Warn of a step that follows, just by its place, one that runs only in some cases."""
    for number, step in enumerate(needs.steps):
        if step.needs is not None or number == 0:
            continue
        above = needs.steps[number - 1]
        for need in needs.written[number - 1]:
            if need.step not in needs.index or need.outcomes is None:
                continue
            other = needs.index[need.step]
            if needs.steps[other].kind is None:
                continue
            well = needs.outcomes[other] & WELL
            if not well <= needs.allowed(need):
                message = f"it follows '{above.id}', which may not be reached"
                reading.fault(
                    "NEED_UNREACHED",
                    message,
                    step.path,
                    hint="Write `needs:` and say which outcomes let it go on.",
                )
                break


def _child(reading: Reading, producers: Producers, step: WrittenStep) -> None:
    """Whether a child is there, is clean, and does not come back to this blueprint."""
    if not step.child:
        return
    catalog, blueprint, path = producers.catalog, producers.blueprint, (*step.path, "blueprint")
    child = producers.child(step)
    if child is None:
        reading.fault(
            "BLUEPRINT_UNKNOWN",
            f"there is no blueprint '{step.child}'",
            path,
            hint=reading.meant(step.child, catalog.blueprints()),
        )
        return
    circle = _circle(catalog, blueprint.id, child)
    if circle is not None:
        reading.fault("BLUEPRINT_RECURSION", f"it comes to run itself: {' → '.join(circle)}", path)
        return
    rank = CLASSIFICATIONS.index
    if rank(child.classification) > rank(blueprint.classification):
        _too_low(reading, blueprint, child.classification, child.id, step)
    if has_error(catalog.checked.get(child.id, ())):
        reading.fault("BLUEPRINT_FAULTY", f"the blueprint '{child.id}' has faults of its own", path)


def _too_low(
    reading: Reading, blueprint: Blueprint, needed: str, user: str, step: WrittenStep
) -> None:
    message = f"'{user}' handles {needed} data, the blueprint says {blueprint.classification}"
    path = (*step.path, "blueprint")
    reading.fault("CLASSIFICATION", message, path, hint=f"Write `classification: {needed}`.")


def _circle(catalog: Catalog, start: str, child: Blueprint) -> list[str] | None:
    """The way from `start` over `child` back to `start`."""
    ways: dict[str, list[str]] = {child.id: [start, child.id]}
    waiting = [child]
    while waiting:
        here = waiting.pop()
        if here.id == start:
            return ways[here.id]
        for step in (*here.steps, *here.finally_):
            if step.child and (step.child not in ways or step.child == start):
                found = catalog.blueprint(step.child)
                if found is not None:
                    ways[step.child] = [*ways[here.id], step.child]
                    waiting.append(found)
    return None
