"""Block Kit as Slack checks it, so that what is refused there is refused here."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.sandbox.moments import upper_id

Json = dict[str, Any]

_IN_MESSAGE = 50
_IN_VIEW = 100
_ID_LENGTH = 255
_TEXTS = ("plain_text", "mrkdwn")


def faults(blocks: Any, *, view: bool = False) -> list[str]:
    """Every fault in words; an empty list where Slack would take the blocks."""
    if not isinstance(blocks, list):
        return ["blocks must be a list"]
    most = _IN_VIEW if view else _IN_MESSAGE
    found = [f"no more than {most} blocks"] if len(blocks) > most else []
    ids: set[str] = set()
    for at, block in enumerate(blocks):
        where = f"blocks/{at}"
        if not isinstance(block, dict) or block.get("type") not in _CHECKS:
            found.append(f"{where}: unsupported type")
            continue
        found += [f"{where}{fault}" for fault in _CHECKS[block["type"]](block)]
        block_id = block.get("block_id", "-")
        if not isinstance(block_id, str) or not 0 < len(block_id) <= _ID_LENGTH:
            found.append(f"{where}/block_id: must have 1 to 255 characters")
        elif "block_id" in block and block_id in ids:
            found.append(f"{where}/block_id: `{block_id}` already exists")
        else:
            ids.add(block_id)
    return found


def named(blocks: list[Json]) -> list[Json]:
    """The blocks with the ids that Slack gives where none were sent."""
    return [_named(block) for block in blocks]


def _named(block: Json) -> Json:
    filled = {**block, "block_id": block.get("block_id") or upper_id("", 5)}
    if isinstance(block.get("elements"), list) and block["type"] == "actions":
        filled["elements"] = [
            {**one, "action_id": one.get("action_id") or upper_id("", 5)}
            for one in block["elements"]
        ]
    return filled


def element(blocks: list[Json], block_id: str, action_id: str) -> tuple[Json, Json] | None:
    """The block and the element of it that a click means."""
    for block in blocks:
        if block.get("block_id") == block_id:
            candidates = [*block.get("elements", ()), block.get("accessory"), block.get("element")]
            for one in candidates:
                if isinstance(one, dict) and one.get("action_id") == action_id:
                    return block, one
    return None


def _text(holder: Mapping[str, Any], name: str, most: int, *, plain: bool = False) -> Iterator[str]:
    text = holder.get(name)
    kinds = _TEXTS[:1] if plain else _TEXTS
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield f"/{name}: must be an object of type {' or '.join(kinds)}"
    elif not isinstance(text.get("text"), str) or not 0 < len(text["text"]) <= most:
        yield f"/{name}: must have 1 to {most} characters"


def _header(block: Json) -> Iterator[str]:
    yield from _text(block, "text", 150, plain=True)


def _section(block: Json) -> Iterator[str]:
    fields = block.get("fields")
    if fields is None or "text" in block:
        yield from _text(block, "text", 3000)
    if fields is not None:
        if not isinstance(fields, list) or not 0 < len(fields) <= 10:
            yield "/fields: must be 1 to 10 texts"
            return
        for at, field in enumerate(fields):
            yield from (f"/fields/{at}{fault}" for fault in _text({"text": field}, "text", 2000))


def _actions(block: Json) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 0 < len(elements) <= 25:
        yield "/elements: must be 1 to 25 elements"
        return
    for at, one in enumerate(elements):
        yield from (f"/elements/{at}{fault}" for fault in _element(one))


def _element(one: Any) -> Iterator[str]:
    if not isinstance(one, dict) or not isinstance(one.get("type"), str):
        yield ": unsupported element"
        return
    action_id = one.get("action_id", "-")
    if not isinstance(action_id, str) or not 0 < len(action_id) <= _ID_LENGTH:
        yield "/action_id: must have 1 to 255 characters"
    if one["type"] == "button":
        yield from _text(one, "text", 75, plain=True)
        if not isinstance(one.get("value", ""), str) or len(one.get("value", "")) > 2000:
            yield "/value: no more than 2000 characters"
        if one.get("style", "primary") not in ("primary", "danger"):
            yield "/style: must be primary or danger"


def _context(block: Json) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 0 < len(elements) <= 10:
        yield "/elements: must be 1 to 10 elements"
        return
    for at, one in enumerate(elements):
        if not (isinstance(one, dict) and one.get("type") == "image"):
            yield from (f"/elements/{at}{fault}" for fault in _text({"text": one}, "text", 3000))


def _input(block: Json) -> Iterator[str]:
    yield from _text(block, "label", 2000, plain=True)
    yield from (f"/element{fault}" for fault in _element(block.get("element")))


def _anything(_: Json) -> Iterator[str]:
    return iter(())


_CHECKS: Mapping[str, Callable[[Json], Iterator[str]]] = {
    "header": _header,
    "section": _section,
    "actions": _actions,
    "context": _context,
    "input": _input,
    "divider": _anything,
    "image": _anything,
    "rich_text": _anything,
}
