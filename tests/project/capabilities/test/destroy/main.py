"""Says what it would have destroyed."""

import json
import sys

json.dump({"destroyed": json.load(sys.stdin)["input"].get("target", "nothing")}, sys.stdout)
