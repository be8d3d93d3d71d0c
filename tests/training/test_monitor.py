"""Planted faults: a detached module, one left out of the optimizer, one in two groups, a frozen one that moves; each is named."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from training.made import VALIDATION, examples, recipe, static, train, transformer

from haechi.runtime.errors import HaechiError
from haechi.training import objective
from haechi.training.monitor import check_counts, check_groups, module_of, weights_of
from haechi.training.outcome import write_modules
from haechi.training.trainer import Trainer

pytestmark = pytest.mark.slow

EMBEDDINGS, FIRST, SECOND = (f"0.model.{part}" for part in ("embeddings.word_embeddings", "encoder.layer.0", "encoder.layer.1"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("monitor") / "bert"
    transformer(folder)
    return lambda: SentenceTransformer(str(folder), device="cpu")


def looks(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "modules.jsonl").read_text().splitlines()]


def detached(model: Any) -> Any:
    """What the first layer says reaches the second, but no gradient comes back."""

    def cut(module: nn.Module, inputs: Any, output: Any) -> Any:
        return tuple(part.detach() for part in output) if isinstance(output, tuple) else output.detach()

    model[0].model.encoder.layer[0].register_forward_hook(cut)
    return model


@pytest.mark.parametrize("accumulation", [1, 32])
def test_a_detached_module_is_named_whatever_the_accumulation(tmp_path: Path, bert: Any, accumulation: int) -> None:
    told = recipe(gradient_accumulation=accumulation, batch_size=2, epochs=1 if accumulation == 1 else 13, evaluations=1)
    facts = train(detached(bert()), examples(), VALIDATION, tmp_path / "run", told)
    modules = facts["health"]["modules"]
    (reason,) = (reason for reason in facts["reasons"] if "never given a gradient" in reason)

    assert FIRST in reason
    assert SECOND not in reason
    assert not modules[FIRST]["moved"]
    assert modules[SECOND]["moved"]
    assert {row["step"] for row in looks(tmp_path / "run")} == set(range(1, facts["steps"] + 1))
    assert facts["verdict"] != "good"


@pytest.mark.parametrize("accumulation", [1, 32])
def test_a_healthy_model_has_no_such_reason(tmp_path: Path, bert: Any, accumulation: int) -> None:
    """The pooler, which nobody asks, is known to be idle."""
    told = recipe(gradient_accumulation=accumulation, batch_size=2, epochs=1 if accumulation == 1 else 13, evaluations=1)
    facts = train(bert(), examples(), VALIDATION, tmp_path / "run", told)

    assert not [reason for reason in facts["reasons"] if "gradient" in reason or "moved:" in reason]
    idle = [name for name, module in facts["health"]["modules"].items() if not module["moved"]]
    assert all("pooler" in name for name in idle)


def planted(monkeypatch: pytest.MonkeyPatch, fault: Callable[[Any, Any], None]) -> None:
    make = Trainer.create_optimizer

    def spoilt(self: Any, model: Any = None) -> Any:
        optimizer = make(self, model)
        fault(self.model, optimizer)
        return optimizer

    monkeypatch.setattr(Trainer, "create_optimizer", spoilt)


def test_a_module_left_out_of_the_optimizer_is_named_before_the_first_step(
    tmp_path: Path, bert: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_out(model: Any, optimizer: Any) -> None:
        out = {id(weight) for weight in model[0].model.encoder.layer[1].parameters()}
        for group in optimizer.param_groups:
            group["params"] = [weight for weight in group["params"] if id(weight) not in out]

    planted(monkeypatch, leave_out)
    with pytest.raises(HaechiError, match=rf"in no group of the optimizer: {SECOND}\..* more"):
        train(bert(), examples(), VALIDATION, tmp_path / "run", recipe())


def test_a_weight_in_two_groups_is_named(tmp_path: Path, bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def double(model: Any, optimizer: Any) -> None:
        optimizer.param_groups[-1]["params"].append(model[0].model.embeddings.word_embeddings.weight)

    planted(monkeypatch, double)
    with pytest.raises(HaechiError, match=rf"in two groups of the optimizer: {EMBEDDINGS}\.weight$"):
        train(bert(), examples(), VALIDATION, tmp_path / "run", recipe())


def test_a_frozen_module_that_moves_is_named(tmp_path: Path, bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a hand that no version counter of the tensor sees."""
    whole = objective.Objective.forward

    def meddling(self: Any, *args: Any) -> Any:
        if self.training:
            self.model[0].model.encoder.layer[0].output.dense.bias.data.add_(1e-6)
        return whole(self, *args)

    clean = train(bert(), examples(), VALIDATION, tmp_path / "clean", recipe(freeze=("layer.0.",)))
    monkeypatch.setattr(objective.Objective, "forward", meddling)
    spoilt = train(bert(), examples(), VALIDATION, tmp_path / "run", recipe(freeze=("layer.0.",)))

    assert f"frozen, and moved all the same: {FIRST}" in spoilt["reasons"]
    assert spoilt["verdict"] == "failed"
    assert not [reason for reason in clean["reasons"] if "frozen" in reason]
    assert clean["health"]["modules"][FIRST]["trained"] == 0


def test_a_part_of_a_module_that_was_frozen_and_moved_is_named_too(
    tmp_path: Path, bert: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = objective.Objective.forward

    def meddling(self: Any, *args: Any) -> Any:
        self.model[0].model.encoder.layer[0].output.dense.bias.data.add_(1e-6)
        return whole(self, *args)

    monkeypatch.setattr(objective.Objective, "forward", meddling)
    facts = train(bert(), examples(), VALIDATION, tmp_path / "run", recipe(freeze=(r"layer\.0\.output\.dense",)))

    assert f"frozen, and moved all the same: {FIRST} (its frozen part)" in facts["reasons"]


def test_looks_hold_the_norms_and_the_movement_that_torch_itself_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against an implementation of its own: one module, every step."""
    seen: list[tuple[float, float, float]] = []
    clip = Trainer._clip_grad_norm

    def spied(self: Any, model: Any) -> Any:
        (weight,) = model.parameters()
        before, size, at = weight.grad.norm().item(), weight.norm().item(), weight.detach().clone()
        norm = clip(self, model)
        seen.append((before, weight.grad.norm().item(), size))
        starts.append(at)
        return norm

    starts: list[torch.Tensor] = []
    monkeypatch.setattr(Trainer, "_clip_grad_norm", spied)
    model = static()
    train(model, examples(), VALIDATION, tmp_path / "run", recipe(max_grad_norm=0.05))
    (final,) = model.parameters()
    found = looks(tmp_path / "run")

    assert [row["step"] for row in found] == list(range(1, 10))
    assert any(before > after * 1.01 for before, after, _ in seen)
    for row, (before, after, size), start, end in zip(found, seen, starts, [*starts[1:], final], strict=True):
        assert row["gradient"] == pytest.approx(before, rel=1e-4)
        assert row["clipped"] == pytest.approx(after, rel=1e-4)
        assert row["update_to_weight"] == pytest.approx((end - start).norm().item() / size, rel=1e-3)


def test_the_table_for_plots_is_csv(tmp_path: Path) -> None:
    train(static(), examples(), VALIDATION, tmp_path / "run", recipe())
    write_modules(looks(tmp_path / "run"), tmp_path)
    with (tmp_path / "modules.csv").open() as stream:
        table = list(csv.DictReader(stream))

    assert [row["module"] for row in table] == ["0.embedding"] * 9
    assert float(table[0]["gradient"]) > 0


class Tied(nn.Module):
    """Two modules that share a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 5, bias=False), nn.Linear(3, 5)
        self.second.weight = self.first.weight


def test_shared_parameters_are_counted_once() -> None:
    model = Tied()
    check_counts(model, {"total": 20, "trained": 20, "first": 15, "second": 5})
    assert {name: sum(w.numel() for _, w in found) for name, found in weights_of(model).items()} == {"first": 15, "second": 5}
    check_groups(model, torch.optim.SGD(model.parameters(), lr=1.0))


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [({"total": 21}, "total has 20 parameters, not 21"), ({"third": 1}, "no module is named 'third'; there are first, second")],
)
def test_another_number_than_expected_is_one_sentence(expected: dict[str, int], sentence: str) -> None:
    with pytest.raises(HaechiError, match=sentence):
        check_counts(Tied(), expected)


def test_expected_parameters_are_checked_before_the_first_step(tmp_path: Path) -> None:
    size = sum(weight.numel() for weight in static().parameters())
    train(static(), examples(), VALIDATION, tmp_path / "run", recipe(epochs=1, expected_params={"0.embedding": size}))
    with pytest.raises(HaechiError, match=f"0.embedding has {size} parameters, not {size + 1}"):
        train(static(), examples(), VALIDATION, tmp_path / "other", recipe(expected_params={"0.embedding": size + 1}))


def test_layers_are_modules_and_so_are_the_parts_outside_of_them() -> None:
    names = {
        "0.embedding.weight": "0.embedding",
        "0.model.embeddings.word_embeddings.weight": "0.model.embeddings",
        "0.model.encoder.layer.11.attention.self.query.weight": "0.model.encoder.layer.11",
        "model.encoder.layer.0.output.dense.bias": "model.encoder.layer.0",
        "colbert_linear.weight": "colbert_linear",
        "weight": "weight",
    }
    assert {name: module_of(name) for name in names} == names


@given(st.lists(st.sampled_from(["0", "1", "layer", "model", "a", "12"]), min_size=1, max_size=8))
def test_a_module_is_always_the_beginning_of_the_name(parts: list[str]) -> None:
    name = ".".join([*parts, "weight"])
    assert name.startswith(module_of(name))
