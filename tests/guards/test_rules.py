"""Rules from parameters: what can't work, or works against itself, is refused in one sentence."""

from dataclasses import replace
from pathlib import Path

import pytest
from proofs.project import MINI_PARAMS, ROOT
from ruamel.yaml import YAML

from haechi.guards.params import GuardsParams
from haechi.guards.rules import rules_of
from haechi.runtime.check_params import check_file
from haechi.runtime.errors import ParamsError
from haechi.runtime.params import load_section

DEFAULT = load_section(ROOT / "params.yaml", "guards", GuardsParams)
LOGGED = ("loss", "grad_norm", "valid_loss", "valid_ndcg@10", "valid_recall@10", "valid_similarity")


def changed(**maps: dict[str, object]) -> GuardsParams:
    """The default with entries of its maps exchanged."""
    return replace(DEFAULT, **{k: {**getattr(DEFAULT, k), **v} if isinstance(v, dict) else v for k, v in maps.items()})


def test_the_defaults_are_sound_and_ignore_what_is_ignored() -> None:
    names = [rule.name for rule in rules_of(DEFAULT, LOGGED)]

    assert names == ["non_finite", "divergence", "collapse", "overfitting", "degradation"]
    assert rules_of(load_section(MINI_PARAMS, "guards", GuardsParams), LOGGED)


UNLOGGED = {
    "an unknown metric": (changed(metric={"degradation": "recal@10"}), r"guards\.metric\.degradation: this training logs no 'recal@10'.*ndcg@10"),
    "triplets that nobody counts": (changed(metric={"stall": "active_triplets"}), "logs no 'active_triplets'"),
    "a metric for a rule that has its own": (changed(metric={"collapse": "ndcg@10"}), "collapse looks at valid_similarity"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNLOGGED)
def test_a_metric_that_a_rule_cannot_look_at_is_refused(case: str) -> None:
    params, sentence = UNLOGGED[case]
    with pytest.raises(ParamsError, match=sentence):
        rules_of(params, LOGGED)


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a collapse that can't be": ({"bound": {"collapse": 1.0}}, "could never fire"),
    "a gap without a bound": ({"action": {"gap": "stop"}, "bound": {"gap": 0.0}}, "needs a bound"),
    "a floor above the target": ({"target": 0.4, "floor": 0.5}, r"floor 0\.5 is above target 0\.4"),
    "rollbacks without one": ({"action": {"collapse": "stop", "degradation": "stop"}, "rollbacks": 2}, "no rule rolls back"),
    "a stop before the rate could be lowered": (
        {
            "action": {"early_stopping": "stop", "stall": "lower_lr"},
            "metric": {"stall": "ndcg@10"},
            "patience": {"early_stopping": 3, "stall": 3},
        },
        "ends the run before stall",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_contradicts_itself_is_refused_before_any_work(case: str, tmp_path: Path) -> None:
    """By whichever stage reads params.yaml first, not by training after the stages before it have run."""
    maps, sentence = REFUSED[case]
    sections = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key, value in maps.items():
        sections["guards"][key] = {**sections["guards"][key], **value} if isinstance(value, dict) else value
    YAML().dump(sections, tmp_path / "params.yaml")
    with pytest.raises(ParamsError, match=rf"guards: .*{sentence}"):
        check_file(tmp_path / "params.yaml")
