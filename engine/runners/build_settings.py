"""What the building of an image needs to know of this machine: mirrors, proxies, certificates.

None of it belongs into an image, or into a project: it is read here and given to a build as secrets
and as a part of its context that is only mounted. A Containerfile that wants one mounts it by name:

pip.conf      for PIP_CONFIG_FILE: index, proxy, certificates, folders of wheels
apt.conf      for APT_CONFIG: proxies, time-outs and the like
apt.sources   one-line or deb822 sources, where HARMONY_DEBIAN_SOURCES names a file of them
curlrc        for curl --config: the proxy
ca.pem        the certificates that this machine trusts, where it says which
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

WHEELS = ".harmony/wheels"
"""Where in a build's context the folders of wheels are, each in a folder of its number."""
CONTEXT = "/context"
"""Where a Containerfile mounts its context while pip runs."""
DEBIAN_SOURCES = "HARMONY_DEBIAN_SOURCES"
_SECONDS = 30.0
_PIP = ("index-url", "extra-index-url", "no-index", "trusted-host", "default-timeout", "proxy")
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
_APT = re.compile(r"^Acquire::(?:http|https|Retries|Check|ForceIPv)\b.*;$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What a build is given of this machine."""

    secrets: tuple[tuple[str, str], ...]
    """Name and text; only those that have something to say."""
    wheels: tuple[Path, ...]
    """The folders that pip looks into here, where there are any wheels in them."""


def read(environment: Mapping[str, str] = os.environ) -> BuildSettings:
    """Ask pip and apt; about half a second."""
    pip = _pip(environment)
    named = (Path(each) for each in pip.get("find-links", "").split())
    wheels = tuple(folder for folder in named if any(folder.glob("*.whl")))
    certificates = _certificates(pip, environment)
    proxy = environment.get("https_proxy") or environment.get("HTTPS_PROXY") or ""
    lines = [f"{key} = {pip[key]}" for key in _PIP if key in pip]
    lines += [f"find-links = {_links(len(wheels))}"] if wheels else []
    lines += [f"proxy = {proxy}"] if proxy and "proxy" not in pip else []
    lines += ["cert = /run/secrets/ca.pem"] if certificates else []
    given = {
        "pip.conf": "".join(f"{line}\n" for line in ("[global]", *lines)) if lines else "",
        "apt.conf": _apt(environment),
        "apt.sources": _sources(environment.get(DEBIAN_SOURCES, "")),
        "curlrc": f'proxy = "{proxy}"\n' if proxy else "",
        "ca.pem": certificates,
    }
    return BuildSettings(tuple((name, text) for name, text in given.items() if text), wheels)


def _links(folders: int) -> str:
    return " ".join(f"{CONTEXT}/{WHEELS}/{number}" for number in range(folders))


def _pip(environment: Mapping[str, str]) -> dict[str, str]:
    """What `pip config list` says, the environment's over the files'; nothing without a pip."""
    listed = _output([sys.executable, "-m", "pip", "config", "list"], environment)
    found: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: not line.startswith(":env:")):
        name, _, value = line.partition("=")
        found.setdefault(name.rpartition(".")[2], value.strip("'").replace("\\n", " "))
    return found


def _certificates(pip: Mapping[str, str], environment: Mapping[str, str]) -> str:
    for path in (pip.get("cert", ""), *(environment.get(name, "") for name in _CERTIFICATES)):
        if path and Path(path).is_file():
            return Path(path).read_text(encoding="utf-8")
    return ""


def _apt(environment: Mapping[str, str]) -> str:
    if shutil.which("apt-config") is None:
        return ""
    said = _APT.findall(_output(["apt-config", "dump"], environment))
    return "".join(f"{line}\n" for line in said if not line.endswith(' "";'))


def _sources(named: str) -> str:
    """A file of sources as it is. The address of a mirror says no more than where the base image
    comes from."""
    return Path(named).read_text(encoding="utf-8") if named and Path(named).is_file() else ""


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout
