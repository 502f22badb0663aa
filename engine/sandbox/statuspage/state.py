"""What the status page holds: one page, its components and its incidents."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from engine.sandbox.bounded import Bounded
from engine.sandbox.moments import instant, lower_id
from engine.sandbox.refused import Refused
from engine.sandbox.settings import PAGE_ID

COMPONENT_STATUSES = (
    "operational",
    "under_maintenance",
    "degraded_performance",
    "partial_outage",
    "major_outage",
)
REALTIME = ("investigating", "identified", "monitoring", "resolved")
_SCHEDULED = ("scheduled", "in_progress", "verifying", "completed")
_IMPACTS = ("none", "maintenance", "minor", "major", "critical")
_IMPACT_OF = {
    "degraded_performance": "minor",
    "partial_outage": "major",
    "major_outage": "critical",
}
_ENDED = ("resolved", "completed")
_COMPONENTS = ("api", "web", "checkout", "database")
_KEPT_INCIDENTS = 1000
_KEPT_COMPONENTS = 200
_NAME_LENGTH = 255
_BODY_LENGTH = 25_000
_COPIED = ("name", "impact_override", "metadata", "reminder_intervals", "scheduled_for")

Json = dict[str, Any]


class Statuspage:
    """The page's state. Objects are kept as Statuspage writes them."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self.incidents: Bounded[str, Json] = Bounded(_KEPT_INCIDENTS)
        self.components: Bounded[str, Json] = Bounded(_KEPT_COMPONENTS)
        for name in _COMPONENTS:
            self.add_component({"name": name}, f"component-{name}")

    def page(self) -> Json:
        """The one page."""
        return {"id": PAGE_ID, "name": "Sandbox Status", "time_zone": "UTC", "url": self._url}

    async def allow(self, request: Request) -> None:
        """Refuse whoever has no key."""
        given = request.headers.get("authorization", "")
        if given != f"OAuth {self._key}" and request.query_params.get("api_key") != self._key:
            raise Refused(401, {"error": "Could not authenticate"})
        if request.path_params.get("page_id", PAGE_ID) != PAGE_ID:
            raise Refused(404, {"error": "Page not found"})

    def create(self, sent: Mapping[str, Any]) -> Json:
        """A new incident, with its first update."""
        if not sent.get("name"):
            raise Refused(422, {"message": "Name can't be blank"})
        now = instant()
        incident: Json = {
            "id": lower_id(),
            "page_id": PAGE_ID,
            "created_at": now,
            "metadata": {},
            "incident_updates": [],
            "components": [],
            "status": "investigating",
            "impact": "none",
        }
        incident["shortlink"] = f"{self._url}/#incident-{incident['id']}"
        self._apply(incident, sent)
        self.incidents[incident["id"]] = incident
        return incident

    def update(self, incident: Json, sent: Mapping[str, Any]) -> Json:
        """The incident with what was sent; components stay as they are unless named."""
        self._apply(incident, sent)
        return incident

    def unresolved(self) -> list[Json]:
        """Incidents that have not ended, newest first."""
        return [one for one in self.newest_first() if one["status"] not in _ENDED]

    def newest_first(self) -> list[Json]:
        """Every incident, newest first."""
        return self.incidents.newest_first()

    def found(self, incident_id: str) -> Json:
        """The incident; 404 where there is none."""
        if incident_id not in self.incidents:
            raise Refused(404, {"error": "Incident not found"})
        return self.incidents[incident_id]

    def component(self, component_id: str) -> Json:
        """The component; 404 where there is none."""
        if component_id not in self.components:
            raise Refused(404, {"error": "Component not found"})
        return self.components[component_id]

    def add_component(self, sent: Mapping[str, Any], component_id: str | None = None) -> Json:
        """A new component, last on the page."""
        if not isinstance(sent.get("name"), str) or not sent["name"]:
            raise Refused(422, {"message": "Name can't be blank"})
        component = {"id": component_id or lower_id(), **_component(sent, len(self.components) + 1)}
        self.components[component["id"]] = component
        return self.change_component(component, sent)

    def change_component(self, component: Json, sent: Mapping[str, Any]) -> Json:
        """The component with what was sent."""
        status = sent.get("status", component["status"])
        if status not in (*COMPONENT_STATUSES, ""):
            raise Refused(422, {"message": "Status is not included in the list"})
        for name in ("name", "description", "status", "showcase", "only_show_if_degraded"):
            if name in sent:
                component[name] = sent[name]
        component["updated_at"] = instant()
        return component

    def _apply(self, incident: Json, sent: Mapping[str, Any]) -> None:
        _check(sent)
        touched = self._touched(incident, sent)
        before = incident["status"]
        incident.update({name: sent[name] for name in _COPIED if name in sent})
        incident["status"] = sent.get("status") or before
        incident["components"] = touched
        incident["updated_at"] = now = instant()
        if incident["status"] in ("resolved", "monitoring") and incident["status"] != before:
            incident[f"{incident['status']}_at"] = now
        incident["impact"] = incident.get("impact_override") or _worst(incident)
        if not incident["incident_updates"] or "status" in sent or sent.get("body"):
            incident["incident_updates"].insert(0, _update(incident, sent, now))

    def _touched(self, incident: Json, sent: Mapping[str, Any]) -> list[Json]:
        """The incident's components from now on; statuses that were sent are set."""
        statuses = sent.get("components")
        statuses = statuses if isinstance(statuses, dict) else {}
        named = sent.get("component_ids")
        known = [one["id"] for one in incident["components"]] if named is None else named
        wanted = list(dict.fromkeys([*known, *statuses]))
        if missing := [one for one in wanted if one not in self.components]:
            raise Refused(422, {"message": f"Component {missing[0]} does not exist"})
        if wrong := [one for one in statuses.values() if one not in COMPONENT_STATUSES]:
            raise Refused(422, {"message": f"Component status {wrong[0]} is not in the list"})
        for name, status in statuses.items():
            self.change_component(self.components[name], {"status": status})
        return [self.components[name] for name in wanted]


def _check(sent: Mapping[str, Any]) -> None:
    """Refuse what Statuspage refuses, before anything is changed."""
    name, body, metadata = sent.get("name", "-"), sent.get("body", ""), sent.get("metadata", {})
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_LENGTH:
        raise Refused(422, {"message": "Name must have 1 to 255 characters"})
    if not isinstance(body, str) or len(body) > _BODY_LENGTH:
        raise Refused(422, {"message": "Body is too long (maximum is 25000 characters)"})
    if sent.get("status", REALTIME[0]) not in (*REALTIME, *_SCHEDULED):
        raise Refused(422, {"message": "Status is not included in the list"})
    if sent.get("impact_override", "none") not in _IMPACTS:
        raise Refused(422, {"message": "Impact override is not included in the list"})
    if not isinstance(metadata, dict) or not all(isinstance(v, dict) for v in metadata.values()):
        raise Refused(422, {"message": "Metadata's top-level values must be objects"})
    ids = sent.get("component_ids", [])
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise Refused(422, {"message": "Component ids must be a list of texts"})


def _worst(incident: Json) -> str:
    """The impact that the components' statuses make."""
    found = [_IMPACT_OF.get(str(one["status"]), "none") for one in incident["components"]]
    return max([*found, str(incident["impact"])], key=_IMPACTS.index)


def _update(incident: Json, sent: Mapping[str, Any], now: str) -> Json:
    return {
        "id": lower_id(),
        "incident_id": incident["id"],
        "status": incident["status"],
        "body": sent.get("body") or "",
        "created_at": now,
        "updated_at": now,
        "display_at": now,
        "deliver_notifications": sent.get("deliver_notifications", True),
        "affected_components": [
            {"code": one["id"], "name": one["name"], "new_status": one["status"]}
            for one in incident["components"]
        ],
    }


def _component(sent: Mapping[str, Any], position: int) -> Json:
    now = instant()
    return {
        "page_id": PAGE_ID,
        "name": sent["name"],
        "description": sent.get("description", ""),
        "status": sent.get("status", "operational"),
        "position": position,
        "group": False,
        "showcase": sent.get("showcase", True),
        "only_show_if_degraded": False,
        "created_at": now,
        "updated_at": now,
    }


def postmortem(incident: Json) -> Json:
    """The incident's post-mortem; 404 where none was written."""
    if "postmortem_body" not in incident:
        raise Refused(404, {"error": "The incident has no post-mortem"})
    written = incident["postmortem_body_last_updated_at"]
    answer = {
        "body_draft": incident["postmortem_body"],
        "body_draft_updated_at": written,
        "created_at": written,
        "updated_at": written,
    }
    if published := incident.get("postmortem_published_at"):
        answer |= {"body": answer["body_draft"], "body_updated_at": written}
        answer["published_at"] = published
    return answer
