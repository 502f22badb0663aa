"""Gates: pending → approved, rejected or timed out; timed out → escalated → pending again.

One place decides: the update `decide` and the signal `approval` both come to `Gates.decide`.
"""

from collections.abc import Callable, Sequence

import msgspec

from engine import instants
from engine.messages import Decide, Decision, GateState, GateView, Reply, Standing
from engine.plan import GateStep, Json
from engine.run import gate_entries, gate_rules
from engine.run.in_flight import InFlight
from engine.run.journal import Journal, who_answered
from engine.run.run_memory import GateRecord, Memory, Notice

MAX_REFUSED = 200
"""Refused answers that a gate keeps, the latest; the history of the run has them all."""
MAX_REASON = 4_000
"""Characters of an answer's reason that are kept."""

Closed = Callable[[str, GateState, int], None]


class Gates:
    """The gates of a run that were opened.

    `closed` is told of each that has its outcome; `changed` of a late answer after that.
    """

    def __init__(
        self,
        memory: Memory,
        steps: dict[str, GateStep],
        flights: InFlight,
        journal: Journal,
        run_deadline: Callable[[str], int | None],
        closed: Closed,
        changed: Callable[[str], None],
    ) -> None:
        self._memory = memory
        self._records = memory.gates
        self._steps = steps
        self._flights = flights
        self._journal = journal
        self._run_deadline = run_deadline
        self._closed = closed
        self._changed = changed

    def open(self, key: str, ask: str, now: int) -> None:
        """Ask, with the time limit of this run's severity."""
        step = self._steps[key]
        timeout = _by_severity(step, self._severity)
        record = GateRecord(
            ask=ask,
            approvers=list(step.approvers),
            asked_ms=now,
            timeout_ms=timeout,
            deadline_ms=0,
        )
        self._records[key] = record
        self._set_timer(key, record, now)
        asked = f"gate {key} asks {_roles(record)}: {ask}"
        about = gate_entries.opened(record, step.count, self._memory.info.digest)
        self._journal.add(now, "gate.opened", asked, step=key, gate=key, data=about)
        self._notify(key, record, "opened", "opened")

    def decide(
        self, decide: Decide, standing: Standing, now: int, open_below: Sequence[str]
    ) -> Reply:
        """An answer: replied to and recorded in any case; a full decision closes the gate."""
        decide = msgspec.structs.replace(decide, reason=(decide.reason or "")[:MAX_REASON] or None)
        key, unknown = self._find(decide.gate, open_below)
        if key is None:
            self._record_refusal(None, decide, unknown, now)
            return Reply(accepted=False, state="unknown", reason=unknown)
        record = self._records[key]
        problem = self._refusal(key, record, decide, standing, now)
        if problem is not None:
            self._record_refusal(key, decide, problem, now)
            return Reply(accepted=False, state=record.state, reason=problem)
        return self._accept(key, record, decide, now)

    def time_ran_out(self, key: str, now: int) -> None:
        """The gate's timer rang."""
        step, record = self._steps[key], self._records[key]
        if record.round >= len(self._rounds(step)):
            self._time_out(key, record, now)
        elif (flag := step.flag_of(self._severity)) is not None:
            self._flights.flag(key, flag)
        else:
            self._escalate(key, record, now)

    def flag(self, key: str, on: bool, now: int) -> None:  # noqa: FBT001
        """Whether the gate's escalation is switched on."""
        record = self._records[key]
        if on:
            self._escalate(key, record, now)
            return
        flag = self._steps[key].flag_of(self._severity)
        off = f"gate {key} is not escalated: the flag {flag} is off"
        self._journal.add(
            now, "gate.not_escalated", off, step=key, gate=key, data={"round": record.round}
        )
        self._time_out(key, record, now)

    def cancel(self, key: str, now: int) -> None:
        """The run stops; nobody is asked any more."""
        self._flights.stop(key)
        self._close(key, self._records[key], "cancelled", now)

    def views(self) -> dict[str, GateView]:
        """Every gate that was opened, as `approvalState` shows it."""
        return {key: self._view(key, record) for key, record in self._records.items()}

    def _view(self, key: str, record: GateRecord) -> GateView:
        return GateView(
            state=record.state,
            ask=record.ask,
            approvers=tuple(record.approvers),
            count=self._steps[key].count,
            asked_at=instants.render(record.asked_ms),
            deadline=instants.render(record.deadline_ms),
            escalations=tuple(record.escalations),
            decisions=tuple(record.decisions),
            digest=self._memory.info.digest,
            workflow_id=self._memory.info.workflow_id,
            initiator_may_approve=self._steps[key].initiator_may_approve,
        )

    def _find(self, gate: str | None, open_below: Sequence[str]) -> tuple[str | None, str]:
        own = [key for key, record in self._records.items() if record.state == "pending"]
        if gate is None and len(own) == 1 and not open_below:
            return own[0], ""
        if gate is not None and gate in self._records:
            return gate, ""
        pending = [*own, *sorted(open_below)]
        is_open = f"open: {', '.join(pending)}" if pending else "no gate is open"
        if gate is None:
            return None, f"say which gate; {is_open}" if pending else "no gate is open"
        if gate in self._steps:
            return None, f"the gate {gate} is not open yet ({is_open}); answer again when it is"
        return None, f"this run has no gate {gate[:100]} ({is_open})"

    def _refusal(
        self, key: str, record: GateRecord, decide: Decide, standing: Standing, now: int
    ) -> str | None:
        if record.state != "pending":
            return gate_rules.malformed(decide) or _closed_already(record)
        return gate_rules.refusal(
            self._steps[key], record, decide, standing, self._memory.info, now
        )

    def _record_refusal(self, key: str | None, decide: Decide, problem: str, now: int) -> None:
        text = f"an answer of {decide.approver_id or 'nobody'} does not count: {problem}"
        self._journal.add(
            now,
            "gate.refused",
            text,
            step=key,
            gate=key or decide.gate,
            by=who_answered(decide),
            data=gate_entries.refused(decide, problem),
        )
        if key is None:
            return
        decisions = self._records[key].decisions
        decisions.append(self._decision(decide, now, note=problem))
        refused = [index for index, decision in enumerate(decisions) if not decision.accepted]
        if len(refused) > MAX_REFUSED:
            del decisions[refused[0]]
        if self._records[key].state != "pending":
            self._changed(key)

    def _accept(self, key: str, record: GateRecord, decide: Decide, now: int) -> Reply:
        record.decisions.append(self._decision(decide, now))
        why = f" ({decide.reason})" if decide.reason else ""
        solo = ", solo" if self._memory.info.solo else ""
        text = f"{decide.approver_id} {decide.decision} gate {key}{why}, by {decide.source}{solo}"
        missing = self._steps[key].count - gate_rules.approvals(record)
        rejected = decide.decision == "rejected"
        state: GateState = "rejected" if rejected else "approved" if missing <= 0 else "pending"
        about = gate_entries.answered(record, record.decisions[-1], state)
        self._journal.add(
            now, "gate.answered", text, step=key, gate=key, by=who_answered(decide), data=about
        )
        if state != "pending":
            return self._decided(key, record, state, now)
        people = "1 more person has" if missing == 1 else f"{missing} more people have"
        more = f"counted; {people} to approve"
        return Reply(accepted=True, state="pending", reason=more)

    def _decided(self, key: str, record: GateRecord, state: GateState, now: int) -> Reply:
        self._flights.stop(key)
        self._close(key, record, state, now)
        return Reply(accepted=True, state=state, reason=f"the gate {key} is {state}")

    def _decision(self, decide: Decide, now: int, note: str | None = None) -> Decision:
        return Decision(
            decision=decide.decision[:40],
            approver_id=decide.approver_id[:200],
            at=instants.render(now),
            source=decide.source,
            reason=decide.reason,
            digest=decide.digest or self._memory.info.digest,
            user=decide.user,
            host=decide.host,
            accepted=note is None,
            note=note,
            solo=self._memory.info.solo,
        )

    def _rounds(self, step: GateStep) -> tuple[tuple[str, ...], ...]:
        return step.escalate.get(str(self._severity), ())

    @property
    def _severity(self) -> Json:
        return self._memory.context.get("incident_severity")

    def _escalate(self, key: str, record: GateRecord, now: int) -> None:
        record.approvers = list(self._rounds(self._steps[key])[record.round])
        record.round += 1
        record.escalations.append({"at": instants.render(now), "approvers": record.approvers})
        self._set_timer(key, record, now)
        text = f"no answer in time at gate {key}; now asked: {_roles(record)}"
        about = gate_entries.asked(record)
        self._journal.add(now, "gate.escalated", text, step=key, gate=key, data=about)
        name = "escalated" if record.round == 1 else f"escalated-{record.round}"
        self._notify(key, record, name, "escalated")

    def _time_out(self, key: str, record: GateRecord, now: int) -> None:
        """Silence is no consent: it is kept as a rejection by nobody."""
        record.decisions.append(
            Decision(
                decision="rejected",
                approver_id="",
                at=instants.render(now),
                source="temporal",
                reason="No answer in time",
                digest=self._memory.info.digest,
                solo=self._memory.info.solo,
            )
        )
        self._close(key, record, "timed_out", now)

    def _close(self, key: str, record: GateRecord, state: GateState, now: int) -> None:
        record.state = state
        words = {"timed_out": "timed out, which counts as rejected"}.get(state, state)
        about = gate_entries.closed(record, state)
        self._journal.add(
            now, "gate.closed", f"gate {key}: {words}", step=key, gate=key, data=about
        )
        self._notify(key, record, "closed", "closed")
        self._closed(key, state, now)

    def _set_timer(self, key: str, record: GateRecord, now: int) -> None:
        limit = self._run_deadline(key)
        until = now + record.timeout_ms
        record.deadline_ms = until if limit is None else min(until, limit)
        self._flights.timer(key, record.deadline_ms, "gate")

    def _notify(self, key: str, record: GateRecord, name: str, event: str) -> None:
        if self._steps[key].notify is None:
            return
        record.notices.append(
            Notice(
                name=name,
                event=event,
                state=record.state,
                approvers=record.approvers,
                deadline_ms=record.deadline_ms,
            )
        )
        if len(record.notices) == 1:
            self._flights.ask_for(f"notify/{key}/{name}")


def _by_severity(step: GateStep, severity: object) -> int:
    return step.timeout.get(str(severity), step.timeout["default"])


def _roles(record: GateRecord) -> str:
    return ", ".join(record.approvers)


def _closed_already(record: GateRecord) -> str:
    if record.state == "cancelled":
        return "too late: the run was stopped before this gate was answered"
    if record.state == "timed_out":
        return "too late: the gate timed out, which counts as rejected"
    deciding = next(d for d in reversed(record.decisions) if d.accepted)
    return f"too late: {deciding.approver_id} {record.state} this gate at {deciding.at}"
