"""One step: what is checked before its program, what it is given, and what its end means."""

import base64
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RunnerUnavailable, StepError
from engine.messages import StepAnswer
from engine.plan import Json, PinnedRunbook
from engine.project.folder import Project
from engine.runners.base import Executed, Execution, Runner
from engine.runners.process import ProcessRunner
from engine.steps.flags import Flags
from engine.steps.step_execution import StepExecutor, hosts
from tests.programmable import ID, call_of, project

TOKEN = {"secrets": {"required": ["token"], "properties": {"token": {"x-env": "TOKEN"}}}}


@pytest.fixture(scope="module")
async def runner() -> AsyncIterator[Runner]:
    made = ProcessRunner(grace_seconds=1.0)
    yield made
    await made.close()


@dataclass
class Bench:
    """A project and what runs its steps."""

    project: Project
    runner: Runner
    environment: Mapping[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    async def run(self, given: Json = None, **fields: Any) -> StepAnswer:
        flags = Flags(self.project.settings.flags_file, {}, self.said.append)
        executor = StepExecutor(self.project, self.runner, flags, self.environment)
        return await executor.run(call_of(self.project, given, **fields), self.said.append)

    async def failure(self, given: Json = None, **fields: Any) -> StepError:
        with pytest.raises(StepError) as raised:
            await self.run(given, **fields)
        assert raised.value.__cause__ is None
        assert str(raised.value) == raised.value.message
        return raised.value


async def test_a_program_is_given_exactly_this(tmp_path: Path, runner: Runner) -> None:
    bench = Bench(project(tmp_path), runner)
    answer = await bench.run({"n": 1.5}, config={"a": 1}, context={"incident_id": "INC-1"})
    assert answer.runner == "process"
    assert answer.warnings == ()
    assert answer.output == {
        "input": {"n": 1.5},
        "config": {"a": 1},
        "context": {"incident_id": "INC-1"},
        "step": {
            "runId": "run-1",
            "stepId": "each[3]",
            "attempt": 2,
            "idempotencyKey": "key-1",
            "deadline": "2026-03-01T03:00:00.000Z",
        },
    }


async def test_other_contents_than_the_plans_are_refused(tmp_path: Path, runner: Runner) -> None:
    bench = Bench(project(tmp_path), runner)
    for fields in ({"version": "1.2.1"}, {"digest": "0" * 64}, {"capability": "golden.test.gone"}):
        error = await bench.failure(**fields)
        assert (error.code, error.started, error.category) == ("PLAN_MISMATCH", False, "FATAL")


async def test_an_edit_under_way_is_noticed(tmp_path: Path, runner: Runner) -> None:
    bench = Bench(project(tmp_path), runner)
    call = call_of(bench.project)
    project(tmp_path, "print(1)")
    executor = StepExecutor(bench.project, runner, Flags(None, {}), {})
    with pytest.raises(StepError, match="other contents") as raised:
        await executor.run(call, bench.said.append)
    assert raised.value.code == "PLAN_MISMATCH"


async def test_a_flag_that_is_off_refuses(tmp_path: Path, runner: Runner) -> None:
    off = {"state": "ENABLED", "variants": {"off": False}, "defaultVariant": "off"}
    files = {
        "harmony.yaml": {"flags": {"file": "flags.json"}},
        "flags.json": {"flags": {f"cap-{ID}-enabled": off}},
    }
    bench = Bench(project(tmp_path, files=files), runner)
    error = await bench.failure()
    assert (error.code, error.started) == ("CAPABILITY_DISABLED", False)
    assert f"cap-{ID}-enabled" in error.message


OPERATIONS = {
    "schemas": {"input": {"properties": {"operation": {"enum": ["look", "change"]}}}},
    "security": {"requiredScopes": {"look": ["test:read"], "change": ["test:write"]}},
}
POLICY = {
    "roles": {"viewer": {"scopes": ["test:read"]}, "editor": {"scopes": ["test:write"]}},
    "people": {"alice": {"roles": ["viewer"]}, "bob": {"roles": ["viewer", "editor"]}},
}


@pytest.mark.parametrize(
    ("who", "given", "lacks"),
    [
        ("alice", {"operation": "look"}, None),
        ("alice", {"operation": "change"}, "test:write"),
        ("bob", {"operation": "change"}, None),
        ("alice", {}, "test:write"),
        ("", {"operation": "look"}, "test:read"),
        ("mallory", {"operation": "look"}, "test:read"),
    ],
)
async def test_the_initiators_scopes_are_those_of_the_operation(
    tmp_path: Path, runner: Runner, who: str, given: Json, lacks: str | None
) -> None:
    found = project(tmp_path, contract=OPERATIONS, files={"policy.yaml": POLICY})
    bench = Bench(found, runner)
    if lacks is None:
        assert (await bench.run(given, initiator=who)).output["input"] == given
        return
    error = await bench.failure(given, initiator=who)
    assert (error.code, error.started) == ("NOT_ALLOWED", False)
    assert lacks in error.message


async def test_a_role_taken_away_counts_from_then_on(tmp_path: Path, runner: Runner) -> None:
    found = project(tmp_path, contract=OPERATIONS, files={"policy.yaml": POLICY})
    bench = Bench(found, runner)
    await bench.run({"operation": "look"})
    project(tmp_path, contract=OPERATIONS, files={"policy.yaml": {"anyone": []}})
    assert (await bench.failure({"operation": "look"})).code == "NOT_ALLOWED"


@pytest.mark.parametrize("spoiled", ["roles: [", None])
async def test_a_policy_that_breaks_or_goes_opens_no_door(
    tmp_path: Path, runner: Runner, spoiled: str | None
) -> None:
    found = project(tmp_path, contract=OPERATIONS, files={"policy.yaml": POLICY})
    bench = Bench(found, runner)
    assert (await bench.failure({"operation": "change"})).code == "NOT_ALLOWED"
    spoil(tmp_path / "policy.yaml", spoiled)
    assert (await bench.failure({"operation": "change"})).code == "NOT_ALLOWED"
    assert (await bench.run({"operation": "look"})).output


def spoil(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        path.write_text(text)


async def test_input_against_the_contract(tmp_path: Path, runner: Runner) -> None:
    schema = {"required": ["n"], "properties": {"n": {"type": "integer"}, "m": {"default": 7}}}
    contract = {"schemas": {"input": schema}, "aiHints": {"exampleInput": {"n": 1}}}
    bench = Bench(project(tmp_path, contract=contract), runner)
    assert (await bench.run({"n": 1})).output["input"] == {"n": 1, "m": 7}
    error = await bench.failure({"n": "one"})
    assert (error.code, error.category, error.started) == ("CONTRACT_INPUT", "FATAL", False)
    assert "n:" in error.message
    assert (await bench.failure({})).code == "CONTRACT_INPUT"


async def test_configuration_lies_in_three_layers(tmp_path: Path, runner: Runner) -> None:
    schema = {
        "additionalProperties": False,
        "properties": {name: {"default": "contract"} for name in "abc"},
    }
    bound = {"config": {ID: {"b": "environment", "c": "environment"}}}
    found = project(
        tmp_path, contract={"schemas": {"config": schema}}, files={"harmony.yaml": bound}
    )
    bench = Bench(found, runner)
    answer = await bench.run(config={"c": "step"})
    assert answer.output["config"] == {"a": "contract", "b": "environment", "c": "step"}
    error = await bench.failure(config={"d": 1})
    assert (error.code, error.started) == ("CONTRACT_CONFIG", False)


RUNBOOK = {
    "schemas": {
        "input": {
            "additionalProperties": False,
            "required": ["runbook"],
            "properties": {
                "runbook": {"type": "string", "x-runbook": "document"},
                "document": {"type": "string", "x-script": True},
            },
        }
    },
    "aiHints": {"exampleInput": {"runbook": "say", "document": "x"}},
}


async def test_a_runbooks_text_is_that_of_the_plan(tmp_path: Path, runner: Runner) -> None:
    bench = Bench(project(tmp_path, contract=RUNBOOK), runner)
    pinned = PinnedRunbook(name="say", text="approved", digest="", title="Say", effect="read")
    given = {"runbook": "say", "document": "something else"}
    answer = await bench.run(given, runbook=pinned)
    assert answer.output["input"] == {"runbook": "say", "document": "approved"}
    error = await bench.failure({"runbook": "other"})
    assert (error.code, error.started) == ("CONTRACT_INPUT", False)
    assert "'other' is not in the plan" in error.message


async def test_secrets_are_bound_at_the_moment_of_the_step(tmp_path: Path, runner: Runner) -> None:
    source = """
        import json, os, pathlib
        token = pathlib.Path(os.environ["OCS_SECRETS_DIR"], "token").read_text()
        print(json.dumps({"length": len(token), "in": [k for k in os.environ if "TOKEN" in k]}))
    """
    bench = Bench(project(tmp_path, source, contract={"schemas": TOKEN}), runner)
    error = await bench.failure()
    assert (error.code, error.started) == ("SECRET_MISSING", False)
    bench.environment = {"TOKEN": "hunter2!"}
    assert (await bench.run()).output == {"length": 8, "in": []}


LEAKS = """
    import base64, json, os, pathlib, sys, urllib.parse
    token = pathlib.Path(os.environ["OCS_SECRETS_DIR"], "token").read_text()
    forms = [token, "x" + token, base64.b64encode(token.encode()).decode(),
             base64.b64encode(f"user:{token}".encode()).decode(),
             urllib.parse.quote(token, safe=""), json.dumps([token])]
    print(*forms, file=sys.stderr)
    how = json.load(sys.stdin)["input"]["how"]
    if how == "output":
        print(json.dumps({"forms": forms, token: 1}))
    elif how == "error":
        print(json.dumps({"error": {"code": token, "message": " ".join(forms), "details": forms}}))
        sys.exit(1)
    elif how == "status":
        sys.exit(9)
    elif how == "text":
        print(*forms)
    elif how == "long":
        print("y" * 70_000, *forms, file=sys.stderr)
        print(token * 20_000, file=sys.stderr, end="")
        sys.exit(1)
"""


@pytest.mark.parametrize("how", ["output", "error", "status", "text", "long", "contract"])
async def test_no_secret_leaves_the_step(tmp_path: Path, runner: Runner, how: str) -> None:
    value = 'hun"ter/2 +ü'
    output: dict[str, Any] = {"additionalProperties": False} if how == "contract" else {}
    contract = {"schemas": {**TOKEN, "output": output}, "aiHints": {"exampleOutput": {}}}
    bench = Bench(project(tmp_path, LEAKS, contract=contract), runner, {"TOKEN": value})
    given = {"how": "output" if how == "contract" else how}
    if how == "output":
        kept = repr(await bench.run(given))
    else:
        error = await bench.failure(given)
        kept = repr((error.code, error.message, error.args, error.details))
    kept += repr(bench.said)
    assert "***" in kept
    for form in (value, "ter/2", "ter%2F2", "hun", base64.b64encode(value.encode()).decode()[:8]):
        assert form not in kept, kept
    assert base64.b64encode(f"user:{value}".encode()).decode()[8:16] not in kept


async def test_a_short_secret_is_told_of(tmp_path: Path, runner: Runner) -> None:
    bench = Bench(
        project(tmp_path, "print('\"a 42 b 420\"')", contract={"schemas": TOKEN}),
        runner,
        {"TOKEN": "42"},
    )
    answer = await bench.run()
    assert answer.output == "a *** b 420"
    assert "'token' is shorter than 4 characters" in answer.warnings[0]


FAILING = """
    import json, sys
    given = json.load(sys.stdin)["input"]
    sys.stderr.write(given.get("stderr", ""))
    sys.stdout.write(given.get("stdout", ""))
    sys.exit(given["status"])
"""


@pytest.mark.parametrize(
    ("stdout", "status", "code", "category"),
    [
        ('{"error": {"code": "BUSY", "message": "later"}}', 1, "BUSY", "RETRYABLE"),
        ('{"error": {"code": "LIMIT", "message": "later"}}', 2, "LIMIT", "RATE_LIMIT"),
        ('{"error": {"code": "WHO", "message": "?"}}', 1, "WHO", "AUTH_FAILURE"),
        ('{"error": {"code": "OTHER", "message": "?"}}', 1, "OTHER", "FATAL"),
        ('{"error": {"message": "?"}}', 4, "EXIT_4", "FATAL"),
        ('{"error": "BUSY"}', 4, "EXIT_4", "FATAL"),
        ('{"error": {"code": 3}}', 4, "EXIT_4", "FATAL"),
        ("[1]", 5, "EXIT_5", "FATAL"),
        ("", 6, "EXIT_6", "FATAL"),
        ("not json", 7, "EXIT_7", "FATAL"),
    ],
)
async def test_how_a_program_fails(
    tmp_path: Path, runner: Runner, stdout: str, status: int, code: str, category: str
) -> None:
    errors = {"BUSY": "RETRYABLE", "LIMIT": "RATE_LIMIT", "WHO": "AUTH_FAILURE"}
    found = project(tmp_path, FAILING, contract={"operations": {"errorMap": errors}})
    error = await Bench(found, runner).failure({"stdout": stdout, "status": status})
    assert (error.code, error.category, error.started) == (code, category, True)


async def test_the_last_words_of_a_program_without_an_error_document(
    tmp_path: Path, runner: Runner
) -> None:
    bench = Bench(project(tmp_path, FAILING), runner)
    error = await bench.failure({"stderr": "one\n\nTraceback\nboom: it broke\n", "status": 3})
    assert error.message == (
        "the program ended with status 3; its last words: one / Traceback / boom: it broke"
    )
    assert bench.said == ["one\n\nTraceback\nboom: it broke\n"]
    error = await bench.failure({"stderr": "much was said " * 99, "status": 3})
    assert re.search(r"its last words: … (much|was|said) ", error.message)
    assert len(error.message) < 560


@pytest.mark.parametrize(
    ("seconds", "wait"),
    [
        ("30", 30_000),
        ("0.5", 500),
        ("-1", None),
        ('"30"', None),
        ("true", None),
        ("1e99", 86_400_000),
    ],
)
async def test_retry_after(tmp_path: Path, runner: Runner, seconds: str, wait: int | None) -> None:
    document = f'{{"error": {{"code": "A", "message": "b", "retryAfterSeconds": {seconds}}}}}'
    error = await Bench(project(tmp_path, FAILING), runner).failure(
        {"stdout": document, "status": 1}
    )
    assert error.retry_after_ms == wait


async def test_details_come_along_within_bounds(tmp_path: Path, runner: Runner) -> None:
    bench = Bench(project(tmp_path, FAILING), runner)
    document = '{"error": {"code": "A", "message": "b", "details": %s}}'
    error = await bench.failure({"stdout": document % '{"id": 7}', "status": 1})
    assert error.details == {"id": 7}
    error = await bench.failure({"stdout": document % f'"{"x" * 70_000}"', "status": 1})
    assert error.details == "left out: 70,002 bytes"


@pytest.mark.parametrize(
    ("stdout", "words"),
    [
        ("", "stdout is empty"),
        (" \n", "stdout is empty"),
        ("done", "is not one JSON document"),
        ('{"a": 1} {"b": 2}', "is not one JSON document"),
        ('{"a": NaN}', "is not one JSON document"),
        ("[" * 100_000, "is not one JSON document"),
    ],
)
async def test_what_is_no_output(tmp_path: Path, runner: Runner, stdout: str, words: str) -> None:
    bench = Bench(project(tmp_path, FAILING), runner)
    error = await bench.failure({"stdout": stdout, "stderr": "oh\n", "status": 0})
    assert (error.code, error.category, error.started) == ("CONTRACT_OUTPUT", "FATAL", True)
    assert words in error.message
    assert error.message.endswith("its last words: oh")


async def test_output_against_the_contract(tmp_path: Path, runner: Runner) -> None:
    output = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    contract = {"schemas": {"output": output}, "aiHints": {"exampleOutput": {"n": 1}}}
    bench = Bench(project(tmp_path, FAILING, contract=contract), runner)
    assert (await bench.run({"stdout": '{"n": 2}', "status": 0})).output == {"n": 2}
    error = await bench.failure({"stdout": '{"n": "two"}', "status": 0})
    assert (error.code, error.category) == ("CONTRACT_OUTPUT", "FATAL")
    assert "golden.test.program@1.2.0" in error.message


@pytest.mark.parametrize(
    ("size", "fits"), [(1_048_574, True), (1_048_575, False), (9_000_000, False)]
)
async def test_the_size_of_an_output(tmp_path: Path, runner: Runner, size: int, fits: bool) -> None:
    bench = Bench(project(tmp_path, f"print('\"' + 'x' * {size} + '\"')"), runner)
    if fits:
        assert len((await bench.run()).output) == size
        return
    error = await bench.failure()
    assert (error.code, error.category) == ("OUTPUT_TOO_LARGE", "FATAL")
    assert "1,048,576" in error.message


@pytest.mark.parametrize(("idempotent", "category"), [(True, "RETRYABLE"), (False, "FATAL")])
async def test_a_time_out(tmp_path: Path, runner: Runner, idempotent: bool, category: str) -> None:
    source = "import sys, time; print('at work', file=sys.stderr, flush=True); time.sleep(60)"
    contract = {"operations": {"isIdempotent": idempotent}}
    bench = Bench(project(tmp_path, source, contract=contract), runner)
    began = time.monotonic()
    error = await bench.failure(timeout_ms=500)
    assert time.monotonic() - began < 10
    assert (error.code, error.category, error.started) == ("TIMEOUT", category, True)
    assert "longer than 500ms" in error.message
    assert "at work" in error.message


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [(["no-such"], "EXIT_127", "cannot start 'no-such'"), (["./program.py"], "EXIT_126", "denied")],
)
async def test_a_program_that_cannot_start(
    tmp_path: Path, runner: Runner, command: list[str], code: str, words: str
) -> None:
    bench = Bench(project(tmp_path, contract={"runtime": {"command": command}}), runner)
    error = await bench.failure()
    assert (error.code, error.category) == (code, "FATAL")
    assert words in error.message


@dataclass
class Lost:
    """A runner whose backend goes away."""

    started: bool
    name: str = "lost"
    given: list[Execution] = field(default_factory=list)

    async def run(self, execution: Execution) -> Executed:
        self.given.append(execution)
        raise RunnerUnavailable("the engine is away", started=self.started)

    async def close(self) -> None:
        """It holds nothing."""


@pytest.mark.parametrize(("started", "idempotent"), [(False, False), (False, True), (True, True)])
async def test_a_runner_that_is_away_is_asked_again(
    tmp_path: Path, started: bool, idempotent: bool
) -> None:
    found = project(tmp_path, contract={"operations": {"isIdempotent": idempotent}})
    with pytest.raises(RunnerUnavailable):
        await Bench(found, Lost(started)).run()


async def test_what_may_have_begun_and_may_not_be_repeated_is_not(tmp_path: Path) -> None:
    found = project(tmp_path, contract={"operations": {"isIdempotent": False}})
    error = await Bench(found, Lost(started=True)).failure()
    assert (error.code, error.category) == ("RUNNER_LOST", "FATAL")
    assert "unknown" in error.message


@pytest.mark.parametrize(
    ("idempotent", "effect", "key"),
    [(True, "read", None), (True, "write", "run-1/each[3]/2"), (False, "read", "run-1/each[3]/2")],
)
async def test_only_an_idempotent_read_may_be_answered_from_a_cache(
    tmp_path: Path, idempotent: bool, effect: str, key: str | None
) -> None:
    contract = {"operations": {"isIdempotent": idempotent, "effect": effect}}
    runner = Lost(started=False)
    with pytest.raises(RunnerUnavailable):
        await Bench(project(tmp_path, contract=contract), runner).run()
    assert runner.given[0].cache_key == key


def test_hosts_come_from_the_contract_and_the_configuration() -> None:
    entries = ("api.example.com:443", "config:url", "config:plain", "config:odd", "config:none")
    config = {
        "url": "https://eu.example.com/v1",
        "plain": "http://inside:8080",
        "odd": "https://x:port",
        "none": 3,
    }
    assert hosts(entries, config) == ("api.example.com:443", "eu.example.com:443", "inside:8080")
    assert hosts(("config:url", "eu.example.com:443"), config) == ("eu.example.com:443",)
    assert hosts((), config) == ()
