"""The incidents of the account, and how each change is told to whoever listens to webhooks."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from engine.sandbox.bounded import Bounded
from engine.sandbox.moments import second, upper_id
from engine.sandbox.pagerduty.account import LEVELS, Account, Json
from engine.sandbox.refused import Refused
from engine.sandbox.settings import ESCALATION_POLICY_ID, SERVICE_ID

INVALID = 2001
ALREADY_RESOLVED = 1001
REQUESTER_UNKNOWN = 1008
NOT_FOUND = 2100
UNAUTHORIZED = 2006
_KEPT_INCIDENTS = 1000
_KEPT_NOTES = 200
_TITLE_LENGTH = 1024
_STATUSES = ("triggered", "acknowledged", "resolved")

Tell = Callable[[str, Json, Json | None], None]
"""Given an event's type, the incident, and who did it."""


def no(status: int, code: int, message: str, *errors: str) -> Refused:
    """A refusal as the REST interface writes it."""
    return Refused(status, {"error": {"message": message, "code": code, "errors": list(errors)}})


class PagerDuty:
    """The account's incidents, kept as the REST interface writes them."""

    def __init__(self, url: str, key: str, tell: Tell) -> None:
        self.account = Account(url)
        self._url = url
        self._key = key
        self._tell = tell
        self._number = 0
        self.incidents: Bounded[str, Json] = Bounded(_KEPT_INCIDENTS)
        self.notes: dict[str, list[Json]] = {}

    async def allow(self, request: Request) -> None:
        """Refuse whoever has no key."""
        if request.headers.get("authorization") != f"Token token={self._key}":
            raise no(401, UNAUTHORIZED, "Invalid credentials")

    def requester(self, request: Request) -> Json:
        """The user of the From header, which every write needs."""
        email = request.headers.get("from", "")
        if not email:
            raise no(400, INVALID, "Invalid Input Provided", "The From header is required")
        user = self.account.user_by_email(email)
        if user is None:
            raise no(400, REQUESTER_UNKNOWN, "Requester User Not Found")
        return self.account.reference_to(user)

    def create(self, sent: Mapping[str, Any], who: Json | None) -> Json:
        """A new incident; refused where an open one has its key."""
        title, service = sent.get("title"), sent.get("service")
        if not isinstance(title, str) or not 0 < len(title.strip()) <= _TITLE_LENGTH:
            raise no(400, INVALID, "Invalid Input Provided", "Title must have 1 to 1024 characters")
        if not isinstance(service, dict) or service.get("id") != SERVICE_ID:
            raise no(400, INVALID, "Invalid Input Provided", "Service not found")
        key = sent.get("incident_key") or upper_id("", 32).lower()
        if self.open_with(key):
            reason = "Open incident with matching dedup key already exists on this service"
            raise no(400, INVALID, "Invalid Input Provided", reason)
        incident = self._new(title, str(key))
        incident |= self._urgency(sent) | self._priority(sent) | _details(sent)
        self.incidents[incident["id"]] = incident
        self._forget_notes()
        self._tell("incident.triggered", incident, who)
        return incident

    def update(self, incident: Json, sent: Mapping[str, Any], who: Json | None) -> Json:
        """The incident with what was sent; an error changes nothing."""
        status = sent.get("status", incident["status"])
        if status not in _STATUSES:
            raise no(400, INVALID, "Invalid Input Provided", "Status is not valid")
        if status == "resolved" == incident["status"] and "status" in sent:
            raise no(400, ALREADY_RESOLVED, "Incident Already Resolved")
        level = sent.get("escalation_level")
        if level is not None and (isinstance(level, bool) or level not in (1, 2)):
            raise no(400, INVALID, "Invalid Input Provided", f"There are {len(LEVELS)} levels")
        changed = self._urgency(sent, incident["urgency"]) | self._priority(sent)
        if isinstance(sent.get("title"), str) and sent["title"].strip():
            changed["title"] = changed["summary"] = sent["title"]
        priority = incident.get("priority")
        incident |= changed | {"updated_at": second()}
        if level is not None:
            self._assign(incident, level, who)
        if incident.get("priority") != priority:
            self._tell("incident.priority_updated", incident, who)
        if status != incident["status"]:
            self._become(incident, status, who)
        return incident

    def found(self, incident_id: str) -> Json:
        """The incident by id or number; 404 where there is none."""
        for incident in (self.incidents.get(incident_id), *self.incidents.values()):
            if incident and incident_id in (incident["id"], str(incident["incident_number"])):
                return incident
        raise no(404, NOT_FOUND, "Not Found")

    def open_with(self, key: Any) -> Json | None:
        """The open incident with this key."""
        for incident in self.incidents.values():
            if incident["incident_key"] == key and incident["status"] != "resolved":
                return incident
        return None

    def newest_first(self) -> list[Json]:
        """Every incident, newest first."""
        return self.incidents.newest_first()

    def note(self, incident: Json, content: Any, who: Json) -> Json:
        """A new note on the incident."""
        if not isinstance(content, str) or not content.strip():
            raise no(400, INVALID, "Invalid Input Provided", "Content cannot be empty")
        note = {
            "id": upper_id("P", 6),
            "user": who,
            "channel": {"summary": "The PagerDuty website or APIs"},
            "content": content,
            "created_at": second(),
        }
        held = self.notes.setdefault(incident["id"], [])
        held.append(note)
        del held[:-_KEPT_NOTES]
        self._tell("incident.annotated", incident, who)
        return note

    def _new(self, title: str, key: str) -> Json:
        self._number += 1
        incident_id, now = upper_id("Q", 13), second()
        return {
            **self.account.reference("incident", incident_id, title),
            "type": "incident",
            "incident_number": self._number,
            "title": title,
            "created_at": now,
            "updated_at": now,
            "status": "triggered",
            "incident_key": key,
            "service": self.account.reference_to(self.account.service),
            "assignments": self._assignments(1),
            "assigned_via": "escalation_policy",
            "last_status_change_at": now,
            "alert_counts": {"all": 0, "triggered": 0, "resolved": 0},
            "is_mergeable": True,
            "incident_type": {"name": "incident_default"},
            "escalation_policy": self.account.reference(
                "escalation_policy", ESCALATION_POLICY_ID, "On call"
            ),
            "teams": [],
            "pending_actions": [],
            "acknowledgements": [],
        }

    def _assignments(self, level: int) -> list[Json]:
        return [{"at": second(), "assignee": user} for user in self.account.on_call(level)]

    def _assign(self, incident: Json, level: int, who: Json | None) -> None:
        incident["assignments"] = self._assignments(level)
        self._tell("incident.escalated", incident, who)

    def _become(self, incident: Json, status: str, who: Json | None) -> None:
        reopened = incident["status"] == "resolved"
        now = second()
        incident |= {"status": status, "last_status_change_at": now}
        acknowledged = status == "acknowledged" and who is not None
        acknowledger = [{"at": now, "acknowledger": who}] if acknowledged else []
        incident["acknowledgements"] = acknowledger
        if status == "resolved":
            incident |= {"resolved_at": now, "assignments": []}
        elif reopened:
            incident["assignments"] = self._assignments(1)
            del incident["resolved_at"]
        event = {"triggered": "unacknowledged"}.get(status, status)
        self._tell("incident.reopened" if reopened else f"incident.{event}", incident, who)

    def _urgency(self, sent: Mapping[str, Any], default: str = "high") -> Json:
        urgency = sent.get("urgency") or default
        if urgency not in ("high", "low"):
            raise no(400, INVALID, "Invalid Input Provided", "Urgency must be high or low")
        return {"urgency": urgency}

    def _priority(self, sent: Mapping[str, Any]) -> Json:
        if sent.get("priority") is None:
            return {}
        priority = self.account.priority(sent["priority"])
        if priority is None:
            raise no(400, INVALID, "Invalid Input Provided", "Priority not found")
        return {"priority": priority}

    def _forget_notes(self) -> None:
        for incident_id in self.notes.keys() - self.incidents.keys():
            del self.notes[incident_id]


def _details(sent: Mapping[str, Any]) -> Json:
    body = sent.get("body")
    if not isinstance(body, dict):
        return {}
    return {"body": {"type": "incident_body", "details": body.get("details", "")}}
