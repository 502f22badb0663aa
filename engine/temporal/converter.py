"""How values become payloads: one data converter for the client, the worker and the replayer.

JSON as msgspec writes and reads it, strictly by type; any client's plain JSON is understood.
Payloads above 32 KiB are compressed, so that a large plan or output costs little history.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    BinaryNullPayloadConverter,
    BinaryPlainPayloadConverter,
    BinaryProtoPayloadConverter,
    CompositePayloadConverter,
    DataConverter,
    EncodingPayloadConverter,
    JSONProtoPayloadConverter,
    PayloadCodec,
)

COMPRESS_ABOVE = 32 * 1024
EXPANDED_LIMIT = 64 * 1024**2
_ENCODING = b"binary/zlib"


class StrictJson(EncodingPayloadConverter):
    """`json/plain`; reading it raises where the value is not of the type asked for."""

    @property
    def encoding(self) -> str:
        """The encoding that every Temporal client and the web UI know."""
        return "json/plain"

    def to_payload(self, value: Any) -> Payload | None:
        """The value as JSON."""
        return Payload(metadata={"encoding": b"json/plain"}, data=msgspec.json.encode(value))

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """The value, of the type asked for; msgspec.ValidationError where it is not one."""
        return msgspec.json.decode(payload.data, type=type_hint or Any)


class PayloadConverter(CompositePayloadConverter):
    """Nothing, bytes and Temporal's own messages as always; everything else as strict JSON."""

    def __init__(self) -> None:
        super().__init__(
            BinaryNullPayloadConverter(),
            BinaryPlainPayloadConverter(),
            JSONProtoPayloadConverter(),
            BinaryProtoPayloadConverter(),
            StrictJson(),
        )


class Compression(PayloadCodec):
    """Compresses large payloads, and leaves every other payload as it is, both ways."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Compress what is large."""
        return [compress(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Expand what was compressed."""
        return [expand(payload) for payload in payloads]


def compress(payload: Payload) -> Payload:
    """The payload within a compressed one, where it is large and that makes it smaller."""
    if len(payload.data) <= COMPRESS_ABOVE:
        return payload
    data = zlib.compress(payload.SerializeToString(), 1)
    if len(data) >= len(payload.data):
        return payload
    return Payload(metadata={"encoding": _ENCODING}, data=data)


def expand(payload: Payload) -> Payload:
    """The payload that `compress` was given.

    What it did not make, or what would be enormous, is left as it is, for whoever reads it to
    refuse: an exception here would not end a run that a client sent it to, but have it hang.
    """
    if payload.metadata.get("encoding") != _ENCODING:
        return payload
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(payload.data, EXPANDED_LIMIT)
        return Payload.FromString(data) if stream.eof else payload
    except (zlib.error, DecodeError):
        return payload


DATA_CONVERTER = DataConverter(
    payload_converter_class=PayloadConverter, payload_codec=Compression()
)
