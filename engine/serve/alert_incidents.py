"""Alerts become incidents of the store: one for each alert, however often it is delivered."""

from engine.incidents.desk import Desk
from engine.incidents.incident import Opening
from engine.serve.alerts import Alert


class AlertIncidents:
    """The numbers of incidents, from the store."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def open_for(self, alert: Alert) -> tuple[str, bool]:
        """The incident of this alert, and whether it was made now; StoreUnavailable."""
        incident, made = await self._desk.open(
            Opening(
                title=alert.title,
                severity=alert.severity,
                impacted_services=alert.services,
                started_at=alert.started_at,
                actor=alert.source,
                pagerduty_incident_id=alert.pagerduty_id,
                key=alert.key,
                also=alert.also,
            )
        )
        return incident.id, made
