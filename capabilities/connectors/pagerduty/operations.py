"""What the operations do. Each finds what is there already, so that it may be repeated."""

from collections.abc import Callable
from typing import Any

from client import Client
from failure import Failed
from refusals import Refused

Json = dict[str, Any]
_TITLE = 255
_MOST = 100
_ALREADY_RESOLVED = 1001


def create_incident(client: Client, given: Json, step_key: str) -> Json:
    """Pages the people of a service, unless an open incident has this key."""
    service = given.get("serviceId") or client.service
    if not service:
        said = "no service is named: give serviceId, in the step or in the configuration"
        raise Failed("CONFIGURATION", said)
    key = given.get("incidentId") or step_key
    incident = {
        "type": "incident",
        "title": _short(given["title"]),
        "service": {"id": service, "type": "service_reference"},
        "incident_key": key,
    }
    if "details" in given:
        details = {"description": given["details"]}
        incident["body"] = {"type": "incident_body", "details": details}
    if "urgency" in given:
        incident["urgency"] = given["urgency"]
    incident |= _references(given, ("priority", "escalation_policy"))
    try:
        return _written(client.post("/incidents", {"incident": incident}))
    except Refused:
        found = _with_key(client, key)
        if found is None or _is_resolved(found):
            raise
        return _as_it_was(found)


def acknowledge_incident(client: Client, given: Json, _: str) -> Json:
    """Says that someone works on it; what is resolved stays resolved."""
    current = _named(client, given)
    if current.get("status") == "acknowledged" or _is_resolved(current):
        return _as_it_was(current)
    return _put(client, current, {"status": "acknowledged"})


def resolve_incident(client: Client, given: Json, _: str) -> Json:
    """Ends it."""
    current = _named(client, given)
    if _is_resolved(current):
        return _as_it_was(current)
    resolution = {"resolution": given["resolution"]} if "resolution" in given else {}
    return _put(client, current, {"status": "resolved", **resolution})


def escalate_incident(client: Client, given: Json, _: str) -> Json:
    """Pages a level of its policy, or another policy; who has it already is not paged again."""
    current = _named(client, given)
    if _is_resolved(current):
        said = f"incident {current.get('id')} is resolved: nobody is paged about it any more"
        raise Failed("REFUSED", said)
    if _pages_already(client, current, given):
        return _as_it_was(current)
    level = {"escalation_level": given["level"]} if "level" in given else {}
    return _put(client, current, level | _references(given, ("escalation_policy",)))


def add_note(client: Client, given: Json, _: str) -> Json:
    """Writes to its log, unless the same words are there."""
    path = f"/incidents/{_named(client, given)['id']}/notes"
    for note in client.list(path):
        if note.get("content") == given["note"]:
            return {"changed": False, "note": _note(note)}
    made = client.post(path, {"note": {"content": given["note"]}})
    return {"changed": True, "note": _note(made)}


def get_incident(client: Client, given: Json, _: str) -> Json:
    """One incident, by PagerDuty's id or by ours."""
    return {"incident": _incident(_named(client, given))}


def list_incidents(client: Client, given: Json, _: str) -> Json:
    """The newest first."""
    query: Json = {"limit": given["limit"], "sort_by": "created_at:desc"}
    service = given.get("serviceId")
    found = client.incidents(
        **query,
        statuses=given["statuses"],
        **({"service_ids": [service]} if service else {}),
    )
    return {"incidents": [_incident(one) for one in found]}


def list_on_calls(client: Client, given: Json, _: str) -> Json:
    """Who is on call now, by level; one entry for a person and level."""
    query: Json = {"earliest": "true", "include": ["users"], "limit": _MOST}
    if "escalationPolicyId" in given:
        query["escalation_policy_ids"] = [given["escalationPolicyId"]]
    if "scheduleId" in given:
        query["schedule_ids"] = [given["scheduleId"]]
    found = [_on_call(one) for one in client.list("/oncalls", **query)]
    return {"onCalls": sorted(found, key=lambda one: one["level"])}


def _pages_already(client: Client, current: Json, given: Json) -> bool:
    """Whether the incident is with the wanted policy, and those on call at the level have it."""
    policy = _reference(current.get("escalation_policy"))["id"]
    if not policy or given.get("escalationPolicyId", policy) != policy:
        return False
    on_call = client.list("/oncalls", escalation_policy_ids=[policy], earliest="true", limit=_MOST)
    level = given.get("level", 1)
    wanted = {
        _reference(one.get("user"))["id"] for one in on_call if one.get("escalation_level") == level
    }
    assigned = {_reference(one.get("assignee"))["id"] for one in current.get("assignments") or ()}
    return bool(wanted) and wanted == assigned


def _put(client: Client, current: Json, change: Json) -> Json:
    path = f"/incidents/{current['id']}"
    try:
        body = {"incident": {"type": "incident_reference", **change}}
        return _written(client.put(path, body))
    except Refused as refused:
        if refused.number != _ALREADY_RESOLVED:
            raise
        return _as_it_was(client.get(path))


def _named(client: Client, given: Json) -> Json:
    """The incident that the input names."""
    if "pagerdutyIncidentId" in given:
        return client.get(f"/incidents/{given['pagerdutyIncidentId']}")
    found = _with_key(client, given["incidentId"])
    if found is None:
        raise Failed(
            "NOT_FOUND",
            f"no incident in PagerDuty was created with the key {given['incidentId']}: create it, "
            f"or give pagerdutyIncidentId",
        )
    return found


def _with_key(client: Client, key: str) -> Json | None:
    """The open incident with this key, else the newest that was resolved."""
    found = client.incidents(incident_key=key, date_range="all", limit=_MOST)
    found.sort(key=lambda one: (_is_resolved(one), one.get("status") is None))
    return next(iter(found), None)


def _is_resolved(incident: Json) -> bool:
    return incident.get("status") == "resolved"


def _references(given: Json, names: tuple[str, ...]) -> Json:
    keys = {"priority": "priorityId", "escalation_policy": "escalationPolicyId"}
    return {
        name: {"id": given[keys[name]], "type": f"{name}_reference"}
        for name in names
        if keys[name] in given
    }


def _short(title: str) -> str:
    line = " ".join(title.split())
    return line if len(line) <= _TITLE else line[: _TITLE - 1] + "…"


def _written(incident: Json) -> Json:
    return {"changed": True, "incident": _incident(incident)}


def _as_it_was(incident: Json) -> Json:
    return {"changed": False, "incident": _incident(incident)}


def _incident(found: Json) -> Json:
    return {
        "id": found["id"],
        "number": found.get("incident_number"),
        "title": found.get("title") or found.get("summary") or "",
        "status": found.get("status") or "",
        "urgency": found.get("urgency") or "",
        "url": found.get("html_url") or "",
        "incidentKey": found.get("incident_key"),
        "service": _reference(found.get("service")),
        "assignees": [_reference(one.get("assignee")) for one in found.get("assignments") or ()],
        "createdAt": found.get("created_at"),
    }


def _reference(found: Json | None) -> Json:
    found = found or {}
    return {"id": found.get("id") or "", "name": found.get("name") or found.get("summary") or ""}


def _note(found: Json) -> Json:
    return {"id": found.get("id") or "", "content": found.get("content") or ""}


def _on_call(found: Json) -> Json:
    user = found.get("user") or {}
    return {
        "user": {**_reference(user), "email": user.get("email") or ""},
        "level": found.get("escalation_level") or 0,
        "escalationPolicy": _reference(found.get("escalation_policy")),
        "schedule": _reference(found["schedule"]) if found.get("schedule") else None,
        "start": found.get("start"),
        "end": found.get("end"),
    }


OPERATIONS: dict[str, Callable[[Client, Json, str], Json]] = {
    "create-incident": create_incident,
    "acknowledge-incident": acknowledge_incident,
    "resolve-incident": resolve_incident,
    "escalate-incident": escalate_incident,
    "add-note": add_note,
    "get-incident": get_incident,
    "list-incidents": list_incidents,
    "list-on-calls": list_on_calls,
}
