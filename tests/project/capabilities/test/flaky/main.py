"""Fails the first `failures` attempts with `code`, then says which attempt succeeded."""

import json
import sys

request = json.load(sys.stdin)
given, step = request["input"], request["step"]
if step["attempt"] <= given.get("failures", 1):
    error = {"code": given.get("code", "UNAVAILABLE"), "message": f"attempt {step['attempt']}"}
    if "retryAfterSeconds" in given:
        error["retryAfterSeconds"] = given["retryAfterSeconds"]
    json.dump({"error": error}, sys.stdout)
    sys.exit(1)
json.dump({"attempt": step["attempt"], "idempotencyKey": step["idempotencyKey"]}, sys.stdout)
