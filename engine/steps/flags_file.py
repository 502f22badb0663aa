"""flags.json as an OpenFeature provider: flagd's own evaluator, over a file that may change.

The file is looked at with each question, so an edit counts at once. flagd's provider polls it from
a thread, twice a second, and brings gRPC along.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

MAX_BYTES = 1024**2


class FlagsFile(AbstractProvider):
    """What the file says, or said when it could last be read."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        super().__init__()
        self._path = path
        self._warn = warn
        self._core = FlagdCore()
        self._core.set_flags('{"flags": {}}')
        self._seen: tuple[int, int, int] | None = None

    def get_metadata(self) -> Metadata:
        """Its name in OpenFeature."""
        return Metadata(name="flags-file")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - OpenFeature's own
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """A flag of two variants, on and off."""
        return self._fresh().resolve_boolean_value(flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """As OpenFeature has it."""
        return self._fresh().resolve_string_value(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """As OpenFeature has it."""
        return self._fresh().resolve_integer_value(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """As OpenFeature has it."""
        return self._fresh().resolve_float_value(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """As OpenFeature has it."""
        return self._fresh().resolve_object_value(flag_key, default_value, evaluation_context)

    def _fresh(self) -> FlagdCore:
        """The evaluator, after reading the file again if it changed."""
        try:
            about = self._path.stat()
            signature = (about.st_mtime_ns, about.st_size, about.st_ino)
            if signature != self._seen:
                self._seen = signature
                self._core = self._read()
        except Exception as error:
            self._warn(
                f"the file {self._path} cannot be used, its flags stay as they were: {error}"
            )
        return self._core

    def _read(self) -> FlagdCore:
        core = FlagdCore()
        with self._path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES >> 20} MiB")
        core.set_flags(data.decode("utf-8-sig"))
        return core
