"""Rules from parameters: what can't work, or works against itself, is refused in one sentence."""

from dataclasses import replace

import pytest
from proofs.project import MINI_PARAMS, ROOT

from haechi.errors import ParamsError
from haechi.guards.rules import rules_of
from haechi.params.guards import GuardsParams
from haechi.params.load import load_section

DEFAULT = load_section(ROOT / "params.yaml", "guards", GuardsParams)
LOGGED = ("loss", "grad_norm", "valid_loss", "valid_ndcg@10", "valid_recall@10", "valid_similarity")


def changed(**maps: dict[str, object]) -> GuardsParams:
    """The default with entries of its maps exchanged."""
    return replace(DEFAULT, **{k: {**getattr(DEFAULT, k), **v} if isinstance(v, dict) else v for k, v in maps.items()})


def test_the_defaults_are_sound_and_ignore_what_is_ignored() -> None:
    names = [rule.name for rule in rules_of(DEFAULT, LOGGED)]

    assert names == ["non_finite", "divergence", "collapse", "overfitting", "degradation"]
    assert rules_of(load_section(MINI_PARAMS, "guards", GuardsParams), LOGGED)


REFUSED = {
    "an unknown metric": (changed(metric={"degradation": "recal@10"}), r"guards\.metric\.degradation: this training logs no 'recal@10'.*ndcg@10"),
    "triplets that nobody counts": (changed(metric={"stall": "active_triplets"}), "logs no 'active_triplets'"),
    "a metric for a rule that has its own": (changed(metric={"collapse": "ndcg@10"}), "collapse looks at valid_similarity"),
    "a collapse that can't be": (changed(bound={"collapse": 1.0}), "could never fire"),
    "a gap without a bound": (changed(action={"gap": "stop"}, bound={"gap": 0.0}), "needs a bound"),
    "a floor above the target": (changed(target=0.4, floor=0.5), r"floor 0\.5 is above guards\.target 0\.4"),
    "rollbacks without one": (changed(action={"collapse": "stop", "degradation": "stop"}, rollbacks=2), "no rule rolls back"),
    "a stop before the rate could be lowered": (
        changed(
            action={"early_stopping": "stop", "stall": "lower_lr"},
            metric={"stall": "ndcg@10"},
            patience={"early_stopping": 3, "stall": 3},
        ),
        "ends the run before stall",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_contradicts_itself_is_refused(case: str) -> None:
    params, sentence = REFUSED[case]
    with pytest.raises(ParamsError, match=sentence):
        rules_of(params, LOGGED)
