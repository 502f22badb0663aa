"""`python -m tests.cli.measured ARGUMENTS…`: runs `harmony` and tells what it took, as JSON.

A process of its own and a small one: the kernel counts the memory of whoever starts a program to
that program's largest.
"""

import json
import os
import resource
import subprocess
import sys
import threading

ADDRESS_SPACE = 4 << 30
"""Bytes that the program may map at most, so that a broken limit harms no machine."""
PATIENCE = 60
"""Seconds after which it is killed."""
PROGRAM = "import sys; from engine.cli.main import main; sys.exit(main(sys.argv[1:]))"


def main(arguments: list[str]) -> None:
    """Print `{status, out, err, seconds, megabytes}`: processor time, largest resident memory."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        resource.prlimit(process.pid, resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        out, err = process.communicate()
        watchdog.cancel()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {
        "status": process.returncode,
        "out": out.decode(),
        "err": err.decode(),
        "seconds": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / 1024,
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    os.environ.pop("TEMPORAL_ADDRESS", None)
    main(sys.argv[1:])
