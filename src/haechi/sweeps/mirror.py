"""Weights & Biases as a mirror: what the ledger holds, copied there; offline unless WANDB_MODE says otherwise."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from haechi.errors import HaechiError
from haechi.progress import say
from haechi.sweeps.trial import Trial


def mirror(project: str, sweep: str, folder: Path) -> Callable[[Trial], None]:
    """Copies each trial that ends; a mirror that fails never stops a sweep."""
    try:
        import wandb
    except ImportError as error:
        raise HaechiError("--wandb needs the extra: pip install -e '.[wandb]' -c constraints.txt") from error
    folder.mkdir(parents=True, exist_ok=True)
    mode: Any = os.environ.get("WANDB_MODE", "offline")  # wandb checks the word itself

    def copy(trial: Trial) -> None:
        try:
            run = wandb.init(
                project=project,
                group=sweep,
                name=f"{sweep}-{trial.number}",
                dir=str(folder),
                mode=mode,
                config={**trial.proposal.params, "seed": trial.proposal.seed, "kind": trial.proposal.kind},
                reinit="finish_previous",
                settings=wandb.Settings(silent=True, disable_git=True, console="off", x_disable_stats=True),
            )
            for step, value in sorted(trial.steps.items()):
                run.log({"validation": value}, step=step)
            run.summary.update({"value": trial.value, "state": trial.state})
            run.finish(exit_code=1 if trial.state == "failed" else 0)
        except Exception as error:
            say(f"wandb: trial {trial.number} was not mirrored ({type(error).__name__})")

    return copy
