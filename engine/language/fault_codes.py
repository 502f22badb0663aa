"""Every code that `harmony validate` may report. Codes are stable: scripts filter by them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FaultCode:
    """What a code stands for, whatever the place."""

    severity: Literal["error", "warning"]
    meaning: str
    """One sentence; the message of a fault says which key, name or value it is."""


def _errors(**meanings: str) -> dict[str, FaultCode]:
    return {code: FaultCode("error", meaning) for code, meaning in meanings.items()}


def _warnings(**meanings: str) -> dict[str, FaultCode]:
    return {code: FaultCode("warning", meaning) for code, meaning in meanings.items()}


FAULT_CODES = {
    # Files
    **_errors(
        FILE_NAME="The file or folder has another name than what it defines.",
        FILE_OUTSIDE="The file is a link that leads out of the project; it is not read.",
        FILE_TOO_LARGE="A definition file has at most 1 MiB.",
        FILE_UNREADABLE="The file is missing, no regular file, or may not be read.",
    ),
    # YAML
    **_errors(
        YAML_ALIAS="An alias has no anchor, stands inside itself, or makes the document too large.",
        YAML_DEPTH="The document is nested deeper than 100 levels.",
        YAML_DOCUMENTS="A file holds one document.",
        YAML_DUPLICATE_KEY="A mapping has the same key twice; the fault is at the second.",
        YAML_ENCODING="A definition is UTF-8 text without NUL characters.",
        YAML_KEY="A key of a mapping is text.",
        YAML_MERGE="Merge keys (`<<`) are not part of YAML 1.2.",
        YAML_NUMBER="The number cannot be carried by JSON: not finite, or beyond 64 bits.",
        YAML_SYNTAX="The file is not YAML.",
        YAML_TAG="Tags such as `!!python/name` are refused.",
    ),
    # Shape
    **_errors(
        ID="An id does not have the form that its kind of thing has.",
        MISSING_KEY="A required key is missing; the fault is at the mapping that lacks it.",
        UNKNOWN_KEY="The key is not one of those that may stand here.",
        WRONG_TYPE="The value has another type than its key asks for.",
        WRONG_VALUE="The value is not one of those that its key allows.",
        VERSION="A version is semantic (1.2.3); a range is 1, 1.2 or 1.2.3.",
        DURATION="A duration is whole numbers with d h m s ms, such as 90s, 15m, 1h30m.",
        SCHEMA="A JSON Schema is not valid 2020-12, or uses what is refused here.",
        TOO_MANY_STEPS="A blueprint has at most 2,000 steps.",
    ),
    # Graph
    **_errors(
        STEP_DUPLICATE="Two steps of a blueprint have the same id.",
        STEP_KIND="A step has exactly one of run, gate, blueprint, wait and set.",
        NEEDS_UNKNOWN="A step needs one that is not there.",
        NEEDS_CYCLE="Steps need each other in a circle.",
        NEEDS_OUTCOME="A step waits for an outcome that the other step cannot have.",
        DESTRUCTIVE="A destructive call has no gate before it that must be approved.",
        ESCALATION="A gate escalates for a severity, or to roles, in a way that cannot be.",
    ),
    # What a blueprint uses
    **_errors(
        CAPABILITY_UNKNOWN="There is no capability with this id.",
        CAPABILITY_VERSION="The capability is there, but not in a version of this range.",
        CAPABILITY_FAULTY="The capability has faults of its own.",
        BLUEPRINT_UNKNOWN="There is no blueprint with this id.",
        BLUEPRINT_FAULTY="The child blueprint has faults of its own.",
        BLUEPRINT_RECURSION="A blueprint comes to run itself, directly or round about.",
        RUNBOOK_UNKNOWN="There is no runbook with this name.",
        RUNBOOK_FAULTY="The runbook has faults of its own.",
        CLASSIFICATION="The blueprint is classified lower than a capability or child it runs.",
        INPUT="A value does not match the input schema of what is called.",
        CONFIG="A value does not match the configuration schema of the capability.",
        SECRET="A secret is not one of the contract's keys, is not bound, or is written in plain.",  # noqa: S106
        SCRIPT_TEMPLATE="Text that is run as a program holds a template.",
    ),
    # Expressions
    **_errors(
        EXPRESSION_FAILS="An expression that reads nothing has no value in any run.",
        EXPRESSION_SYNTAX="An expression cannot be parsed, or uses what is not allowed.",
        EXPRESSION_TYPE="An expression cannot give the type that its place needs.",
        REFERENCE_UNKNOWN="An expression reads a name that is not there.",
        REFERENCE_HYPHEN="A step with a hyphen in its id is read as steps['look-again'].",
        REFERENCE_UPSTREAM="An expression reads a step that has not ended by then.",
        REFERENCE_FIELD="An expression reads a field that its producer's schema does not have.",
        REFERENCE_UNSURE="A step that may not have run is read without `default`.",
        REFERENCE_TYPE="The type of an expression is refused by the schema of its place.",
    ),
    # Contracts of capabilities
    **_errors(
        CONTRACT_EXAMPLE="An example of aiHints does not match its schema.",
        CONTRACT_IMAGE="An image is a folder of containers/, `.`, or has a digest.",
        CONTRACT_OUTBOUND="An entry of allowOutbound is neither host:port nor config:<key>.",
    ),
    # Runbooks
    **_errors(
        RUNBOOK_FRONTMATTER="A runbook begins with front matter that has `harmony:`.",
        RUNBOOK_EMPTY="A runbook has no block that runs.",
        RUNBOOK_DUPLICATE="Two blocks of a runbook have the same name.",
        RUNBOOK_INTERACTIVE="A block does not say interactive=false.",
        RUNBOOK_LANGUAGE="A named block is in a language that is not run.",
        RUNBOOK_READ="A block reads from the terminal.",
        RUNBOOK_TEMPLATE="A block holds a template; values travel as environment variables.",
    ),
    # Cases, people, environment
    **_errors(
        CASE="A case cannot be run as it is written.",
        FLAG="A feature flag is not as flagd reads it.",
        POLICY_CYCLE="A role includes itself, directly or round about.",
        POLICY_SLACK_DOUBLED="Two names have the same Slack account: a click would be nobody's.",
    ),
    **_warnings(
        ROLE_UNKNOWN="A role is not in policy.yaml.",
        TAG_MISSING="The tags of a capability do not hold its domain.",
        RUNBOOK_UNNAMED="A block that runs has no name.",
        RUNBOOK_PARAMETER="A block uses a parameter that is not declared.",
        RUNBOOK_CWD="A block works outside of the runbook's folder.",
        OPTIONAL_READ="An optional field of inputs, context or decision is read without `default`.",
        NEED_UNREACHED="A step follows, without `needs`, one that may not be reached.",
        CASES_MISSING="A capability has no cases.",
        SCHEMA_KEYWORD="A word in a JSON Schema is none of 2020-12's; your own begin with x-.",
    ),
}
