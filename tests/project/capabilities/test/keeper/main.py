"""Shows its secret, or how long it is."""

import json
import os
import sys
from pathlib import Path

operation = json.load(sys.stdin)["input"].get("operation", "show")
token = Path(os.environ["OCS_SECRETS_DIR"], "token").read_text()
answer = {"length": len(token)} if operation == "count" else {"shown": f"it is {token}."}
json.dump(answer, sys.stdout)
