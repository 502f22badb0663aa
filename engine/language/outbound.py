"""The entries of allowOutbound: what a program may reach."""

import re
import socket
from collections.abc import Mapping

from engine.language.document import Path
from engine.language.reading import Reading
from engine.plan import Json

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME = 253
_HIGHEST_PORT = 65_535


def check_outbound(
    reading: Reading, entry: str, path: Path, config: Mapping[str, Json] | None = None
) -> None:
    """Report an entry that names no place to reach: one host and port, or a key of the
    configuration, where there is one; "" has its fault."""
    if not entry:
        return
    kind, _, key = entry.partition(":")
    if kind == "config" and config is not None:
        if key not in config:
            reading.fault("CONTRACT_OUTBOUND", f"the configuration has no '{key[:60]}'", path)
        return
    host, _, port = entry.rpartition(":")
    if not (_is_host(host) and _is_port(port)):
        hint = "Write api.example.com:443"
        hint += ", or config:<key> for a URL." if config is not None else "."
        reading.fault("CONTRACT_OUTBOUND", f"'{entry[:60]}' is not host:port", path, hint=hint)


def _is_host(text: str) -> bool:
    """A name, or an address that is one machine's; an IPv6 address in brackets."""
    if text.startswith("[") and text.endswith("]"):
        return _is_address(socket.AF_INET6, text[1:-1])
    if text.replace(".", "").isdigit():
        return _is_address(socket.AF_INET, text)
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def _is_address(family: int, text: str) -> bool:
    try:
        return any(socket.inet_pton(family, text))
    except (OSError, ValueError):
        return False


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= _HIGHEST_PORT
