"""Harmony: incident automation on Temporal. Start reading at engine/plan.py."""
