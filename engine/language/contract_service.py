"""`x-service: incidents`: what a contract says of the worker's incident service.

It marks one key of the configuration, which is given the service's URL, and one secret, which is
given its token. The worker binds both at the moment of the step.
"""

from engine.language.capability import ServiceKeys
from engine.language.document import Path
from engine.language.reading import Reading
from engine.plan import Json

KEYWORD = "x-service"
INCIDENTS = "incidents"
_PARTS = ("config", "secrets")


def read_service(reading: Reading, part: dict[str, Json], path: Path) -> ServiceKeys | None:
    """The two keys, where the schemas of a contract have them; faults where they do not fit."""
    found: dict[str, list[str]] = {}
    for section in ("input", "output", *_PARTS):
        for name, schema in _properties(part.get(section)).items():
            if KEYWORD in schema:
                where = (*path, section, "properties", name)
                _check(reading, section, schema, where)
                found.setdefault(section, []).append(name)
    marked = {section: found.get(section, []) for section in _PARTS}
    for section, names in marked.items():
        other = "secrets" if section == "config" else "config"
        if names and not marked[other]:
            what = "a secret" if other == "secrets" else "a key of the configuration"
            reading.fault(
                "WRONG_VALUE",
                f"the service needs its URL and its token: no {KEYWORD} marks {what}",
                (*path, section, "properties", names[0], KEYWORD),
            )
        for name in names[1:]:
            reading.fault(
                "WRONG_VALUE",
                f"'{names[0]}' has {KEYWORD} already; one is enough",
                (*path, section, "properties", name, KEYWORD),
            )
    if not all(marked.values()):
        return None
    return ServiceKeys(url=marked["config"][0], token=marked["secrets"][0])


def check_reach(
    reading: Reading, service: ServiceKeys | None, outbound: tuple[str, ...], path: Path
) -> None:
    """A program that is given the service must be let through to it."""
    if service is not None and f"config:{service.url}" not in outbound:
        reading.fault(
            "CONTRACT_OUTBOUND",
            f"the program cannot reach the incident service: 'config:{service.url}' is missing",
            path,
        )


def _check(reading: Reading, section: str, schema: dict[str, Json], where: Path) -> None:
    at = (*where, KEYWORD)
    if schema[KEYWORD] != INCIDENTS:
        reading.fault(
            "WRONG_VALUE", f"there is one service: {KEYWORD}: {INCIDENTS}", at,
            hint=f"Write {INCIDENTS}.",
        )  # fmt: skip
    elif section not in _PARTS:
        message = f"{KEYWORD} marks a key of the configuration and a secret, nothing of the"
        reading.fault("WRONG_VALUE", f"{message} {section}", at)
    elif schema.get("type") != "string":
        reading.fault("WRONG_VALUE", f"what {KEYWORD} marks is of type string", at)
    elif "x-env" in schema:
        reading.fault(
            "SECRET", "the worker itself gives this secret; no variable has it", (*where, "x-env")
        )


def _properties(schema: Json) -> dict[str, dict[str, Json]]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(found, dict):
        return {}
    return {name: each for name, each in found.items() if isinstance(each, dict)}
