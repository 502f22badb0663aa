"""Harmony: incident automation on Temporal. Start reading at engine/plan.py."""

VERSION = "0.1.0"
"""As in pyproject.toml, without the 30 ms that asking the installed package takes."""
