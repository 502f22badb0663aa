"""JSON that a client sent: there comes a value of it, or a ValueError in one sentence."""

from typing import TypeVar, overload

import msgspec
from temporalio.common import RawValue

from engine.plan import Json

T = TypeVar("T")


@overload
def read(value: RawValue) -> Json: ...
@overload
def read(value: RawValue, kind: type[T]) -> T: ...
def read(value: RawValue, kind: object = object) -> object:
    """The value, of the type asked for; nothing at all is null."""
    data = value.payload.data or b"null"
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:  # all else that msgspec raises is a ValueError
        raise ValueError("it is nested too deeply") from None
