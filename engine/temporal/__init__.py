"""Serving, reaching and starting Temporal."""
