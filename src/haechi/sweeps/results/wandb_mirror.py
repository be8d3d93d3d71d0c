"""Weights & Biases as a mirror: what the log of results holds, copied there; offline unless WANDB_MODE says otherwise."""

from collections.abc import Callable
from pathlib import Path

from haechi.runtime.progress import say
from haechi.sweeps.engine.trial import Trial
from haechi.training.trackers import require, wandb_run


def mirror(project: str, sweep: str, folder: Path) -> Callable[[Trial], None]:
    """Copies each trial that ends; a mirror that fails never stops a sweep."""
    require("wandb", "--wandb")
    folder.mkdir(parents=True, exist_ok=True)

    def copy(trial: Trial) -> None:
        try:
            run = wandb_run(
                project,
                folder,
                {**trial.proposal.params, "seed": trial.proposal.seed, "kind": trial.proposal.kind},
                group=sweep,
                name=f"{sweep}-{trial.number}",
                reinit="finish_previous",
            )
            for step, value in sorted(trial.steps.items()):
                run.log({"validation": value}, step=step)
            run.summary.update({"value": trial.value, "state": trial.state})
            run.finish(exit_code=1 if trial.state == "failed" else 0)
        except Exception as error:
            say(f"wandb: trial {trial.number} was not mirrored ({type(error).__name__})")

    return copy
