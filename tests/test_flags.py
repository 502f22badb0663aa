"""Feature flags: from a file that may change, from a server that may be away."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import grpc
import pytest
from openfeature.schemas.protobuf.flagd.evaluation.v2 import evaluation_pb2

from engine.steps.flags import ANSWER_WITHIN, Flags


def flag(value: object, state: str = "ENABLED") -> dict[str, object]:
    return {"state": state, "variants": {"one": value}, "defaultVariant": "one"}


def write(path: Path, flags: dict[str, object]) -> None:
    spoil(path, json.dumps({"flags": flags}))


def spoil(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    write(path, {"off": flag(False), "on": flag(True)})
    return path


@pytest.fixture
def warned() -> list[str]:
    return []


async def test_flags_of_a_file(file: Path, warned: list[str]) -> None:
    flags = Flags(file, {}, warned.append)
    assert not await flags.is_on("off")
    assert await flags.is_on("on", default=False)
    assert warned == []


async def test_an_edit_counts_at_once(file: Path, warned: list[str]) -> None:
    flags = Flags(file, {}, warned.append)
    assert await flags.is_on("on")
    write(file, {"on": flag(False)})
    assert not await flags.is_on("on")
    assert warned == []


async def test_a_flag_that_is_not_there_is_told_once(file: Path, warned: list[str]) -> None:
    flags = Flags(file, {}, warned.append)
    assert await flags.is_on("other")
    assert await flags.is_on("other")
    assert not await flags.is_on("another", default=False)
    assert len(warned) == 2
    assert "the flag other is not in the file" in warned[0]


@pytest.mark.parametrize(
    "entry", [flag("text"), flag(1), flag(None), {"state": "ENABLED", "variants": {}}]
)
async def test_a_flag_that_is_no_switch_has_its_default(
    file: Path, warned: list[str], entry: dict[str, object]
) -> None:
    write(file, {"odd": entry})
    flags = Flags(file, {}, warned.append)
    assert await flags.is_on("odd")
    assert not await flags.is_on("odd", default=False)


async def test_a_default_that_is_no_variant_is_told_with_its_name(
    file: Path, warned: list[str]
) -> None:
    """It is the file's fault, and not that of a server that does not answer."""
    write(file, {"odd": {**flag(False), "defaultVariant": "two"}})
    assert await Flags(file, {}, warned.append).is_on("odd")
    assert "the flag odd cannot be used and counts as on" in warned[0]


async def test_a_disabled_flag_has_its_default(file: Path, warned: list[str]) -> None:
    write(file, {"old": flag(False, "DISABLED")})
    assert await Flags(file, {}, warned.append).is_on("old")


@pytest.mark.parametrize("text", ["{", "[]", '{"flags": 3}', '{"flags": {"on": 3}}', "\0", ""])
async def test_a_broken_file_means_defaults_and_one_warning(
    file: Path, warned: list[str], text: str
) -> None:
    spoil(file, text)
    flags = Flags(file, {}, warned.append)
    assert await flags.is_on("on")
    assert await flags.is_on("on")
    assert any(str(file) in line for line in warned)
    assert len(warned) == len(set(warned)) <= 2


async def test_a_file_that_breaks_counts_as_it_was(file: Path, warned: list[str]) -> None:
    flags = Flags(file, {}, warned.append)
    assert not await flags.is_on("off")
    spoil(file, '{"flags": {"off"')
    assert not await flags.is_on("off")
    file.rename(file.with_suffix(".away"))
    assert not await flags.is_on("off")
    assert any("stay as they were" in line for line in warned)
    write(file, {"off": flag(True)})
    assert await flags.is_on("off")


async def test_a_file_that_is_not_there(tmp_path: Path, warned: list[str]) -> None:
    flags = Flags(tmp_path / "none.json", {}, warned.append)
    assert await flags.is_on("on")
    assert "none.json" in warned[0]


async def test_nothing_configured_warns_of_nothing(warned: list[str]) -> None:
    flags = Flags(None, {}, warned.append)
    assert await flags.is_on("on")
    assert not await flags.is_on("on", default=False)
    assert (warned, flags.source) == ([], "none")


async def test_a_server_that_is_away_means_defaults_in_time(
    warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        monkeypatch.setenv("FLAGD_HOST", "127.0.0.1")
        monkeypatch.setenv("FLAGD_PORT", str(busy.getsockname()[1]))
        flags = Flags(None, {"FLAGD_HOST": "127.0.0.1"}, warned.append)
        began = time.monotonic()
        assert await flags.is_on("on")
        assert not await flags.is_on("on", default=False)
        assert time.monotonic() - began < 2 * ANSWER_WITHIN + 1
        await flags.close()
    assert 1 <= len(warned) <= 2
    assert "does not answer" in warned[0]


async def test_a_server_that_says_nothing_means_defaults_in_time(
    warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connected by the kernel, never read
        monkeypatch.setenv("FLAGD_HOST", "127.0.0.1")
        monkeypatch.setenv("FLAGD_PORT", str(silent.getsockname()[1]))
        flags = Flags(None, {"FLAGD_HOST": "127.0.0.1"}, warned.append)
        began = time.monotonic()
        assert await flags.is_on("on")
        assert time.monotonic() - began < ANSWER_WITHIN + 1
        await flags.close()
    assert len(warned) >= 1


class Flagd:
    """As much of a flagd server as a flag needs."""

    flags: ClassVar[dict[str, bool]] = {"off": False, "on": True}

    def resolve(self, request: Any, context: Any) -> evaluation_pb2.ResolveBooleanResponse:
        if request.flag_key not in self.flags:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such flag")
        return evaluation_pb2.ResolveBooleanResponse(
            value=self.flags[request.flag_key], reason="STATIC", variant="one"
        )

    def events(self, _: Any, context: Any) -> Iterator[evaluation_pb2.EventStreamResponse]:
        yield evaluation_pb2.EventStreamResponse(type="provider_ready")
        ended = threading.Event()
        context.add_callback(ended.set)
        ended.wait(30)

    def serve(self) -> tuple[Any, int]:
        """A server that was started, and its port."""
        calls = {
            "ResolveBoolean": grpc.unary_unary_rpc_method_handler(
                self.resolve,
                evaluation_pb2.ResolveBooleanRequest.FromString,
                evaluation_pb2.ResolveBooleanResponse.SerializeToString,
            ),
            "EventStream": grpc.unary_stream_rpc_method_handler(
                self.events,
                evaluation_pb2.EventStreamRequest.FromString,
                evaluation_pb2.EventStreamResponse.SerializeToString,
            ),
        }
        server = grpc.server(ThreadPoolExecutor(4))
        name = "flagd.evaluation.v2.Service"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, calls),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, port


async def test_flags_of_a_server(warned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    server, port = Flagd().serve()
    monkeypatch.setenv("FLAGD_HOST", "127.0.0.1")
    monkeypatch.setenv("FLAGD_PORT", str(port))
    flags = Flags(None, {"FLAGD_HOST": "127.0.0.1"}, warned.append)
    try:
        assert flags.source == "flagd server"
        assert not await flags.is_on("off")
        assert await flags.is_on("on", default=False)
        assert warned == []
        assert await flags.is_on("other")
        assert not await flags.is_on("other", default=False)
        assert ["other" in line for line in warned] == [True, True]
    finally:
        await flags.close()
        await asyncio.to_thread(server.stop(grace=None).wait)
