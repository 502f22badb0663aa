"""Payloads: strict JSON, large ones compressed, any client's plain ones understood."""

import asyncio
import os
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter

from engine.messages import Decide, StartArguments
from engine.temporal.converter import COMPRESS_ABOVE, DATA_CONVERTER, compress, expand

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def through(value: object, *, hint: type | None = None, reader: DataConverter | None = None) -> Any:
    async def both() -> Any:
        payloads = await DATA_CONVERTER.encode([value])
        return (await (reader or DATA_CONVERTER).decode(payloads, [hint] if hint else None))[0]

    return asyncio.run(both())


@given(json_values)
def test_json_comes_back_as_it_was(value: object) -> None:
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return
    assert msgspec.json.encode(through(value)) == msgspec.json.encode(value)


def test_small_payloads_are_plain_json_that_every_client_reads() -> None:
    start = StartArguments(inputs={"a": 1}, context={})
    assert through(start, reader=DataConverter.default) == {"inputs": {"a": 1}}


def test_a_plain_client_is_understood() -> None:
    async def plain() -> Any:
        payloads = await DataConverter.default.encode([{"decision": "approved", "approverId": "a"}])
        return (await DATA_CONVERTER.decode(payloads, [Decide]))[0]

    assert asyncio.run(plain()) == Decide(decision="approved", approver_id="a")


def test_the_type_asked_for_is_insisted_on() -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected `str`, got `int`"):
        through({"decision": 1, "approverId": "a"}, hint=Decide)


def test_large_payloads_are_compressed() -> None:
    value = {"text": "abc" * COMPRESS_ABOVE}
    payload = DATA_CONVERTER.payload_converter.to_payloads([value])[0]
    small = compress(payload)
    assert small.metadata["encoding"] == b"binary/zlib"
    assert len(small.data) < len(payload.data) / 10
    assert expand(small) == payload
    assert through(value) == value


def test_what_does_not_get_smaller_is_left_as_it_is() -> None:
    payload = Payload(metadata={"encoding": b"binary/plain"}, data=os.urandom(COMPRESS_ABOVE + 1))
    assert compress(payload) is payload
    assert expand(payload) is payload


def test_what_cannot_be_expanded_is_left_for_its_reader_to_refuse() -> None:
    def compressed(data: bytes) -> Payload:
        return Payload(metadata={"encoding": b"binary/zlib"}, data=data)

    huge = compress(Payload(metadata={"encoding": b"binary/plain"}, data=bytes(65 * 1024**2)))
    other = zlib.compress(b"no payload")
    for odd in (huge, *map(compressed, (b"abc", b"", other, other[:9]))):
        assert expand(odd) is odd
        with pytest.raises(KeyError, match="binary/zlib"):
            DATA_CONVERTER.payload_converter.from_payloads([odd])
