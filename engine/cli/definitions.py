"""Finds what a name on the command line means, or says what is near it."""

from engine.errors import RunRefused
from engine.language.capability import Capability
from engine.language.catalog import Catalog
from engine.language.runbook import Runbook
from engine.suggestions import did_you_mean


def known_capability(catalog: Catalog, name: str) -> Capability:
    """The capability of this id, `golden.` left out or not; RunRefused where there is none."""
    found = catalog.capability(name) or catalog.capability(f"golden.{name}")
    if found is None:
        near = did_you_mean(name, catalog.capabilities())
        raise RunRefused(f"there is no capability '{name[:100]}'{near}", code="CAPABILITY_UNKNOWN")
    return found


def known_runbook(catalog: Catalog, name: str) -> Runbook:
    """The runbook of this name, `.md` left out or not; RunRefused where there is none."""
    found = catalog.runbook(name.removesuffix(".md"))
    if found is None:
        near = did_you_mean(name, catalog.runbooks())
        raise RunRefused(f"there is no runbook '{name[:100]}'{near}", code="RUNBOOK_UNKNOWN")
    return found
