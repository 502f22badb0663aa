"""Around one attempt: its last line says what came of it, `reached` or the name of an error."""

import ctypes
import errno
import os
import socket
import struct
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
MACHINE = os.uname().machine


def call(on_x86_64: int, on_aarch64: int, *arguments: object) -> int:
    """A system call by its number."""
    number = on_x86_64 if MACHINE == "x86_64" else on_aarch64
    whole = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(libc.syscall(ctypes.c_long(number), *whole))
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def hello(host: str, port: int) -> None:
    """Connect, and be greeted."""
    with socket.create_connection((host, port), 10) as connection:
        connection.settimeout(10)
        assert connection.recv(16) == b"hello"


def outcome() -> str:
    """Run the attempt."""
    try:
        exec(PROGRAM, globals())  # type: ignore[name-defined] # noqa: F821
    except socket.gaierror as error:
        return str(error.strerror)
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except Exception as error:
        return f"{type(error).__name__} {error}".strip()
    return "reached"


__all__ = ["struct", "sys", "time"]
print(outcome(), flush=True)  # noqa: T201
