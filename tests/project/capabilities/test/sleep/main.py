"""Sleeps, then says for how long."""

import json
import sys
import time

seconds = json.load(sys.stdin)["input"]["seconds"]
time.sleep(seconds)
json.dump({"slept": seconds}, sys.stdout)
