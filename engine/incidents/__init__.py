"""Incidents: their store, their states, their timeline, and the service that capabilities use."""
