"""The functions that `dagger call` offers; each runs the program `harmony` in a container."""

import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import dagger
from dagger import DefaultPath, Doc, Ignore, dag, enum_type, function, object_type

_BASE = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)
LEFT_OUT = [".git", ".venv", ".dagger", "**/__pycache__", "**/.*_cache", "**/node_modules"]
_PYTHON = "/opt/harmony/bin/python"
_PIP = [_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
_PATH = "/opt/harmony/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INSIDE = "/opt/harmony/inside.py"
_VARIABLES = "/run/secrets/harmony-variables"

Inputs = Annotated[
    list[str] | None,
    Doc("An input of the blueprint, KEY=VALUE: JSON where VALUE parses as JSON, else text"),
]
Context = Annotated[
    list[str] | None, Doc("A field of the incident, KEY=VALUE: incident_id=INC-2026-0001")
]
Variables = Annotated[
    dagger.Secret | None,
    Doc("NAME=value lines: the variables that the secrets of capabilities are read from"),
]
Actor = Annotated[str, Doc("Who acts, as policy.yaml names them")]


@enum_type
class Severity(Enum):
    """How bad the incident is."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


@enum_type
class Format(Enum):
    """How faults are reported."""

    HUMAN = "human"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


class Failed(Exception):
    """`harmony` ended with another status than 0; the message is what it said."""


@object_type
class Harmony:
    """Checks, rehearses and runs blueprints, capabilities and runbooks in containers."""

    source: Annotated[
        dagger.Directory, DefaultPath("/"), Ignore(LEFT_OUT), Doc("Harmony's own code")
    ]
    project: Annotated[
        dagger.Directory | None,
        Ignore(LEFT_OUT),
        Doc("The folder with blueprints, capabilities and runbooks; Harmony's own by default"),
    ] = None
    base: Annotated[str, Doc("An image with Python 3.11 that stands for the pinned one")] = ""
    pip_config: Annotated[
        dagger.Secret | None, Doc("A pip.conf, where packages come from an index of one's own")
    ] = None
    certificates: Annotated[
        dagger.Secret | None, Doc("A PEM file of authorities, where the network has its own")
    ] = None

    @function
    async def container(self) -> dagger.Container:
        """A container with `harmony` and the project; with `terminal` behind it, a shell there."""
        return await self._toolbox()

    @function
    async def validate(
        self,
        paths: Annotated[list[str] | None, Doc("A file, a folder or an id; all by default")] = None,
        report: Annotated[Format, Doc("How faults are reported")] = Format.HUMAN,
    ) -> str:
        """Every fault of blueprints, capabilities, runbooks and cases, with what to do."""
        return await self._harmony("validate", "--format", report.value, *(paths or ()))

    @function
    async def plan(
        self,
        blueprint: Annotated[str, Doc("The blueprint's id")],
        inputs: Inputs = None,
        severity: Annotated[Severity | None, Doc("The incident's severity")] = None,
        context: Context = None,
    ) -> str:
        """What would happen for these inputs: steps, approvers, secrets, hosts, and the digest."""
        return await self._harmony("plan", blueprint, *_given(inputs, severity, context))

    @function
    async def run(
        self,
        blueprint: Annotated[str, Doc("The blueprint's id")],
        inputs: Inputs = None,
        severity: Annotated[Severity | None, Doc("The incident's severity")] = None,
        context: Context = None,
        actor: Actor = "",
        answers: Annotated[
            list[str] | None,
            Doc("An answer to a gate, given when it opens: GATE=approve|reject:NAME[:WHY]"),
        ] = None,
        variables: Variables = None,
    ) -> str:
        """Run a blueprint to its end, each step in a container of its own; the run as JSON.

        It has a Temporal server and a worker of its own, which end with it.
        """
        run = f"{blueprint}-{uuid4().hex[:8]}"
        given = [*_given(inputs, severity, context), *_acting(actor)]
        command = ["run", blueprint, *given, "--id", run, "--runner", "dagger", "--json"]
        told = ["--run", run, *(word for text in answers or () for word in ("--answer", text))]
        return await self._harmony(*command, told=told, variables=variables, acts=True)

    @function
    async def capability(
        self,
        id: Annotated[str, Doc("The capability's id")],  # noqa: A002 - it is the option's name
        inputs: Inputs = None,
        config: Annotated[
            list[str] | None, Doc("KEY=VALUE over what harmony.yaml says of the capability")
        ] = None,
        context: Context = None,
        actor: Actor = "",
        variables: Variables = None,
    ) -> str:
        """Run one capability alone, in its container, with a step's checks; its output as JSON."""
        over = [word for text in config or () for word in ("--config", text)]
        given = [*_given(inputs, None, context), *_acting(actor), *over]
        command = ["capability", "run", id, *given, "--runner", "dagger", "--yes", "--json"]
        return await self._harmony(*command, variables=variables, acts=True)

    @function
    async def test(
        self,
        paths: Annotated[list[str] | None, Doc("A file, a folder or an id; all by default")] = None,
        coverage: Annotated[  # noqa: FBT002 - an option of the command line
            bool, Doc("Name the outcomes of steps that no case reaches")
        ] = False,
    ) -> str:
        """The cases of blueprints and capabilities, without a server, in simulated time."""
        options = ["--coverage"] if coverage else []
        return await self._harmony("test", *options, *(paths or ()), acts=True)

    async def _harmony(
        self,
        *command: str,
        told: Sequence[str] = (),
        variables: dagger.Secret | None = None,
        acts: bool = False,
    ) -> str:
        """What the command writes for people and for programs; Failed where its status is not 0.

        One that `acts` is never answered from the engine's cache, and reaches the engine.
        """
        container = await self._toolbox()
        if variables is not None:
            container = container.with_mounted_secret(_VARIABLES, variables)
            told = ["--env", _VARIABLES, *told]
        if acts:
            container = container.with_env_variable("HARMONY_CALL", uuid4().hex)
        ended = container.with_exec(
            [_PYTHON, _INSIDE, *told, "--", "harmony", *command],
            expect=dagger.ReturnType.ANY,
            experimental_privileged_nesting=acts,
        )
        if status := await ended.exit_code():
            said = f"{await ended.stdout()}\n{await ended.stderr()}".strip()
            raise Failed(f"harmony {command[0]} ended with status {status}\n{said}")
        return await ended.stdout() or await ended.stderr()

    async def _toolbox(self) -> dagger.Container:
        installed = await self._installed()
        project = self.project or self.source
        return installed.with_directory("/project", project).with_workdir("/project")

    async def _installed(self) -> dagger.Container:
        """Harmony's program on the base, installed from the pinned packages and nothing else."""
        container = dag.container().from_(self.base or await self._pinned_base())
        if self.base:
            container = container.with_env_variable("HARMONY_BASE_IMAGE", self.base)
        for path, secret, variable in (
            ("/run/secrets/pip.conf", self.pip_config, "PIP_CONFIG_FILE"),
            ("/run/secrets/ca.pem", self.certificates, "PIP_CERT"),
        ):
            if secret is not None:
                container = container.with_mounted_secret(path, secret)
                container = container.with_env_variable(variable, path)
        packages = container.with_file("/src/constraints.txt", self.source.file("constraints.txt"))
        packages = (
            packages.with_mounted_cache("/root/.cache/pip", dag.cache_volume("harmony-pip"))
            .with_exec(["python3", "-m", "venv", "/opt/harmony"])
            .with_exec([*_PIP, "--no-deps", "--require-hashes", "-r", "/src/constraints.txt"])
        )
        return (
            packages.with_directory("/src", self.source)
            .with_exec([*_PIP, "--no-deps", "--no-build-isolation", "/src"])
            .with_new_file(_INSIDE, Path(__file__).with_name("inside.py").read_text("utf-8"))
            .with_env_variable("PATH", _PATH)
        )

    async def _pinned_base(self) -> str:
        """The image that Harmony's own images begin with."""
        text = await self.source.file("containers/python/Containerfile").contents()
        found = _BASE.search(text)
        if found is None:
            raise Failed("containers/python/Containerfile has no line ARG BASE=IMAGE")
        return found[1]


def _given(
    inputs: Sequence[str] | None, severity: Severity | None, context: Sequence[str] | None
) -> list[str]:
    words = [word for text in inputs or () for word in ("-i", text)]
    words += [word for text in context or () for word in ("--context", text)]
    return [*words, *(["--severity", severity.value] if severity else [])]


def _acting(actor: str) -> list[str]:
    return ["--as", actor] if actor else []
