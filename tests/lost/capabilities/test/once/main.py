"""The first time, writes down that it was there and stays; after that it has nothing to do."""

import json
import sys
import time
from pathlib import Path

given = json.load(sys.stdin)["input"]
trace = Path(given["trace"])
times = len(trace.read_text().splitlines()) if trace.exists() else 0
with trace.open("a") as file:
    file.write("here\n")
if times == 0:
    time.sleep(60)
json.dump({"times": times + 1}, sys.stdout)
