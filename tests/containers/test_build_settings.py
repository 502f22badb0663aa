"""What of this machine's settings reaches the building of an image."""

from pathlib import Path

import pytest

from engine.runners import build_settings

NOTHING = {"PATH": "/nowhere", "PIP_CONFIG_FILE": "/dev/null"}


def test_a_machine_without_settings_gives_none() -> None:
    found = build_settings.read(NOTHING)
    assert found.secrets == ()
    assert found.wheels == ()


def test_pips_settings_are_those_of_its_files_and_of_the_environment(tmp_path: Path) -> None:
    authority, config = tmp_path / "ca.pem", tmp_path / "pip.conf"
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    config.write_text(
        "[global]\nindex-url = https://files.example/simple\ntrusted-host = one\n two\n"
    )
    found = dict(build_settings.read({
        **NOTHING, "PIP_CONFIG_FILE": str(config), "PIP_INDEX_URL": "https://user:word@mine.example/simple",
        "PIP_CERT": str(authority),
    }).secrets)  # fmt: skip
    assert found["pip.conf"].splitlines() == [
        "[global]",
        "index-url = https://user:word@mine.example/simple",
        "trusted-host = one two",
        "cert = /run/secrets/ca.pem",
    ]
    assert found["ca.pem"] == "-----BEGIN CERTIFICATE-----\n"


def test_a_proxy_reaches_pip_and_curl() -> None:
    found = dict(
        build_settings.read({**NOTHING, "HTTPS_PROXY": "http://proxy.example:3128"}).secrets
    )
    assert "proxy = http://proxy.example:3128" in found["pip.conf"]
    assert found["curlrc"] == 'proxy = "http://proxy.example:3128"\n'


def test_folders_of_wheels_are_named_where_they_have_some(tmp_path: Path) -> None:
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "one-1-py3-none-any.whl").write_text("")
    found = build_settings.read({**NOTHING, "PIP_FIND_LINKS": f"{empty} {full} https://example/x"})
    assert found.wheels == (full,)
    assert "find-links = /context/.harmony/wheels/0" in dict(found.secrets)["pip.conf"]


def test_sources_of_packages_are_those_of_the_file_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "sources"
    file.write_text("deb https://debian.example bookworm main\n")
    named = dict(build_settings.read({**NOTHING, "HARMONY_DEBIAN_SOURCES": str(file)}).secrets)
    assert named["apt.sources"] == "deb https://debian.example bookworm main\n"
    mirror = {**NOTHING, "HARMONY_DEBIAN_SOURCES": "https://debian.example"}
    assert build_settings.read(mirror).secrets == ()


def test_apts_settings_are_those_that_say_how_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = 'Acquire "";\\nAcquire::http "";\\nAcquire::http::Proxy "http://p:1";\\nDir "/";\\n'
    program = tmp_path / "apt-config"
    program.write_text(f"#!/bin/sh\nprintf '{said}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = dict(build_settings.read({**NOTHING, "PATH": str(tmp_path)}).secrets)
    assert found == {"apt.conf": 'Acquire::http::Proxy "http://p:1";\n'}
