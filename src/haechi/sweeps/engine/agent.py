"""An agent: takes a trial, runs it, notes what came of it, and takes the next one.

Ctrl-C once: it ends the trial first. Twice, or SIGTERM: it gives the trial back, and another agent, or a later one, goes on.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from haechi.runtime.errors import HaechiError
from haechi.runtime.progress import say
from haechi.sweeps.engine.study import Lost, Study, Wait
from haechi.sweeps.engine.time_window import Window
from haechi.sweeps.engine.trial import Trial

SAMPLED = ("trial", "repeat")
"""Kinds of trials whose number is known beforehand."""
MOST_FAILURES = 3
"""Failures in a row after which an agent stops: something is wrong that more trials won't mend."""


class Pruned(Exception):
    """The trial was given up, since it lagged behind."""


class Stopped(BaseException):
    """The agent was asked to end now."""


@dataclass(frozen=True)
class Outcome:
    """What a run gives."""

    value: float
    facts: Mapping[str, Any]


Report = Callable[[int, float], None]
"""Says a validation during training; raises Pruned where the trial should end."""


class Runner(Protocol):
    """Runs one trial."""

    def __call__(self, trial: Trial, report: Report) -> Outcome:
        """Its outcome; raises HaechiError where it failed and Pruned where `report` did."""


@dataclass
class Agent:
    """One agent of one study."""

    study: Study
    run: Runner
    window: Window | None = None
    before: Callable[[], None] = lambda: None
    """Checked before each trial: that nothing changed meanwhile."""
    after: Callable[[Trial], None] = lambda trial: None
    """Told of each trial that ended."""
    poll: float = 2.0

    def work(self, count: int | None = None) -> int:
        """Run trials until the study ends, or so many; gives how many it ran."""
        done = failures = 0
        with self._signals() as ending:
            while not ending.is_set() and (count is None or done < count):
                self._wait_for_window(ending)
                if ending.is_set():
                    break
                self.before()
                claimed = self.study.claim()
                if claimed is None:
                    break
                if isinstance(claimed, Wait):
                    self._say_waiting(claimed)
                    ending.wait(self.poll)
                    continue
                self._waiting = 0
                state = self._one(claimed)
                done += state != "lost"
                failures = failures + 1 if state == "failed" else 0
                if failures >= MOST_FAILURES:
                    raise HaechiError(f"{self.study.name}: {failures} trials in a row failed, the last one so: {self._problem}")
        return done

    _waiting = 0
    _problem = ""

    def _one(self, trial: Trial) -> str:
        name = f"{self.study.name}-{trial.number}"
        say(f"{name}: trial {trial.number + 1}{self._of(trial)}: {describe(trial)}")

        def report(step: int, value: float) -> None:
            if self.study.report(trial, step, value):
                raise Pruned

        try:
            with self.study.alive(trial):
                outcome = self.run(trial, report)
            ended = self.study.finish(trial, "complete", outcome.value, outcome.facts)
        except Pruned:
            ended = self.study.finish(trial, "pruned", None, {})
        except Lost as error:
            say(str(error))
            return "lost"
        except HaechiError as error:
            self._problem = str(error)
            ended = self.study.finish(trial, "failed", None, {"error": self._problem})
            say(f"{name}: failed: {error}")
        except (Stopped, KeyboardInterrupt):
            self.study.give_back(trial)
            say(f"{name}: given back; the next agent goes on with it")
            raise KeyboardInterrupt from None
        scored = ended.value is not None and trial.proposal.kind in (*SAMPLED, "rate")  # a range test measures no model
        value = f" {ended.value:.4f}" if scored else ""
        say(f"{name}: {ended.state}{value}")
        self.after(ended)
        return ended.state

    def _of(self, trial: Trial) -> str:
        """How many there are in all; a plan that grows with what it finds has no total."""
        total = max(trial.number + 1, self.study.expected())
        return f" of {total}" if trial.proposal.kind in SAMPLED else f", about {total - trial.number - 1} to go"

    def _wait_for_window(self, ending: threading.Event) -> None:
        said = False
        while self.window and (seconds := self.window.wait(datetime.now(UTC))):
            if not said:
                say(f"{self.study.name}: outside the time window; waiting {seconds / 3600:.1f} h")
                said = True
            if ending.wait(min(seconds, 60.0)):
                return

    def _say_waiting(self, wait: Wait) -> None:
        if self._waiting != wait.running:
            say(f"{self.study.name}: waiting for {wait.running} running trial(s), to take over whatever is left behind")
            self._waiting = wait.running

    @contextmanager
    def _signals(self) -> Iterator[threading.Event]:
        """Set by the first Ctrl-C; the second one, and SIGTERM, raise Stopped."""
        ending = threading.Event()
        if threading.current_thread() is not threading.main_thread():
            yield ending
            return

        def interrupted(number: int, frame: object) -> None:
            if ending.is_set() or number == signal.SIGTERM:
                ending.set()
                raise Stopped
            ending.set()
            say(f"{self.study.name}: ending after this trial; once more gives it back now")

        before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield ending
        except Stopped:
            raise KeyboardInterrupt from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def describe(trial: Trial) -> str:
    """Its parameters in a line."""
    words = [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in trial.proposal.params.items()
    ]
    kind = [] if trial.proposal.kind in ("trial", "rate") else [f"({trial.proposal.kind})"]
    return " ".join([*words, f"seed {trial.proposal.seed}", *kind])
