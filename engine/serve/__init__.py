"""What comes in over HTTP: clicks in Slack, alerts that start an incident, looks at its health."""
