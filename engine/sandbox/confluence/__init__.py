"""Confluence Cloud, played."""
