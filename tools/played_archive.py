"""What is broken in the demo: a service that keeps files, and is full of old ones.

Its two runbooks reach it over the network: from a container too, which sees nothing else.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

EXPIRE, CHECK = "archive-expire", "archive-check"
_DAY = 86_400
_MEGABYTE = 1_000_000
_CAPACITY = 6 * _MEGABYTE
_AGES = (0, 12, 19, 26, 33, 40)
"""Of its files, in days."""
_HEAD = """---
harmony:
  title: {title}
  owner: sre-platform
  effect: {effect}
  timeout: 2m
  allowOutbound: ["{address}"]
  parameters: {{type: object, properties: {{{parameters}}}}}
---
"""
_EXPIRE = """
# Let the archive's old files expire

```python {{name=before interactive=false}}
from urllib.request import urlopen
print(urlopen("http://{address}/files", timeout=10).read().decode())
```

```python {{name=expire interactive=false}}
import os
from urllib.request import Request, urlopen
old = Request("http://{address}/files?days=" + os.environ["DAYS"], method="DELETE")
print(urlopen(old, timeout=10).read().decode())
```
"""
_CHECK = """
# Whether the archive has room

```python {{name=room interactive=false}}
import sys
from urllib.request import urlopen
used = int(urlopen("http://{address}/used", timeout=10).read())
print(f"{{used}} % of the archive are used")
sys.exit(used > 80)
```
"""


class Archive:
    """The service, with its files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        for days in _AGES:
            file = folder / f"audit-{days:02}-days-ago.log.gz"
            file.write_bytes(os.urandom(_MEGABYTE - 20_000))
            os.utime(file, (time.time() - days * _DAY, time.time() - days * _DAY))

    @contextmanager
    def serving(self, runbooks: Path) -> Iterator["Archive"]:
        """Answers on this machine until the block ends; its runbooks are put into this folder."""
        with ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            address = f"127.0.0.1:{server.server_port}"
            days = "DAYS: {type: integer, minimum: 1, default: 7}"
            for name, title, effect, parameters, text in (
                (EXPIRE, "Let the archive's old files expire", "destructive", days, _EXPIRE),
                (CHECK, "Whether the archive has room", "read", "", _CHECK),
            ):
                head = _HEAD.format(
                    title=title, effect=effect, address=address, parameters=parameters
                )
                (runbooks / f"{name}.md").write_text(head + text.format(address=address))
            yield self
            server.shutdown()

    def files(self) -> list[Path]:
        """What is left, oldest first."""
        return sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime)

    def used(self) -> int:
        """In percent."""
        return 100 * sum(file.stat().st_size for file in self.files()) // _CAPACITY

    def expire(self, days: int) -> int:
        """Remove what is older; how many that were."""
        old = [file for file in self.files() if file.stat().st_mtime < time.time() - days * _DAY]
        for file in old:
            file.unlink()
        return len(old)

    def _handler(archive) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request's
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                names = "\n".join(file.name for file in archive.files())
                self._say(str(archive.used()) if self.path == "/used" else names)

            def do_DELETE(self) -> None:
                [days] = parse_qs(urlsplit(self.path).query)["days"]
                self._say(f"{archive.expire(int(days))} files expired")

            def _say(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None: ...

        return Handler
