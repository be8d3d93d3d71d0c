"""How much of the differences between trials each parameter explains."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna

FEWEST = 8
"""Complete trials below which a share would be made up."""


def importance(study: "optuna.Study") -> dict[str, float]:
    """Shares by fANOVA over the parameters that all trials have; empty where too few trials have ended."""
    import optuna

    ended = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    complete = [trial for trial in ended if trial.params]  # that of the present parameters may lie outside the ranges
    if len(complete) < FEWEST or len({trial.value for trial in complete}) < 2:
        return {}
    copy = optuna.create_study(direction=study.direction)
    copy.add_trials(complete)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=7)
    return {name: float(share) for name, share in optuna.importance.get_param_importances(copy, evaluator=evaluator).items()}
