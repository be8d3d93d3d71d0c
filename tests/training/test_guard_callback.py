"""The guards at work in a training: steps that are skipped, rates that are lowered, weights that are put back."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training.made import VALIDATION, examples, recipe, static, train

from haechi.runtime.errors import HaechiError
from haechi.training import objective
from haechi.training.static_learner import plain
from haechi.training.trainer import WEIGHTS, Trainer

pytestmark = pytest.mark.slow

CONSTANT = {"scheduler": "constant_with_warmup", "warmup_ratio": 0.0}


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def broken(monkeypatch: pytest.MonkeyPatch, *calls: int, factor: float = float("nan")) -> None:
    """These training batches, counted from 1, give a loss that is not finite."""
    whole, count = objective.Objective.forward, [0]

    def forward(self: Any, *args: Any) -> torch.Tensor:
        count[0] += self.training
        loss = whole(self, *args)
        return loss * factor if self.training and count[0] in calls else loss

    monkeypatch.setattr(objective.Objective, "forward", forward)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_is_skipped_and_its_batch_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    shown: dict[int, list[str]] = {}
    norm = Trainer._clip_grad_norm

    def spied(self: Any, model: Any) -> Any:
        shown[self.state.global_step + 1] = [f"q{row}" for batch in self.record.batches for row in batch["label"].tolist()]
        return norm(self, model)

    monkeypatch.setattr(Trainer, "_clip_grad_norm", spied)
    broken(monkeypatch, 4, factor=factor)
    facts = train(static(), examples(), VALIDATION, tmp_path / "run", recipe(epochs=6))
    skipped = [row for row in rows(tmp_path / "run") if "skipped" in row]

    assert [(row["step"], row["batch"]) for row in skipped] == [(4, shown[4])]
    assert facts["state"] == "finished"
    assert facts["verdict"] == "suspicious"
    assert any("skipped" in reason and reason.endswith("1") for reason in facts["reasons"])
    weights = load_file(next((tmp_path / "run/checkpoints").glob("step-*")) / "model.safetensors")
    assert all(weight.isfinite().all() for weight in weights.values())


def test_a_skipped_step_leaves_the_weights_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = static()
    before = {name: weight.detach().clone() for name, weight in base.named_parameters()}
    broken(monkeypatch, *range(1, 10))
    facts = train(
        base, examples(), VALIDATION, tmp_path / "run", recipe(guards={"patience": {"non_finite": 9}}, weight_decay=0.1)
    )

    assert all(torch.equal(before[name], weight) for name, weight in base.named_parameters())
    assert (facts["state"], facts["verdict"]) == ("stopped", "failed")
    assert "9 steps in a row were skipped" in facts["reason"]


def test_three_in_a_row_stop_the_run_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, 4, 5, 6)
    facts = train(static(), examples(), VALIDATION, tmp_path / "run", recipe())

    assert (facts["state"], facts["verdict"]) == ("stopped", "failed")
    assert max(row["step"] for row in rows(tmp_path / "run")) == 6
    assert facts["next"][0] == "dvc exp run -n lr-0.0005 -S train.lr=0.0005"


def test_a_run_that_is_stopped_before_any_validation_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, 1, 2, 3)
    with pytest.raises(HaechiError, match="stopped before the first validation: 3 steps in a row"):
        train(static(), examples(), VALIDATION, tmp_path / "run", recipe(evaluations=1))
    assert not (tmp_path / "run").exists()


def test_the_rate_is_lowered_from_the_next_step_on_and_patience_starts_anew(tmp_path: Path) -> None:
    guards = {"action": {"stall": "lower_lr"}, "patience": {"stall": 3}, "tolerance": {"stall": 9.0}, "lower_by": 0.1}
    train(static(), examples(), VALIDATION, tmp_path / "run", recipe(guards=guards, **CONSTANT))
    rates = [row["learning_rate"] for row in rows(tmp_path / "run") if "learning_rate" in row]

    assert rates == pytest.approx([5e-3] * 4 + [5e-4] * 4 + [5e-5])


def test_lowering_holds_for_the_rest_of_a_schedule_too(tmp_path: Path) -> None:
    guards = {"action": {"stall": "lower_lr"}, "patience": {"stall": 5}, "tolerance": {"stall": 9.0}}
    train(static(), examples(), VALIDATION, tmp_path / "plain", recipe())
    train(static(), examples(), VALIDATION, tmp_path / "guarded", recipe(guards=guards))
    plain, guarded = ([r["learning_rate"] for r in rows(tmp_path / n) if "learning_rate" in r] for n in ("plain", "guarded"))

    assert guarded[:6] == plain[:6]
    assert guarded[6:] == pytest.approx([rate / 2 for rate in plain[6:]])


def alike(**more: Any) -> dict[str, Any]:
    """A rule that can't but fire: every model is said to collapse."""
    return {"action": {"collapse": "rollback"}, "bound": {"collapse": 1e-9}, **more}


def test_rolling_back_puts_the_best_weights_into_the_model_and_stops(tmp_path: Path) -> None:
    """Nothing has been validated but the base when it fires, so the base comes back, and no checkpoint stands."""
    base = static()
    before = {name: weight.detach().clone() for name, weight in base.named_parameters()}
    with pytest.raises(HaechiError, match="stopped before the first validation: any two passages"):
        train(base, examples(), VALIDATION, tmp_path / "run", recipe(guards=alike()))
    assert all(torch.equal(before[name], weight) for name, weight in base.named_parameters())


def test_a_run_may_go_on_after_rolling_back_as_often_as_it_was_told(tmp_path: Path) -> None:
    wanted = recipe(guards=alike(rollbacks=2), keep_last=True, keep=9, **CONSTANT)
    facts = train(plain(static()), examples(), VALIDATION, tmp_path / "run", wanted)
    found = rows(tmp_path / "run")
    events = [(row["step"], row["event"], row["to"]) for row in found if "event" in row]
    scores = {row["step"]: row["valid_ndcg@10"] for row in found if "valid_ndcg@10" in row}

    assert [(step, event) for step, event, _ in events] == [(1, "rollback"), (3, "rollback"), (6, "rollback")]
    assert events[0][2] == 0
    best = max((step for step in scores if step), key=lambda step: (scores[step], -step))
    assert scores[best] > scores[0]
    assert events[-1][2] == best
    assert facts["state"] == "stopped"
    assert [row["learning_rate"] for row in found if "learning_rate" in row] == pytest.approx(
        [5e-3, 2.5e-3, 2.5e-3, *[1.25e-3] * 3]
    )
    last = load_file(tmp_path / "run/last" / WEIGHTS)
    kept = load_file(tmp_path / f"run/checkpoints/step-{best:06d}/model.safetensors")
    assert torch.equal(
        last["0.embedding.weight"], kept["embedding.weight"] if "embedding.weight" in kept else kept["0.embedding.weight"]
    )


def test_rules_that_do_not_fire_change_no_byte_of_a_checkpoint(tmp_path: Path) -> None:
    from proofs.project import ROOT

    from haechi.guards.params import GuardsParams
    from haechi.runtime.files import sha256_folder
    from haechi.runtime.params import load_section

    default = load_section(ROOT / "params.yaml", "guards", GuardsParams)
    silent = {"action": {}, "patience": {}}
    loud = {name: getattr(default, name) for name in ("action", "patience", "tolerance", "bound", "metric")}
    loud["action"] = {**loud["action"], "degradation": "note"}  # eight queries of a toy do fall now and then
    for name, guards in (("silent", silent), ("loud", loud)):
        train(static(), examples(), VALIDATION, tmp_path / name, recipe(guards=guards, epochs=2), held_out=examples()[:5])

    assert sha256_folder(tmp_path / "silent/checkpoints") == sha256_folder(tmp_path / "loud/checkpoints")
