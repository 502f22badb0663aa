"""What the operations do. Each finds what is there already, so that it may be repeated."""

from collections.abc import Callable

import marks
import storage
from client import Refused
from failure import Failed
from space import Json, Space, labels_of, names, number, text

_CLASH = (400, 409)


def create_page(space: Space, given: Json, step_key: str) -> Json:
    """A new page, unless the one of this incident, or of this step, has the title."""
    title = storage.one_line(given["title"])
    own = marks.of(given.get("incidentId"), step_key)
    found = space.with_title(title)
    if found is not None:
        return _found(space, found, title, own, given)
    body = _limited(_body(given, title) + marks.as_storage(own))
    page = {
        "spaceId": space.id,
        "status": "current",
        "title": title,
        "body": {"representation": "storage", "value": body},
    }
    if parent := given.get("parentId", space.parent):
        page["parentId"] = parent
    try:
        made = space.client.post("/pages", page)
    except Refused as refused:
        found = space.with_title(title) if refused.status in _CLASH else None
        if found is None:
            raise _clash(refused, space, title) from refused
        return _found(space, found, title, own, given)
    made["body"] = {"storage": {"value": body}}
    return {"changed": True, "page": space.shown(made, _labelled(space, made["id"], [], given)[0])}


def update_page(space: Space, given: Json, step_key: str) -> Json:
    """Another text or title, unless this step wrote it already, or all is so."""
    title = storage.one_line(given["title"]) if "title" in given else None
    current = space.named(given, title or "")
    written = False
    if not _wrote(current, step_key):
        current, written = _put(space, given, current, title, step_key)
    labels, added = _labelled(space, current["id"], labels_of(current), given)
    return {"changed": written or added, "page": space.shown(current, labels)}


def get_page(space: Space, given: Json, _: str) -> Json:
    """One page, by its id or its title."""
    page = space.named(given, storage.one_line(given["title"]) if "title" in given else "")
    return {"page": space.shown(page, labels_of(page)), "storage": text(page)}


def search(space: Space, given: Json, _: str) -> Json:
    """Those with this title, and with all of these labels."""
    title = storage.one_line(given["title"]) if "title" in given else None
    if "labels" not in given:
        query: Json = {"space-id": space.id, "title": title, "limit": given["limit"]}
        found, links = space.client.sheet("/pages", **query)
    else:
        wanted = [f"label = {_quoted(label.lower())}" for label in given["labels"]]
        wanted += [f"title = {_quoted(title)}"] if title else []
        cql = " and ".join(["type = page", f"space = {_quoted(space.key)}", *wanted])
        found, links = space.client.find(cql, given["limit"])
    return {"pages": [space.listed(page, links) for page in found[: given["limit"]]]}


def add_labels(space: Space, given: Json, _: str) -> Json:
    """Those that the page does not have."""
    page = space.named(given, storage.one_line(given["title"]) if "title" in given else "")
    labels, added = _labelled(space, page["id"], labels_of(page), given)
    return {"changed": added, "page": space.shown(page, labels), "labels": labels}


def _found(space: Space, page: Json, title: str, own: list[str], given: Json) -> Json:
    """The page that an earlier try made; CONFLICT where it is someone else's."""
    if not set(own) & set(marks.within(text(page))):
        raise Failed(
            "CONFLICT",
            f"the space {space.key} has a page “{title}” (id {page['id']}) that was not made for "
            f"this: give another title, or write to that page with update-page",
        )
    whole = space.whole(page["id"])
    labels, added = _labelled(space, page["id"], labels_of(whole), given)
    return {"changed": added, "page": space.shown(whole, labels)}


def _put(
    space: Space, given: Json, current: Json, title: str | None, step_key: str
) -> tuple[Json, bool]:
    """The page as it is afterwards, and whether it was written. A version that someone else wrote
    in between is read, and the next one is tried once; STALE where that is too late again."""
    for _ in range(2):
        named = title or current.get("title") or ""
        kept = marks.within(text(current))
        body = text(current)
        if "markdown" in given or "storage" in given:
            body = _body(given, named) + (marks.as_storage(kept) if kept else "")
        if (named, body) == (current.get("title"), text(current)):
            return current, False
        try:
            return _version(space, current, named, _limited(body), step_key), True
        except Refused as refused:
            if refused.status != 409:
                raise _clash(refused, space, named) from refused
        current = space.whole(current["id"])
        if _wrote(current, step_key):
            return current, False
    raise Failed("STALE", f"page {current['id']} is being changed by others: try again")


def _version(space: Space, current: Json, title: str, body: str, step_key: str) -> Json:
    wanted = {
        "id": current["id"],
        "status": "current",
        "title": title,
        "body": {"representation": "storage", "value": body},
        "version": {"number": number(current) + 1, "message": marks.message(step_key)},
    }
    written = space.client.put(f"/pages/{current['id']}", wanted)
    return written | {"body": {"storage": {"value": body}}, "labels": current.get("labels")}


def _wrote(page: Json, step_key: str) -> bool:
    """Whether a version of the page is this step's; people may have written later ones."""
    versions = [page.get("version") or {}, *((page.get("versions") or {}).get("results") or ())]
    return any(version.get("message") == marks.message(step_key) for version in versions)


def _clash(refused: Refused, space: Space, title: str) -> Failed:
    """The refusal itself, or CONFLICT where it is about the title."""
    if refused.status in _CLASH and "already exists" in refused.said:
        said = f"the space {space.key} has another page “{title}”: give another title"
        return Failed("CONFLICT", f"{said} ({refused.said})")
    return refused


def _body(given: Json, title: str) -> str:
    if "storage" in given:
        return storage.checked(given["storage"])
    return storage.from_markdown(given["markdown"], title)


def _limited(body: str) -> str:
    if len(body.encode()) > storage.LARGEST:
        raise Failed(
            "REFUSED", "the page is larger than the 5 MB that Confluence takes: shorten it"
        )
    return body


def _labelled(space: Space, page: str, current: list[str], given: Json) -> tuple[list[str], bool]:
    """All labels of the page, and whether any was added."""
    wanted = dict.fromkeys(label.lower() for label in given.get("labels", ()))
    missing = [label for label in wanted if label not in current]
    if not missing:
        return current, False
    return names(space.client.add_labels(page, missing)), True


def _quoted(text: str) -> str:
    """As a text in Confluence's query language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


OPERATIONS: dict[str, Callable[[Space, Json, str], Json]] = {
    "create-page": create_page,
    "update-page": update_page,
    "get-page": get_page,
    "search": search,
    "add-labels": add_labels,
}
