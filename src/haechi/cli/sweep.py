"""`haechi sweep`: begin a sweep, work on one, look at one, take its best."""

from collections.abc import Callable
from pathlib import Path

import click

from haechi.cli.project import Commands
from haechi.pipeline.dvc_lock import why_outdated
from haechi.pipeline.git import REMEDY, lacks_identity
from haechi.pipeline.write_params import write_params
from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import read_json, write_text
from haechi.runtime.options import FILE
from haechi.runtime.progress import say, show_table
from haechi.sweeps.engine.agent import Agent
from haechi.sweeps.engine.config import Sweep, read_sweep
from haechi.sweeps.engine.slots import here, taken
from haechi.sweeps.engine.time_window import Window
from haechi.sweeps.engine.trial import SEED, Trial
from haechi.sweeps.experiments import checkouts
from haechi.sweeps.experiments.open import Opened, begin, existing, folder_of
from haechi.sweeps.experiments.preset import write_preset
from haechi.sweeps.experiments.run_trial import Experiments
from haechi.sweeps.results.leaderboard import Leaderboard, importance, leaderboard
from haechi.sweeps.results.page import page
from haechi.sweeps.results.wandb_mirror import mirror

PARAMS, SELECTED = Path("params.yaml"), "metrics/select.json"
STORAGE = click.option("--storage", default="", help="Where the study is, if not in .haechi/sweeps: a file or a database URL.")
ID = click.argument("id", default="")
COUNT = click.option("--count", type=click.IntRange(min=1), help="Run so many trials, then stop.")
WINDOW = click.option("--time-window", default="", help="Work in these hours only, such as 1-8 or 22-6.")
ZONE = click.option("--timezone", default="", help="Of the time window, such as Asia/Seoul.")
WANDB = click.option("--wandb", "project", default="", metavar="PROJECT", help="Mirror to Weights & Biases, offline by default.")


@click.group(cls=Commands, invoke_without_command=True, epilog="Example: haechi sweep --config sweep.yaml")
@click.option("--config", type=FILE, help="File of a sweep: begin it, or go on with it.")
@click.option("--no-run-agent", is_flag=True, help="Only make the study.")
@click.pass_context
def sweep(context: click.Context, config: Path | None, no_run_agent: bool) -> None:
    """Search parameters with DVC experiments that are scored on validation.

    The test set stays unread. Each trial is an experiment: `dvc exp show` lists it.
    """
    if context.invoked_subcommand:
        return
    if not config:
        raise UsageError("haechi sweep: say --config FILE, or one of preset, agent, status, best, report")
    opened = begin(Path(), read_sweep(config, PARAMS))
    _begun(opened)
    if not no_run_agent:
        work(opened)


@sweep.command()
@click.option("--out", "--output", type=FILE, default=Path("sweep.yaml"), show_default=True, help="The file to write.")
@click.option("--name", default="preset", show_default=True, help="Of the study and of its experiments.")
@click.option("--no-run", is_flag=True, help="Only write the file.")
@click.option("--no-run-agent", is_flag=True, help="Write the file and make the study, but run nothing.")
@COUNT
def preset(out: Path, name: str, no_run: bool, no_run_agent: bool, count: int | None) -> None:
    """Write a file with what usually matters for the configured model, make the study, run an agent."""
    if out.exists():
        raise UsageError(f"{out}: exists already; begin it with `haechi sweep --config {out}`, or name another --out")
    written = write_preset(out, PARAMS, name)
    say(f"{out}: {len(written.parameters)} parameters, {written.trials} trials")
    if no_run:
        return
    opened = begin(Path(), written)
    _begun(opened)
    if not no_run_agent:
        work(opened, count=count)


@sweep.command()
@ID
@click.option("--config", type=FILE, help="The file of the sweep, instead of its ID.")
@COUNT
@WINDOW
@ZONE
@STORAGE
@WANDB
def agent(id: str, config: Path | None, count: int | None, time_window: str, timezone: str, storage: str, project: str) -> None:
    """Work on a sweep; start as many as there are devices, on as many machines as reach the storage.

    An agent takes over what a dead one left. Ctrl-C ends the trial first, Ctrl-C twice gives it back.
    """
    if config and id:
        raise UsageError("haechi sweep agent: say the ID or --config, not both")
    opened = begin(Path(), read_sweep(config, PARAMS)) if config else existing(Path(), id, storage)
    work(opened, count=count, time_window=time_window, timezone=timezone, project=project)


@sweep.command()
@ID
@STORAGE
def status(id: str, storage: str) -> None:
    """The leaderboard, what is running, what failed."""
    opened = existing(Path(), id, storage)
    trials = opened.study.trials()
    board = leaderboard(trials, opened.sweep.goal)
    _show(opened, trials, board)


@sweep.command()
@ID
@STORAGE
@click.option("--apply", "apply", is_flag=True, help="Write its parameters into params.yaml.")
@click.option("--force", is_flag=True, help="Write them even where the present ones score as high on validation.")
def best(id: str, storage: str, apply: bool, force: bool) -> None:
    """The best parameters, and whether they are any better than the others."""
    opened = existing(Path(), id, storage)
    trials = opened.study.trials()
    board = leaderboard(trials, opened.sweep.goal)
    if not board.rows:
        raise UsageError(
            f"haechi sweep best {opened.sweep.name}: no trial has ended yet; run `haechi sweep agent {opened.sweep.name}`"
        )
    trial = board.rows[0].trial
    values = {name: value for name, value in {**opened.sweep.fixed, **trial.proposal.params}.items() if name != SEED}
    show_table(f"trial {trial.number}", ("parameter", "value"), values.items())
    say(f"{board.verdict}; experiment {trial.facts.get('experiment', '-')}")
    worse = no_gain(Path(), opened.sweep, board)
    if worse and not force:
        if apply:
            raise HaechiError(f"{worse}, so nothing was written; --force writes it all the same")
        say(worse)
        return
    if not apply:
        say("to take them: `haechi sweep best --apply`, then `dvc repro`, which scores the model once on the test set")
        return
    changes = write_params(PARAMS, values)
    say("\n".join(f"{PARAMS}: {change}" for change in changes) or f"{PARAMS}: has these values already")


@sweep.command()
@ID
@STORAGE
@click.option("--out", type=FILE, help="The page.  [default: reports/sweep-ID.html]")
def report(id: str, storage: str, out: Path | None) -> None:
    """One page with leaderboard, history, importance and parallel coordinates; opens without a network."""
    opened = existing(Path(), id, storage)
    trials = opened.study.trials()
    board = leaderboard(trials, opened.sweep.goal)
    file = out or Path("reports") / f"sweep-{opened.sweep.name}.html"
    write_text(file, page(opened.sweep, trials, board, importance(opened.study.optuna)))
    say(f"{file}: {len(trials)} trials; {board.verdict}")


def work(opened: Opened, *, count: int | None = None, time_window: str = "", timezone: str = "", project: str = "") -> None:
    """One agent in this process: a slot, a checkout, and trials until there are no more."""
    root, plan, study = Path(), opened.sweep, opened.study
    if lacks_identity(root):
        raise HaechiError(f"sweep {plan.name}: git has no name or no address for commits, which trials are; set them: `{REMEDY}`")
    window = Window.read(time_window or plan.time_window, timezone or plan.timezone)
    unchanged = opened.unchanged(root)
    unchanged()
    folder = folder_of(plan.name)
    after: Callable[[Trial], None] = mirror(project, plan.name, folder / "wandb") if project else lambda trial: None

    def waiting() -> None:
        say(f"{plan.name}: every slot of this machine is taken; waiting for one (HAECHI_SLOTS=2 makes two of its cores)")

    with taken(here(), waiting=waiting) as slot, checkouts.checkout(root, home(), folder / "stands") as checkout:
        say(f"{plan.name}: agent on {slot.name}")
        run = Experiments(root, checkout, plan.name, plan.metric, plan.fixed, slot.environment)
        done = Agent(study, run, window, unchanged, after).work(count)
    trials = study.trials()
    say(f"{plan.name}: this agent ran {done} trials")
    if study.claimable():
        return
    checkouts.remove(folder / "stands")
    board = leaderboard(trials, plan.goal)
    _show(opened, trials, board)
    if not board.rows:
        raise HaechiError(_nothing(plan.name, trials))
    if worse := no_gain(root, plan, board):
        say(worse)
        return
    say(f"next: `haechi sweep best {plan.name} --apply`, then `dvc repro`; pictures: `haechi sweep report {plan.name}`")


def no_gain(root: Path, plan: Sweep, found: Leaderboard) -> str:
    """Why the best trial is not to be taken: the model that lies there scores as high on validation. Empty where it is.

    A trial with the present parameters is compared by the leaderboard; `fixed` may rule one out.
    """
    file = root / SELECTED
    best = found.rows[0].standing
    if any(row.current for row in found.rows) or not file.is_file():
        return ""
    if why := why_outdated(root, "select", SELECTED):
        say(f"not compared with the model that lies here: {why}; `dvc repro select` makes it")
        return ""
    selected = read_json(file)
    sign = 1.0 if plan.goal == "maximize" else -1.0
    if selected["metric"] != plan.metric or best.mean > sign * selected["validation"]["chosen"]:
        return ""
    present = f"the present model has {selected['validation']['chosen']:.4f} ({file})"
    return f"trial {found.rows[0].trial.number} is no better than what is there: validation {abs(best.mean):.4f}, {present}"


def _nothing(name: str, trials: list[Trial]) -> str:
    """Why a sweep has no best trial."""
    errors = [str(trial.facts.get("error", "")) for trial in trials if trial.state == "failed"]
    if not errors:
        return f"sweep {name}: every trial was pruned, so there is no best one; prune later (prune.after) under a new name"
    last = f"sweep {name}: no trial ended well; {len(errors)} of {len(trials)} failed, the last one so: {errors[-1][:200]}"
    return f"{last}; mend that and begin it under a new name"


def _begun(opened: Opened) -> None:
    name, begun = opened.sweep.name, len(opened.study.trials())
    say(f"sweep {name}: {begun} trials so far; more agents: `haechi sweep agent {name}`")


def _show(opened: Opened, trials: list[Trial], board: Leaderboard) -> None:
    names = list(opened.sweep.parameters)
    rows = []
    for row in board.rows[:20]:
        params = ", ".join(_short(name, row.trial) for name in names if name in row.trial.proposal.params)
        tied = "yes" if row.standing.tied and board.noise.degrees else "" if board.noise.degrees else "?"
        score = abs(row.standing.mean)
        rows.append(
            (f"{row.trial.number}{' (as it is)' if row.current else ''}", f"{score:.4f}", row.standing.runs, tied, params)
        )
    show_table(
        f"{opened.sweep.name}: validation {opened.sweep.metric}", ("trial", "mean", "runs", "tied", "parameters"), rows, False
    )
    states = [trial.state for trial in trials]
    say(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "no trial yet")
    for trial in trials:
        if trial.state == "failed":
            say(f"trial {trial.number} failed: {trial.facts.get('error', '')}")
    say(board.verdict)


def _short(name: str, trial: Trial) -> str:
    value = trial.proposal.params[name]
    return f"{name.rpartition('.')[2]}={value:.3g}" if isinstance(value, float) else f"{name.rpartition('.')[2]}={value}"
