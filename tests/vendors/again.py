"""Runs a program's `main()` once for each line of stdin, in one process: its imports are paid once.

In: one JSON document a line. Out: one line `{"status", "stdout", "stderr"}` for each.
"""

import contextlib
import io
import json
import sys


def main() -> None:
    sys.path.insert(0, "")
    import main as program  # type: ignore[import-not-found, unused-ignore]

    out = sys.stdout
    for line in sys.stdin:
        stdout, stderr = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        sys.stdin = io.StringIO(line)
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            status = program.main()
        stdout.flush()
        said = stdout.buffer.getvalue().decode()
        out.write(json.dumps({"status": status, "stdout": said, "stderr": stderr.getvalue()}))
        out.write("\n")
        out.flush()


if __name__ == "__main__":
    main()
