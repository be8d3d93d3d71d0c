"""How much of the differences between trials each parameter explains."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna

FEWEST = 8
"""Complete trials below which a share would be made up."""


def importance(study: "optuna.Study") -> dict[str, float]:
    """Shares by fANOVA over the parameters that all trials have; empty where too few trials have ended."""
    import optuna

    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    values = {trial.value for trial in complete}
    if len(complete) < FEWEST or len(values) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=7)
    return {name: float(share) for name, share in optuna.importance.get_param_importances(study, evaluator=evaluator).items()}
