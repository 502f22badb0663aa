"""Incident automation: check, rehearse and run blueprints and capabilities in containers.

Every function works on the project in this repository, or on the one given with `--project`.
"""

from harmony.main import Harmony as Harmony
