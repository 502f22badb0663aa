"""A TLS front for the test server, as a cluster has one: it may ask for a client's certificate.

The authority and the certificates are made with the `openssl` program when they are needed.
"""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of one authority, a server of the name `temporal.test`, and a client."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    @classmethod
    def make(cls, folder: Path) -> "Certificates":
        made = cls(folder)
        made._openssl("req -x509 -subj /CN=authority -keyout ca.key -out ca.pem")
        for name, subject in (("server", "temporal.test"), ("client", "harmony")):
            (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{subject}\n")
            made._openssl(f"req -subj /CN={subject} -keyout {name}.key -out {name}.csr")
            subprocess.run(
                f"openssl x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -out {name}.pem "
                f"-extfile {name}.ext -days 2".split(),
                cwd=folder, check=True, capture_output=True,
            )  # fmt: skip
        return made

    def _openssl(self, command: str) -> None:
        key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        days = " -days 2" if "-x509" in command else ""
        subprocess.run(
            f"openssl {command} {key}{days}".split(),
            cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip


@contextlib.asynccontextmanager
async def tls_front(
    behind: str, certificates: Certificates, *, client_certificate: bool
) -> AsyncIterator[str]:
    """Listens with TLS and passes every byte on; the address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.path("server.pem"), certificates.path("server.key"))
    context.set_alpn_protocols(["h2"])
    if client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates.path("ca.pem"))
    host, _, port = behind.rpartition(":")

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, up_writer), pass_on(up_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
