"""Gives back its input, the text with the configured prefix."""

import json
import sys

request = json.load(sys.stdin)
given = request["input"]
text = request["config"].get("prefix", "") + given.get("text", "")
json.dump({**given, "text": text}, sys.stdout)
