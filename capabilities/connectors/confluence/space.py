"""One space: the pages in it, and how they look to whoever reads the output."""

from functools import cached_property
from typing import Any

import marks
from client import Client
from failure import Failed

Json = dict[str, Any]
_WHOLE = {"body-format": "storage", "include-labels": "true", "include-versions": "true"}


class Space:
    """Nothing outside of it is read or written."""

    def __init__(self, client: Client, key: str, parent: str | None) -> None:
        self.client = client
        self.key = key
        self.parent = parent
        """The page below which new ones are written."""

    @cached_property
    def id(self) -> str:
        """Confluence's."""
        found, _ = self.client.sheet("/spaces", keys=self.key)
        ids = [str(one.get("id")) for one in found if one.get("key", self.key) == self.key]
        if not ids:
            said = f"Confluence has no space {self.key} that the account may see: correct spaceKey"
            raise Failed("NOT_FOUND", said)
        return ids[0]

    def with_title(self, title: str) -> Json | None:
        """The page, with its text; None where there is none."""
        query = {"space-id": self.id, "title": title, "body-format": "storage"}
        found, _ = self.client.sheet("/pages", **query)
        return next((one for one in found if isinstance(one.get("id"), str)), None)

    def whole(self, page: str) -> Json:
        """The page with text, labels and history; NOT_FOUND where it is not in this space."""
        found = self.client.get(f"/pages/{page}", **_WHOLE)
        if found.get("spaceId") != self.id:
            raise Failed("NOT_FOUND", f"page {page} is not in the space {self.key}")
        return found

    def named(self, given: Json, title: str) -> Json:
        """The page that the input names, whole."""
        if "pageId" in given:
            return self.whole(given["pageId"])
        found = self.with_title(title)
        if found is None:
            said = f"the space {self.key} has no page with the title “{title}”: create it"
            raise Failed("NOT_FOUND", said)
        return self.whole(found["id"])

    def shown(self, page: Json, labels: list[str]) -> Json:
        """A page for the output."""
        incident = marks.incident_of(marks.within(text(page)))
        return self.listed(page, page.get("_links") or {}) | {
            "incidentId": incident, "labels": labels,
        }  # fmt: skip

    def listed(self, page: Json, links: Json) -> Json:
        """A page of a list, for the output; `links` are those of the list."""
        own = page.get("_links") or {}
        version = page.get("version") or {}
        created = page.get("createdAt") or (page.get("history") or {}).get("createdDate")
        base = links.get("base") or f"{self.client.site}/wiki"
        return {
            "id": str(page.get("id")),
            "title": page.get("title") or "",
            "url": base + (own.get("webui") or f"/pages/viewpage.action?pageId={page.get('id')}"),
            "spaceKey": self.key,
            "status": page.get("status") or "",
            "version": number(page),
            "createdAt": created or version.get("createdAt"),
        }


def number(page: Json) -> int:
    """Of the version; 1 where none is told."""
    found = (page.get("version") or {}).get("number")
    return found if isinstance(found, int) else 1


def text(page: Json) -> str:
    """In storage format; empty where none came."""
    found = ((page.get("body") or {}).get("storage") or {}).get("value")
    return found if isinstance(found, str) else ""


def labels_of(page: Json) -> list[str]:
    """Of a whole page."""
    return names((page.get("labels") or {}).get("results") or [])


def names(labels: list[Json]) -> list[str]:
    """The words of labels."""
    return [str(label.get("name")) for label in labels]
