"""What the site holds: a space, its pages in all their versions' numbers, labels, properties."""

import base64
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request

from engine.sandbox.bounded import Bounded
from engine.sandbox.confluence.queries import terms_of
from engine.sandbox.confluence.storage_format import fault_of
from engine.sandbox.moments import instant
from engine.sandbox.refused import Refused
from engine.sandbox.settings import ACCOUNT_EMAIL, SPACE_KEY

LARGEST_BODY = 5 * 1024 * 1024
_KEPT_PAGES = 1000
_KEPT_BYTES = 64 * 1024 * 1024
_KEPT_LABELS = 100
_KEPT_VERSIONS = 50
_TITLE_LENGTH = 255
_CODES = {
    400: "INVALID_REQUEST_PARAMETER",
    401: "UNAUTHORIZED",
    404: "NOT_FOUND",
    409: "CONFLICT",
    413: "REQUEST_TOO_LARGE",
}

Json = dict[str, Any]


def no(status: int, title: str) -> Refused:
    """A refusal as the v2 interface writes it."""
    fault = {"status": status, "code": _CODES[status], "title": title, "detail": None}
    return Refused(status, {"errors": [fault]})


class Confluence:
    """The site's state. Pages are kept as Confluence writes them, with their storage body."""

    def __init__(self, url: str, token: str) -> None:
        self.site = f"{url}/wiki"
        """The base that links in answers are relative to."""
        self._authorization = base64.b64encode(f"{ACCOUNT_EMAIL}:{token}".encode()).decode()
        self.pages: Bounded[str, Json] = Bounded(_KEPT_PAGES)
        self.labels: dict[str, dict[str, Json]] = {}
        self._versions: dict[str, list[Json]] = {}
        self._last_id = 131072 + secrets.randbelow(1000)
        self.space = self._space()
        home = self.create({"spaceId": self.space["id"], "title": "Operations"})
        self.space["homepageId"] = home["id"]

    async def allow(self, request: Request) -> None:
        """Refuse whoever is not the account with its token."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic" or given.strip() != self._authorization:
            raise no(401, "Unauthorized; scope does not match")

    def create(self, sent: Mapping[str, Any]) -> Json:
        """A new page, version 1."""
        if str(sent.get("spaceId")) != self.space["id"]:
            raise no(404, f"There is no space with id {sent.get('spaceId')}")
        title = self._free_title(sent.get("title"), None)
        parent = sent.get("parentId") or self.space.get("homepageId")
        if sent.get("parentId"):
            self.found(str(parent))
        now = instant()
        page = {
            "id": self._new_id(),
            "status": sent.get("status", "current"),
            "title": title,
            "spaceId": self.space["id"],
            **({"parentId": str(parent), "parentType": "page"} if parent else {}),
            "position": len(self.pages),
            "authorId": "sandbox-author",
            "ownerId": "sandbox-author",
            "createdAt": now,
            "version": _version(1, "", now),
            "body": {"storage": {"representation": "storage", "value": _body(sent)}},
        }
        page["_links"] = self._links(page)
        self.pages[page["id"]] = page
        self._forget_the_oldest()
        return page

    def update(self, page: Json, sent: Mapping[str, Any]) -> Json:
        """The next version; 409 where the number sent is not the one that comes next."""
        version = sent.get("version")
        number = version.get("number") if isinstance(version, dict) else None
        current = page["version"]["number"]
        if number != current + 1 or isinstance(number, bool):
            raise no(
                409,
                "Version must be incremented when updating a page. "
                f"Current Version: [{current}]. Provided version: [{number}]",
            )
        title = self._free_title(sent.get("title", page["title"]), page["id"])
        body = _body(sent) if "body" in sent else page["body"]["storage"]["value"]
        message = str(version.get("message") or "") if isinstance(version, dict) else ""
        self._versions[page["id"]] = self.versions_of(page)[: _KEPT_VERSIONS - 1]
        page["title"] = title
        page["status"] = sent.get("status", page["status"])
        page["version"] = _version(current + 1, message, instant())
        page["body"] = {"storage": {"representation": "storage", "value": body}}
        page["_links"] = self._links(page)
        return page

    def versions_of(self, page: Json) -> list[Json]:
        """The newest first, without their texts."""
        return [page["version"], *self._versions.get(page["id"], ())]

    def found(self, page_id: str) -> Json:
        """The page; 404 where there is none."""
        if page_id not in self.pages:
            raise no(404, f"There is no page with id {page_id}")
        return self.pages[page_id]

    def matching(self, query: Mapping[str, str]) -> Iterator[Json]:
        """Pages by `space-id`, `title`, `status` and `id`, in the order they were written."""
        ids = _listed(query.get("id"))
        spaces = _listed(query.get("space-id"))
        statuses = _listed(query.get("status")) or ["current", "archived"]
        for page in self.pages.values():
            wanted = page["title"] == query.get("title", page["title"])
            wanted = wanted and (not ids or page["id"] in ids)
            wanted = wanted and (not spaces or page["spaceId"] in spaces)
            if wanted and (page["status"] in statuses or "any" in statuses):
                yield page

    def asked_for(self, cql: str) -> Iterator[Json]:
        """Pages for a query such as `type = page and label = "p1" and title = "It was slow"`."""
        wanted = terms_of(cql)
        if wanted is None:
            raise no(400, f"Could not parse cql : {cql}")
        for page in self.pages.values():
            has = {("type", "page"), ("space", SPACE_KEY), ("title", page["title"])}
            has |= {("label", name) for name in self.labels.get(page["id"], {})}
            if page["status"] == "current" and wanted <= has:
                yield page

    def labels_of(self, page_id: str) -> list[Json]:
        """The labels of a page, in the order they came."""
        self.found(page_id)
        return list(self.labels.get(page_id, {}).values())

    def add_labels(self, page_id: str, sent: Any) -> list[Json]:
        """The page's labels with these: `[{"prefix": "global", "name": "incident"}]`."""
        self.found(page_id)
        wanted = sent if isinstance(sent, list) else [sent]
        for label in wanted:
            if not isinstance(label, dict) or not {"prefix", "name"} <= label.keys():
                raise no(400, "A label needs a prefix and a name")
            name = label["name"]
            if not isinstance(name, str) or not name or " " in name or len(name) > _TITLE_LENGTH:
                raise no(400, "A label's name has 1 to 255 characters and no space")
        held = self.labels.setdefault(page_id, {})
        for label in wanted[:_KEPT_LABELS]:
            name = label["name"].lower()
            held.setdefault(name, {"id": self._new_id(), "prefix": label["prefix"], "name": name})
        return list(held.values())

    def remove_label(self, page_id: str, name: str) -> None:
        """The page without the label."""
        self.found(page_id)
        if self.labels.get(page_id, {}).pop(name.lower(), None) is None:
            raise no(404, f"The page has no label {name}")

    def _free_title(self, title: Any, own: str | None) -> str:
        if not isinstance(title, str) or not 0 < len(title.strip()) <= _TITLE_LENGTH:
            raise no(400, "A title has 1 to 255 characters")
        for page in self.pages.values():
            if page["title"] == title and page["id"] != own and page["status"] == "current":
                raise no(400, "A page already exists with the same TITLE in this space")
        return title

    def _forget_the_oldest(self) -> None:
        sizes = {one["id"]: len(one["body"]["storage"]["value"]) for one in self.pages.values()}
        total = sum(sizes.values())
        for page_id in list(self.pages)[1:-1]:
            if total <= _KEPT_BYTES:
                break
            del self.pages[page_id]
            total -= sizes[page_id]
        for page_id in self.labels.keys() - self.pages.keys():
            del self.labels[page_id]
        for page_id in self._versions.keys() - self.pages.keys():
            del self._versions[page_id]

    def _new_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)

    def _links(self, page: Json) -> Json:
        path = f"/spaces/{SPACE_KEY}/pages/{page['id']}"
        return {"webui": path, "editui": f"{path}?edit", "tinyui": f"/x/{page['id']}"}

    def _space(self) -> Json:
        return {
            "id": self._new_id(),
            "key": SPACE_KEY,
            "name": "Operations",
            "type": "global",
            "status": "current",
            "authorId": "sandbox-author",
            "createdAt": instant(),
            "_links": {"webui": f"/spaces/{SPACE_KEY}"},
        }


def _version(number: int, message: str, now: str) -> Json:
    return {
        "number": number,
        "message": message,
        "minorEdit": False,
        "authorId": "sandbox-author",
        "createdAt": now,
    }


def _body(sent: Mapping[str, Any]) -> str:
    """The storage body that was sent: `{"representation", "value"}` or `{"storage": {"value"}}`."""
    body = sent.get("body", {"representation": "storage", "value": ""})
    if isinstance(body, dict) and isinstance(body.get("storage"), dict):
        body = {"representation": "storage", **body["storage"]}
    if not isinstance(body, dict) or body.get("representation") != "storage":
        raise no(400, "The sandbox takes bodies whose representation is 'storage'")
    value = body.get("value")
    if not isinstance(value, str):
        raise no(400, "A body needs a value")
    if len(value.encode()) > LARGEST_BODY:
        raise no(413, "The body is larger than 5 MB")
    if fault := fault_of(value):
        raise no(400, fault)
    return value


def _listed(text: str | None) -> list[str]:
    return text.split(",") if text else []
