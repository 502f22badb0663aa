"""What an expression may read at its place in a blueprint, and what is certain there."""

from dataclasses import dataclass, field, replace

from engine.language.blueprint import WrittenStep
from engine.language.needs import Certain, Needs
from engine.language.producers import Read
from engine.plan import Outcome

BASE = frozenset(("inputs", "context", "steps", "run"))
LOOP = frozenset(("item", "index"))
_SURE_FIELDS: dict[str, str] = {
    "output": "succeeded",
    "error": "failed",
    "decision": "answered",
    "decisions": "ran",
    "escalations": "ran",
    "startedAt": "ran",
    "finishedAt": "ran",
}
"""The field of a step → what must be certain of it so that it needs no default."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One place."""

    needs: Needs
    """The graph whose steps can be upstream of it."""
    certain: Certain
    earlier: Needs | None = None
    """The steps of the main graph, where the place is in `finally`: all of them have ended."""
    step: WrittenStep | None = None
    names: frozenset[str] = BASE
    proven: frozenset[Read] = field(default_factory=frozenset)
    """Paths that the step's `when` proves to be there."""

    def outcomes(self, step: str) -> frozenset[Outcome] | None:
        """The outcomes of a step of this blueprint; None where there is no such step."""
        for needs in (self.needs, self.earlier):
            if needs is not None and step in needs.index:
                return needs.outcomes[needs.index[step]]
        return None

    def known(self) -> list[str]:
        """The ids of all steps that could be meant."""
        return [*self.needs.index, *(self.earlier.index if self.earlier is not None else ())]

    def has_ended(self, step: str) -> bool:
        """Whether the step has ended, in whatever way, when the place is looked at."""
        if step in self.needs.index:
            return bool(self.certain.before & self.needs.bit(step))
        return self.earlier is not None and step in self.earlier.index

    def is_sure(self, step: str, name: str) -> bool:
        """Whether this field of a step that has ended is there in every run."""
        if name not in _SURE_FIELDS or ("steps", step, name) in self.proven:
            return True
        if step not in self.needs.index:
            return False
        sure: int = getattr(self.certain, _SURE_FIELDS[name])
        return bool(sure & self.needs.bit(step))

    def with_own(self, step: WrittenStep) -> "Scope":
        """The same place where the step's own output can be read as well."""
        bit = self.needs.bit(step.id)
        certain = replace(
            self.certain,
            before=self.certain.before | bit,
            ran=self.certain.ran | bit,
            succeeded=self.certain.succeeded | bit,
        )
        return replace(self, certain=certain)


def outputs_scope(main: Needs, last: Needs) -> Scope:
    """Where `outputs` are computed: everything has ended; what is certain is so on success."""
    bits = (1 << len(main.steps)) - 1
    sure = main.reached_on_success()
    return Scope(needs=main, earlier=last, certain=Certain(before=bits, ran=sure, succeeded=sure))
