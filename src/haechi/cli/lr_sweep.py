"""`haechi lr-sweep`: the search for the rate, as a study in this process."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from haechi.cli.project import Command
from haechi.pipeline.write_params import write_params
from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError
from haechi.runtime.options import FOLDER
from haechi.runtime.progress import say, show_table
from haechi.sweeps.engine.agent import Agent
from haechi.sweeps.engine.owners import myself
from haechi.sweeps.engine.results_log import ResultsLog
from haechi.sweeps.engine.slots import here, taken
from haechi.sweeps.engine.storage import Storage
from haechi.sweeps.engine.study import Study, open_study
from haechi.sweeps.learning_rate import result_files
from haechi.sweeps.learning_rate.method import RATE, Rates, measured
from haechi.sweeps.learning_rate.search import Search, missing, stand_in
from haechi.sweeps.learning_rate.short_runs import Setting, Trainings
from haechi.sweeps.learning_rate.verdict import Verdict, judge

TIMEOUT = 600.0
"""Seconds without a sign of life; the search runs on one machine as a rule, where the dead are known at once."""


@click.command(cls=Command, epilog="Example: haechi lr-sweep --low 1e-4 --high 1e-2 --apply")
@click.option("--low", default=1e-5, show_default=True, help="Lowest rate.")
@click.option("--high", default=1e-2, show_default=True, help="Highest rate.")
@click.option("--plan", type=click.Choice(["halving", "classic"]), default="halving", show_default=True, help="How to search.")
@click.option("--rates", default=7, show_default=True, help="Rates of the first round (halving).")
@click.option("--stages", default=5, show_default=True, help="Stages of five rates, at most (classic).")
@click.option("--seeds", default=5, show_default=True, help="Runs of each finalist.")
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0), help="The first seed.")
@click.option("--examples", default=1000, show_default=True, type=click.IntRange(min=0), help="Training examples; 0 takes all.")
@click.option("--out", type=FOLDER, default=Path("reports/lr-sweep"), show_default=True, help="Folder of the results.")
@click.option("--apply", "apply", is_flag=True, help="Write the rate into params.yaml.")
def lr_sweep(
    low: float, high: float, plan: str, rates: int, stages: int, seeds: int, seed: int, examples: int, out: Path, apply: bool
) -> None:
    """Which learning rate? Short trainings scored on validation, with repeated seeds.

    What is done is kept: the same command goes on where it was stopped, and a second one beside it shares the work.
    """
    search = Search(low, high, "classic" if plan == "classic" else "halving", rates, stages, seeds, seed)
    search_rate(Path(), search, examples, out, apply=apply)


def search_rate(root: Path, search: Search, examples: int, out: Path, *, apply: bool) -> None:
    """Search, write the files, and write the rate into params.yaml if asked to."""
    search.check()
    setting = Setting.of(root, examples)
    search = replace(search, present=setting.params.lr)
    _make_missing(root, setting)
    folder = home() / "sweeps" / "lr-sweep"
    with taken(here(), waiting=lambda: say("lr-sweep: every slot of this machine is taken; waiting for one")) as slot:
        os.environ.update(slot.environment)
        say("lr-sweep: looking at data and code")
        base = setting.base(root)
        storage = Storage(str(folder / "journal.log"))
        name = f"lr-{'-'.join(part[:6] for part in base.values())}"
        method = Rates(search)
        study = Study(open_study(storage, name), storage, method, ResultsLog(folder / "ledger.jsonl"), myself(), base, TIMEOUT)
        if known := len(study.trials()):
            say(f"lr-sweep: going on after {known} trainings with this data, these parameters and this code")
        if missing(search, measured(study.trials())):
            Agent(study, Trainings(setting, search), before=_unchanged(setting, root)).work()
    _report(study, search, base, examples, out, root, apply=apply)


def _make_missing(root: Path, setting: Setting) -> None:
    """Run what comes before train where its inputs aren't there yet, as in a new clone."""
    if all(path.exists() for path in setting.paths.values()):
        return
    say("lr-sweep: the examples are not made yet; `dvc repro mine` makes them")
    if subprocess.run([sys.executable, "-m", "dvc", "repro", "mine"], cwd=root, check=False).returncode:
        raise HaechiError("lr-sweep: `dvc repro mine` failed, so there are no examples to train on")


def _unchanged(setting: Setting, root: Path) -> Callable[[], None]:
    def check() -> None:
        now = Setting.of(root, setting.examples)
        if (now.params, now.loss, now.lora) != (setting.params, setting.loss, setting.lora):
            raise HaechiError(
                f"{root / 'params.yaml'}: changed during the search, so further trials could not be compared; "
                "what has been measured is kept: restore the file, or begin a search with the new one by running this again"
            )

    return check


def _report(study: Study, search: Search, base: dict[str, str], examples: int, out: Path, root: Path, *, apply: bool) -> None:
    data = measured(study.trials())
    if missing(search, data) or not data.scores:
        say("lr-sweep: stopped before its end; the same command goes on")
        return
    verdict = judge(data.scores)
    trials = [trial for trial in study.trials() if trial.state == "complete"]
    found = result_files.result(verdict, search, trials, base, examples)
    result_files.write(out, found, result_files.cumulative(list(study.log.entries()), base), trials, search)
    ranked = sorted(verdict.standings, key=lambda standing: standing.name)
    reach = {s.name: "-" if s.name == verdict.best else f"{s.reach:.4f}" for s in ranked}
    rows = [(f"{s.name:g}", f"{s.mean:.4f}", s.runs, f"{s.behind:.4f}", reach[s.name], "yes" if s.tied else "no") for s in ranked]
    show_table("lr-sweep: validation ndcg@10", ("rate", "mean", "runs", "behind", "certain from", "tied"), rows)
    say("behind: over the seeds that both ran; certain from: so far behind is more than chance; tied: less far than that")
    say(sentence(verdict, search.present))
    say(f"files: {out}")
    if apply:
        _apply(root / "params.yaml", verdict)


def sentence(verdict: Verdict, present: float) -> str:
    """The result in words, beside the rate that params.yaml has."""
    low, high = verdict.interval
    best = (
        f"best of the rates tried {verdict.best:g}: {verdict.standings[0].mean:.4f} [{low:.4f}, {high:.4f}], "
        f"standard deviation of a run {verdict.spread:.4f}"
    )
    chosen = "indistinguishable" if verdict.chosen is None else f"chosen {verdict.chosen:g}"
    return f"{chosen} ({best}): {verdict.rule}{_beside(verdict, present)}"


def _beside(verdict: Verdict, present: float) -> str:
    rate = stand_in(present, [standing.name for standing in verdict.standings])
    if verdict.chosen is None or rate is None:
        return ""
    if rate == verdict.chosen:
        return f"; params.yaml has {present:g}"
    standing = next(standing for standing in verdict.standings if standing.name == rate)
    if standing.tied:
        return f"; the present rate {present:g} can't be distinguished from the best"
    return f"; the present rate {present:g} is {standing.behind:.4f} behind the best"


def _apply(file: Path, verdict: Verdict) -> None:
    if verdict.chosen is None:
        say(f"{file}: left as it is, since no rate can be distinguished from the best")
        return
    changes = write_params(file, {RATE: verdict.chosen})
    say("\n".join(f"{file}: {change}" for change in changes) or f"{file}: {RATE} is {verdict.chosen:g} already")
