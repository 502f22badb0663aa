"""How the program leaves where the Temporal SDK is loaded, which must not share its stdout or exit.

The SDK's core may write to the process's stdout, and may crash while the interpreter shuts down.
"""

import io
import os
import sys
from typing import NoReturn

_STDOUT = 1
_STDERR = 2


def keep_stdout() -> None:
    """From now on only what Harmony itself writes reaches stdout; all else goes to stderr."""
    try:
        if sys.stdout.fileno() != _STDOUT:
            return
    except (AttributeError, OSError):
        return  # someone has put their own stream there
    sys.stdout.flush()
    kept = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    sys.stdout = io.TextIOWrapper(
        os.fdopen(kept, "wb"),
        encoding=sys.stdout.encoding,
        errors=sys.stdout.errors,
        line_buffering=os.isatty(kept),
    )


def leave(status: int) -> NoReturn:
    """End here with this status: what was written is out, nothing else is waited for."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
    os._exit(status)
