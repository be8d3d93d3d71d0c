"""One study: which trial comes next, whose it is, and what became of it; for any number of agents over one storage.

Everything that must happen once happens within a turn of the storage. A trial keeps its number whatever happens to its agents:
one whose agent is dead, or that was given back, is taken over under the same number, parameters and seed.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from haechi.runtime.errors import HaechiError
from haechi.sweeps.engine.owners import Owner
from haechi.sweeps.engine.results_log import Entry, ResultsLog
from haechi.sweeps.engine.storage import Storage
from haechi.sweeps.engine.trial import Proposal, State, Trial, Value

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

OWNER, BEAT, PROPOSAL, FACTS, STATE, BASE = "owner", "beat", "proposal", "facts", "state", "base"
FREE: dict[str, Any] = {}
"""The owner of a trial that was given back."""


@dataclass(frozen=True)
class Wanted:
    """What a method asks for: runs that it names, or one that the sampler draws; nothing once it has ended."""

    proposals: Sequence[Proposal] = ()
    draw: bool = False


class Method(Protocol):
    """How the next trial is found."""

    def wanted(self, trials: Sequence[Trial]) -> Wanted:
        """What should be run, given everything that was begun; what runs already may be named again."""

    def left(self, trials: Sequence[Trial]) -> int:
        """How many more trials there will be, as far as can be said now."""

    def draw(self, study: "optuna.Study", number: int) -> tuple["optuna.Trial", Proposal]:
        """Let the sampler begin a trial."""

    def distributions(self, proposal: Proposal) -> Mapping[str, "BaseDistribution"]:
        """How the storage should remember a named run's parameters."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do now, but trials of others are still running."""

    running: int


class Lost(HaechiError):
    """Another agent took the trial over, taking this one for dead."""


class Study:
    """A study as one agent sees it."""

    def __init__(
        self,
        study: "optuna.Study",
        storage: Storage,
        method: Method,
        log: ResultsLog,
        me: Owner,
        base: Mapping[str, str],
        timeout: float,
    ) -> None:
        self.optuna, self.storage, self.method, self.log = study, storage, method, log
        self._me, self._base, self._timeout = me, base, timeout
        self._seen: dict[int, tuple[object, float]] = {}

    @property
    def name(self) -> str:
        """As the storage knows it."""
        return self.optuna.study_name

    def trials(self) -> list[Trial]:
        """Everything that was begun, by number."""
        return [_trial(frozen) for frozen in self._frozen() if OWNER in frozen.user_attrs]

    def expected(self) -> int:
        """How many trials there will have been at the end, as far as can be said now."""
        trials = self.trials()
        return len(trials) + self.method.left(trials)

    def claim(self) -> Trial | Wait | None:
        """A trial for this agent; None where the study is at its end."""
        with self.storage.turn():
            return self.storage.guarded(self._claimed)

    def claimable(self) -> bool:
        """Whether there is, or will be, anything left to run."""
        trials = self.trials()
        begun = {trial.proposal.key(self._base) for trial in trials}
        wanted = self.method.wanted(trials)
        left = wanted.draw or any(proposal.key(self._base) not in begun for proposal in wanted.proposals)
        return left or any(trial.state == "running" for trial in trials)

    def report(self, trial: Trial, step: int, value: float) -> bool:
        """Note an intermediate value; whether the trial should be given up."""

        def noted() -> bool:
            frozen = self._mine(trial)
            if step not in frozen.intermediate_values:
                self.storage.optuna.set_trial_intermediate_value(frozen._trial_id, step, value)
            return self.optuna.pruner.prune(self.optuna, self._get(trial))

        return self.storage.guarded(noted)

    def finish(self, trial: Trial, state: State, value: float | None, facts: Mapping[str, Any]) -> Trial:
        """The end of a trial: into the log of results first, then into the storage."""
        with self.storage.turn():
            return self.storage.guarded(lambda: self._finished(self._mine(trial), state, value, facts))

    def give_back(self, trial: Trial) -> None:
        """Let anyone go on with it."""
        with self.storage.turn():
            self.storage.guarded(lambda: self._set(self._mine(trial), OWNER, FREE))

    @contextmanager
    def alive(self, trial: Trial) -> Iterator[None]:
        """Say so, again and again, while the block runs."""
        over = threading.Event()
        frozen = self._get(trial)

        def beat() -> None:
            count = 0
            while not over.wait(self._timeout / 4):
                count += 1
                try:
                    self._set(frozen, BEAT, f"{self._me.name} {count}")
                except Exception:  # noqa: S112  (whatever ails the storage, the next call of the agent itself will say)
                    continue

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _claimed(self) -> Trial | Wait | None:
        frozen = self._frozen()
        for draft in frozen:
            if draft.state.name == "RUNNING" and OWNER not in draft.user_attrs:  # drafts are made within a turn, so it is dead
                self.optuna.tell(draft.number, state=_states()["failed"])
        frozen = [one for one in frozen if OWNER in one.user_attrs]
        for orphan in frozen:
            if orphan.state.name == "RUNNING" and self._is_free(orphan):
                self._set(orphan, OWNER, self._me.as_dict())
                return self._or_measured(self._get_number(orphan.number))
        trials = [_trial(one) for one in frozen]
        wanted = self.method.wanted(trials)
        begun = {trial.proposal.key(self._base) for trial in trials}
        for proposal in wanted.proposals:
            if proposal.key(self._base) not in begun:
                return self._or_measured(self._begun(proposal, len(self._frozen())))
        if wanted.draw:
            return self._or_measured(self._drawn(len(self._frozen())))
        running = sum(trial.state == "running" for trial in trials)
        return Wait(running) if running else None

    def _or_measured(self, frozen: "FrozenTrial") -> Trial | Wait | None:
        """The trial; or, where the log knows its result, that result, and the next one."""
        trial = _trial(frozen)
        entry = self.log.find(trial.proposal.key(self._base))
        if entry is None:
            return trial
        for step, value in entry.steps.items():
            if int(step) not in frozen.intermediate_values:
                self.storage.optuna.set_trial_intermediate_value(frozen._trial_id, int(step), value)
        again = {**entry.facts, "reused": f"{entry.study} {entry.number}"}
        self._end(frozen, entry.state, entry.value, again)
        return self._claimed()

    def _begun(self, proposal: Proposal, number: int) -> "FrozenTrial":
        import optuna

        distributions = dict(self.method.distributions(proposal))
        self.optuna.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING,
                params={name: proposal.params[name] for name in distributions},
                distributions=distributions,
                user_attrs={PROPOSAL: _plain(proposal), OWNER: self._me.as_dict(), BASE: dict(self._base)},
            )
        )
        return self._get_number(number)

    def _drawn(self, number: int) -> "FrozenTrial":
        _, proposal = self.method.draw(self.optuna, number)
        frozen = self._get_number(number)
        self._set(frozen, PROPOSAL, _plain(proposal))
        self._set(frozen, BASE, dict(self._base))
        self._set(frozen, OWNER, self._me.as_dict())  # last: until now it is a draft
        return self._get_number(number)

    def _finished(self, frozen: "FrozenTrial", state: State, value: float | None, facts: Mapping[str, Any]) -> Trial:
        trial = replace(_trial(frozen), state=state, value=value, facts=facts)
        if state == "pruned" and trial.steps:
            trial = replace(trial, value=trial.steps[max(trial.steps)])
        self.log.add(
            Entry(
                trial.proposal.key(self._base),
                self.name,
                trial.number,
                trial.proposal.params,
                trial.proposal.seed,
                trial.proposal.kind,
                state,
                trial.value,
                self._base,
                {str(step): v for step, v in trial.steps.items()},
                facts,
            )
        )
        self._end(frozen, state, value, facts)
        return trial

    def _end(self, frozen: "FrozenTrial", state: State, value: float | None, facts: Mapping[str, Any]) -> None:
        self._set(frozen, FACTS, dict(facts))
        complete = state == "complete"
        self.optuna.tell(frozen.number, value if complete else None, state=_states()[state])

    def _is_free(self, frozen: "FrozenTrial") -> bool:
        owner = frozen.user_attrs[OWNER]
        if not owner:
            return True
        if owner == self._me.as_dict():
            return False
        if Owner(**owner).surely_dead(self._me.place):
            return True
        beat, now = (owner, frozen.user_attrs.get(BEAT)), time.monotonic()
        last, since = self._seen.get(frozen.number, (None, now))
        self._seen[frozen.number] = (beat, since if last == beat else now)  # by our own clock, whatever theirs says
        return last == beat and now - since > self._timeout

    def _mine(self, trial: Trial) -> "FrozenTrial":
        frozen = self._get(trial)
        if frozen.state.is_finished() or frozen.user_attrs.get(OWNER) != self._me.as_dict():
            raise Lost(f"{self.name}: trial {trial.number} was taken over by another agent, since this one gave no sign of life")
        return frozen

    def _get(self, trial: Trial) -> "FrozenTrial":
        return self._get_number(trial.number)

    def _get_number(self, number: int) -> "FrozenTrial":
        return next(one for one in self._frozen() if one.number == number)

    def _frozen(self) -> "list[FrozenTrial]":
        return self.storage.guarded(lambda: self.optuna.get_trials(deepcopy=False))

    def _set(self, frozen: "FrozenTrial", name: str, value: object) -> None:
        self.storage.optuna.set_trial_user_attr(frozen._trial_id, name, value)


def open_study(
    storage: Storage,
    name: str,
    *,
    goal: Literal["maximize", "minimize"] = "maximize",
    pruner: "Callable[[], optuna.pruners.BasePruner] | None" = None,
    facts: Mapping[str, Any] | None = None,
    create: bool = True,
) -> "optuna.Study":
    """Optuna's study of that name, made if there is none; `facts` are what all agents should know of it."""
    import optuna

    def opened() -> optuna.Study:
        names = optuna.get_all_study_names(storage.optuna)
        made = pruner() if pruner else optuna.pruners.NopPruner()
        if name in names:
            return optuna.load_study(study_name=name, storage=storage.optuna, pruner=made)
        if not create:
            studies = ", ".join(sorted(names)) or "none"
            raise HaechiError(f"storage {storage.shown}: there is no study {name!r}; there are: {studies}")
        study = optuna.create_study(study_name=name, storage=storage.optuna, direction=goal, pruner=made)
        for key, value in (facts or {}).items():
            study.set_user_attr(key, value)
        return study

    with storage.turn():
        return storage.guarded(opened)


def _plain(proposal: Proposal) -> dict[str, Any]:
    return {"params": dict(proposal.params), "seed": proposal.seed, "kind": proposal.kind, "facts": dict(proposal.facts)}


def _trial(frozen: "FrozenTrial") -> Trial:
    names: dict[str, State] = {
        "RUNNING": "running",
        "WAITING": "running",
        "COMPLETE": "complete",
        "PRUNED": "pruned",
        "FAIL": "failed",
    }
    duration = frozen.duration.total_seconds() if frozen.duration else None
    params: dict[str, Value] = frozen.user_attrs[PROPOSAL]["params"]
    proposal = Proposal(**{**frozen.user_attrs[PROPOSAL], "params": params})
    value = frozen.value if frozen.state.is_finished() and frozen.values else None
    return Trial(
        frozen.number,
        proposal,
        names[frozen.state.name],
        value,
        dict(frozen.intermediate_values),
        frozen.user_attrs.get(FACTS, {}),
        duration,
    )


def _states() -> dict[State, Any]:
    from optuna.trial import TrialState

    return {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
