"""Statuspage, played."""
