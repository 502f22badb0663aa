"""What does not change in the account: users, one service, one escalation policy, priorities."""

from typing import Any

from engine.sandbox.settings import ESCALATION_POLICY_ID, PEOPLE, SERVICE_ID, Person

Json = dict[str, Any]

LEVELS = (PEOPLE[:2], PEOPLE[2:3])
"""Who is on call at level 1 and at level 2."""
PRIORITIES = ("P1", "P2", "P3", "P4")


class Account:
    """The account's fixed things, as the REST interface writes them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.users = {person.pagerduty: self._user(person) for person in PEOPLE}
        self.priorities = [self._priority(name) for name in PRIORITIES]
        self.escalation_policy = self._escalation_policy()
        self.service = self._service()

    def reference(self, kind: str, thing_id: str, summary: str) -> Json:
        """`{"id", "type": "user_reference", "summary", "self", "html_url"}`."""
        plural = "escalation_policies" if kind == "escalation_policy" else f"{kind}s"
        return {
            "id": thing_id,
            "type": f"{kind}_reference",
            "summary": summary,
            "self": f"{self._url}/{plural}/{thing_id}",
            "html_url": f"{self._url}/{plural}/{thing_id}",
        }

    def reference_to(self, thing: Json) -> Json:
        """The reference to a whole thing, like a user or the service."""
        return self.reference(thing["type"], thing["id"], thing["summary"])

    def user_by_email(self, email: str) -> Json | None:
        """The user with this address."""
        return next((one for one in self.users.values() if one["email"] == email), None)

    def priority(self, wanted: Any) -> Json | None:
        """The priority that a reference or a name means."""
        named = wanted.get("id") if isinstance(wanted, dict) else wanted
        return next((one for one in self.priorities if named in (one["id"], one["name"])), None)

    def on_call(self, level: int) -> list[Json]:
        """References to the users of an escalation level, from 1."""
        return [self.reference_to(self.users[one.pagerduty]) for one in LEVELS[level - 1]]

    def oncalls(self, *, whole_users: bool) -> list[Json]:
        """Who is on call, always: an entry for each level and user."""
        policy = self.reference_to(self.escalation_policy)
        return [
            {
                "escalation_policy": policy,
                "escalation_level": level,
                "user": self.users[user["id"]] if whole_users else user,
            }
            for level in range(1, len(LEVELS) + 1)
            for user in self.on_call(level)
        ]

    def _whole(self, kind: str, thing_id: str, name: str) -> Json:
        return {**self.reference(kind, thing_id, name), "type": kind, "name": name}

    def _user(self, person: Person) -> Json:
        return self._whole("user", person.pagerduty, person.full_name) | {
            "email": person.email,
            "time_zone": "UTC",
            "color": "green",
            "role": "user",
            "description": None,
            "invitation_sent": False,
            "job_title": "",
            "teams": [],
            "contact_methods": [],
            "notification_rules": [],
        }

    def _priority(self, name: str) -> Json:
        return self._whole("priority", f"PRIOR{name}", name) | {"description": f"Severity {name}"}

    def _escalation_policy(self) -> Json:
        rules = [
            {
                "id": f"PRULE0{level}",
                "escalation_delay_in_minutes": 15,
                "targets": self.on_call(level),
            }
            for level in range(1, len(LEVELS) + 1)
        ]
        return self._whole("escalation_policy", ESCALATION_POLICY_ID, "On call") | {
            "escalation_rules": rules,
            "services": [self.reference("service", SERVICE_ID, "Checkout")],
            "num_loops": 0,
            "on_call_handoff_notifications": "if_has_services",
            "teams": [],
            "description": "",
        }

    def _service(self) -> Json:
        return self._whole("service", SERVICE_ID, "Checkout") | {
            "description": "The service of the sandbox",
            "created_at": "2026-01-01T00:00:00Z",
            "status": "active",
            "escalation_policy": self.reference_to(self.escalation_policy),
            "teams": [],
            "integrations": [],
            "alert_creation": "create_alerts_and_incidents",
        }
