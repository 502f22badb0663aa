"""The way to Temporal: what the environment says, and one sentence where it leads nowhere."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from engine.errors import ServiceUnavailable
from engine.temporal.connection import connect
from engine.temporal.embedded import ServerAddress
from tests.tls_front import Certificates, tls_front


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


def environment(address: str, **more: str) -> dict[str, str]:
    named = {f"TEMPORAL_{key}": value for key, value in more.items()}
    return {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": "default"} | named


async def test_the_address_and_namespace_of_the_environment_count(server: ServerAddress) -> None:
    client = await connect(environment=environment(server.address))
    assert client.namespace == "default"


async def test_a_missing_namespace_is_said(server: ServerAddress) -> None:
    with pytest.raises(ServiceUnavailable, match=r"no such namespace at .*, namespace harmony"):
        await connect(environment={"TEMPORAL_ADDRESS": server.address})


async def test_an_address_nobody_listens_at_is_said_in_time() -> None:
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable, match=r"within 2 s at 127.0.0.1:9, namespace default"):
        await connect(environment=environment("127.0.0.1:9"), timeout=2)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "address", ["nonsense", "127.0.0.1", "127.0.0.1:x", "http://127.0.0.1:7233", "::1:7233", " "]
)
async def test_an_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(ServiceUnavailable, match=r"TEMPORAL_ADDRESS is '.*'; give it as host:port"):
        await connect(environment=environment(address))


@pytest.mark.parametrize("answer", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b""])
async def test_what_is_not_temporal_is_said(answer: bytes) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServiceUnavailable, match="what listens there is not Temporal, or it"):
            await connect(environment=environment(f"127.0.0.1:{port}"), timeout=5)


async def test_what_never_answers_is_said_in_time() -> None:
    held = []

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="did not answer within 2 s"):
            await connect(environment=environment(f"127.0.0.1:{port}"), timeout=2)
        assert time.monotonic() - began < 4
        assert held
        for writer in held:
            writer.close()


async def test_why_it_cannot_be_reached_is_said_in_words(
    server: ServerAddress, certificates: Certificates
) -> None:
    async def said(address: str, **tls: str) -> str:
        with pytest.raises(ServiceUnavailable) as refused:
            await connect(environment=environment(address, **tls), timeout=5)
        return str(refused.value)

    assert "its host name is not known; check" in await said("no.such.host.invalid:7233")
    assert "does not speak TLS; check" in await said(server.address, TLS="true")
    async with tls_front(server.address, certificates, client_certificate=False) as address:
        assert "not of an authority that is trusted" in await said(address, TLS="true")
        ours = {"TLS_SERVER_CA_CERT_PATH": certificates.path("ca.pem")}
        assert "certificate is for another name" in await said(address, **ours)


async def test_no_address_is_said() -> None:
    with pytest.raises(ServiceUnavailable, match="TEMPORAL_ADDRESS is not set"):
        await connect(environment={})


@pytest.mark.parametrize("by", ["PATH", "DATA"])
async def test_a_server_that_asks_for_a_certificate(
    server: ServerAddress, certificates: Certificates, by: str
) -> None:
    def value(name: str) -> str:
        path = certificates.path(name)
        return path if by == "PATH" else Path(path).read_text()

    async with tls_front(server.address, certificates, client_certificate=True) as address:
        tls = {
            f"TLS_SERVER_CA_CERT_{by}": value("ca.pem"),
            "TLS_SERVER_NAME": "temporal.test",
        }
        mutual = {
            f"TLS_CLIENT_CERT_{by}": value("client.pem"),
            f"TLS_CLIENT_KEY_{by}": value("client.key"),
        }
        client = await connect(environment=environment(address, **tls, **mutual))
        assert client.namespace == "default"
        stranger = {**mutual, f"TLS_CLIENT_KEY_{by}": value("server.key")}
        for given, said in (
            (tls, "asks for"),
            ({}, "asks for TLS"),
            ({**tls, **stranger}, "the client's key is not that of its certificate"),
        ):
            with pytest.raises(ServiceUnavailable, match=said):
                await connect(environment=environment(address, **given), timeout=5)


async def test_a_server_of_an_unknown_authority_is_not_believed(
    server: ServerAddress, certificates: Certificates
) -> None:
    async with tls_front(server.address, certificates, client_certificate=False) as address:
        with pytest.raises(ServiceUnavailable, match="TEMPORAL_TLS"):
            await connect(environment=environment(address, TLS="true"), timeout=2)


async def test_a_certificate_that_is_not_there_is_said() -> None:
    with pytest.raises(ServiceUnavailable, match=r"No such file.*TEMPORAL_TLS"):
        await connect(environment=environment("127.0.0.1:9", TLS_CLIENT_CERT_PATH="/no/such"))


async def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(ServiceUnavailable, match="TEMPORAL_TLS_SERVER_CA_CERT_PATH"):
        await connect(environment=environment("a:1", TLS_DISABLE_HOST_VERIFICATION="true"))


class Guarded(grpc.GenericRpcHandler):
    """A server that lets nobody in, and keeps what was shown to it."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        metadata = dict(handler_call_details.invocation_metadata or ())
        self.shown.append(str(metadata.get("authorization")))

        async def refuse(_: bytes, context: grpc.aio.ServicerContext) -> bytes:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "not you")
            raise AssertionError

        return grpc.unary_unary_rpc_method_handler(refuse)


@pytest.fixture
async def guarded() -> AsyncIterator[tuple[str, Guarded]]:
    handler = Guarded()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}", handler
    await server.stop(None)


async def test_the_api_key_is_shown_and_a_refusal_is_said(
    guarded: tuple[str, Guarded], certificates: Certificates
) -> None:
    address, handler = guarded
    async with tls_front(address, certificates, client_certificate=False) as front:
        tls = {
            "TLS_SERVER_CA_CERT_PATH": certificates.path("ca.pem"),
            "TLS_SERVER_NAME": "temporal.test",
        }
        with pytest.raises(
            ServiceUnavailable, match=r"refuses the credentials; check .*TEMPORAL_API_KEY"
        ):
            await connect(environment=environment(front, API_KEY="the-key", **tls), timeout=5)
    assert "Bearer the-key" in handler.shown
