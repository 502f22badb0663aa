"""What the operations do. Each looks before it writes, so that it may be repeated."""

from collections.abc import Callable, Iterator
from typing import Any

from client import Client
from failure import Failed

Json = dict[str, Any]
_NAME = 255
"""Characters of a name that Statuspage takes."""
_OWN = "harmony"
"""Our part of an incident's metadata; Statuspage wants objects at the top of it."""
_FULL_PAGE = 100
_MOST_PAGES = 10


def create_incident(client: Client, given: Json, key: str) -> Json:
    """Opens an incident, unless the open one of this incident, or of this step, is there."""
    mark = {"idempotency_key": key}
    if "incidentId" in given:
        mark = {"incident_id": given["incidentId"]} | mark
    found = _first(_unresolved(client), mark)
    if found is not None:
        return {"changed": False, "incident": _incident(found)}
    made = client.post(
        "/incidents",
        {
            "incident": _fields(given)
            | {"status": given.get("status", "investigating"), "metadata": {_OWN: mark}}
        },
    )
    return {"changed": True, "incident": _incident(made)}


def update_incident(client: Client, given: Json, _: str) -> Json:
    """Says something new; what the newest update says already is not said again."""
    current = _named(client, given)
    wanted = _fields(given) | ({"status": given["status"]} if "status" in given else {})
    if not _differs(current, wanted):
        return {"changed": False, "incident": _incident(current)}
    changed = client.patch(f"/incidents/{current['id']}", {"incident": wanted})
    return {"changed": True, "incident": _incident(changed)}


def resolve_incident(client: Client, given: Json, _: str) -> Json:
    """Ends it, and resets its components but for those that another open incident affects."""
    current = _named(client, given)
    others = [each for each in _unresolved(client) if each["id"] != current["id"]]
    elsewhere = {part["id"] for other in others for part in other.get("components") or ()}
    affected = {
        part["id"]
        for part in current.get("components") or ()
        if part.get("status") != "operational"
    }
    reset = dict.fromkeys(sorted(affected - elsewhere), "operational")
    reset |= given.get("components", {})
    kept = {"keptComponents": sorted((affected & elsewhere) - set(reset))}
    if current.get("status") != "resolved":
        wanted = _fields(given | {"components": reset}) | {"status": "resolved"}
        ended = client.patch(f"/incidents/{current['id']}", {"incident": wanted})
        return {"changed": True, "incident": _incident(ended), **kept}
    for part, status in reset.items():
        _set_component(client, part, status)
    after = client.get(f"/incidents/{current['id']}") if reset else current
    return {"changed": bool(reset), "incident": _incident(after), **kept}


def get_incident(client: Client, given: Json, _: str) -> Json:
    """One incident, by Statuspage's id or by ours."""
    return {"incident": _incident(_named(client, given))}


def list_incidents(client: Client, given: Json, _: str) -> Json:
    """The newest first, as Statuspage lists them."""
    limit = given["limit"]
    if given["open"] and "query" not in given:
        found = client.list("/incidents/unresolved", page=1, per_page=limit)
    else:
        query = {"q": given["query"]} if "query" in given else {}
        found = client.list("/incidents", limit=limit, page=1, **query)
        found = [one for one in found if not (given["open"] and _is_over(one))]
    return {"incidents": [_incident(one) for one in found[:limit]]}


def list_components(client: Client, _: Json, __: str) -> Json:
    """All of the page; groups are left out, since they have no state of their own."""
    found = client.list("/components", page=1, per_page=1000)
    return {"components": [_component(each) for each in found if not each.get("group")]}


def update_component(client: Client, given: Json, _: str) -> Json:
    """Puts a component in a state."""
    current = client.get(f"/components/{given['componentId']}")
    if current.get("status") == given["componentStatus"]:
        return {"changed": False, "component": _component(current)}
    changed = _set_component(client, given["componentId"], given["componentStatus"])
    return {"changed": True, "component": _component(changed)}


def _set_component(client: Client, part: str, status: str) -> Json:
    return client.patch(f"/components/{part}", {"component": {"status": status}})


def _named(client: Client, given: Json) -> Json:
    """The incident that the input names; NOT_FOUND says what was looked through."""
    if "statuspageIncidentId" in given:
        return client.get(f"/incidents/{given['statuspageIncidentId']}")
    mark = {"incident_id": given["incidentId"]}
    here = _first(_unresolved(client), mark) or _first(
        client.list("/incidents", limit=_FULL_PAGE, page=1), mark
    )
    if here is None:
        raise Failed(
            "NOT_FOUND",
            f"no incident on Statuspage has {given['incidentId']} in its metadata, among those "
            f"that are open and the newest {_FULL_PAGE}: create it, or give statuspageIncidentId",
        )
    return here


def _unresolved(client: Client) -> Iterator[Json]:
    for page in range(1, _MOST_PAGES + 1):
        found = client.list("/incidents/unresolved", page=page, per_page=_FULL_PAGE)
        yield from found
        if len(found) < _FULL_PAGE:
            return


def _first(incidents: Iterator[Json] | list[Json], mark: Json) -> Json | None:
    """The one that has any of these marks."""
    return next(
        (
            one
            for one in incidents
            if any(_marks(one).get(key) == value for key, value in mark.items())
        ),
        None,
    )


def _marks(incident: Json) -> Json:
    own = (incident.get("metadata") or {}).get(_OWN)
    return own if isinstance(own, dict) else {}


def _fields(given: Json) -> Json:
    """The fields of an incident that an input sets."""
    fields: Json = {"deliver_notifications": given["notify"]}
    if "name" in given:
        name = " ".join(given["name"].split())
        fields["name"] = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
    if "body" in given:
        fields["body"] = given["body"]
    if "impact" in given:
        fields["impact_override"] = given["impact"]
    if given.get("components"):
        fields["components"] = given["components"]
        fields["component_ids"] = list(given["components"])
    return fields


def _differs(current: Json, wanted: Json) -> bool:
    """Whether an update would say anything that is not there yet."""
    updates = current.get("incident_updates") or [{}]
    newest = max(updates, key=lambda update: update.get("created_at") or "")
    parts = {each["id"]: each.get("status") for each in current.get("components") or ()}
    return (
        ("body" in wanted and wanted["body"] != newest.get("body"))
        or ("status" in wanted and wanted["status"] != current.get("status"))
        or ("name" in wanted and wanted["name"] != current.get("name"))
        or ("impact_override" in wanted and wanted["impact_override"] != current.get("impact"))
        or any(parts.get(part) != status for part, status in wanted.get("components", {}).items())
    )


def _is_over(incident: Json) -> bool:
    return incident.get("status") in ("resolved", "completed", "postmortem")


def _incident(found: Json) -> Json:
    return {
        "id": found["id"],
        "name": found.get("name") or "",
        "status": found.get("status") or "",
        "impact": found.get("impact_override") or found.get("impact") or "",
        "url": found.get("shortlink") or "",
        "incidentId": _marks(found).get("incident_id"),
        "components": [_component(part) for part in found.get("components") or ()],
        "createdAt": found.get("created_at"),
        "resolvedAt": found.get("resolved_at"),
    }


def _component(found: Json) -> Json:
    return {
        "id": found["id"],
        "name": found.get("name") or "",
        "status": found.get("status") or "",
    }


OPERATIONS: dict[str, Callable[[Client, Json, str], Json]] = {
    "create-incident": create_incident,
    "update-incident": update_incident,
    "resolve-incident": resolve_incident,
    "get-incident": get_incident,
    "list-incidents": list_incidents,
    "list-components": list_components,
    "update-component": update_component,
}
