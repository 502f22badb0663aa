"""A step reaches its worker's incident service, whatever runs it, and nothing else of it."""

from pathlib import Path

from engine.incidents.database import database_url
from engine.incidents.desk import Desk
from engine.incidents.incident import Opening
from engine.incidents.store import Store
from engine.runners.base import Runner
from engine.steps.flags import Flags
from engine.steps.step_execution import StepExecutor
from tests.programmable import call_of, project
from tests.test_service_binding import CONTRACT

ASK = """
    import json, os, pathlib, sys, urllib.error, urllib.request
    given = json.load(sys.stdin)
    url = given["config"]["url"] + "/v1/incidents/" + given["context"]["incident_id"]
    token = pathlib.Path(os.environ["OCS_SECRETS_DIR"], "token").read_text()

    def ask(headers):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code

    print(json.dumps({
        "incident": ask({"Authorization": "Bearer " + token}), "without": ask({}), "said": token,
    }))
"""


async def test_a_step_reaches_the_service_of_its_worker(tmp_path: Path, runner: Runner) -> None:
    found = project(tmp_path / "project", ASK, contract=CONTRACT)
    state = tmp_path / "state"
    async with Desk(lambda: Store(database_url(state, {})), state) as desk:
        incident, _ = await desk.open(Opening(title="Checkout is down", severity="P1"))
        executor = StepExecutor(found, runner, Flags(None, {}), service=desk.service)
        call = call_of(found, context={"incident_id": incident.id})
        answer = await executor.run(call, lambda _: None)
        token = (await desk.service()).token
    assert answer.output["incident"]["title"] == "Checkout is down"
    assert answer.output["without"] == 401
    assert token not in str(answer.output)
