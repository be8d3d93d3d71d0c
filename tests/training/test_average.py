"""The exponential average of the weights: its law, its place in a run, and that a run isn't moved by being averaged."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn
from training.made import VALIDATION, examples, recipe, static, train

from haechi.runtime.files import sha256_folder
from haechi.training.average import Average

FINITE = st.floats(-10, 10, width=32)


def one_weight() -> nn.Linear:
    return nn.Linear(1, 1, bias=False)


def put(module: nn.Linear, value: float) -> None:
    with torch.no_grad():
        module.weight.fill_(value)


def averaged(average: Average, module: nn.Linear) -> float:
    with average.in_place():
        return module.weight.item()


@given(st.lists(FINITE, min_size=20, max_size=60), st.floats(0.1, 0.999))
def test_it_is_the_weighted_sum_that_its_decays_say(values: list[float], decay: float) -> None:
    """Written out by hand: the weight of each move is its own share times the decays of all later moves."""
    module = one_weight()
    average = Average(module, decay)
    every = max(1, min(20, round(0.2 / (1 - decay))))
    for step, value in enumerate(values, start=1):
        put(module, value)
        average.follow(step)

    taken = values[every - 1 :: every]
    decays = [0.0, *(min(decay**every, (1 + move) / (10 + move)) for move in range(2, len(taken) + 1))]
    wanted = 0.0
    for d, value in zip(decays, taken, strict=True):
        wanted = d * wanted + (1 - d) * value
    assert averaged(average, module) == pytest.approx(wanted, abs=1e-4)
    assert min(taken) - 1e-4 <= wanted <= max(taken) + 1e-4


@given(st.floats(0.5, 0.999), st.integers(1, 1200))
def test_leaving_steps_out_changes_little_of_how_fast_the_past_is_forgotten(decay: float, after: int) -> None:
    """Long after the start, weights jump from 0 to 1; an average that takes in every step says how far one may be by now."""
    module, before = one_weight(), 20_000
    average, every = Average(module, decay), 0.0
    for step in range(before - 1_000, before + after + 1):
        value = float(step > before)
        put(module, value)
        average.follow(step)
        every += (1.0 - decay) * (value - every)

    assert averaged(average, module) == pytest.approx(every, abs=0.2)


@pytest.mark.parametrize(("decay", "every"), [(0.5, 1), (0.9, 2), (0.95, 4), (0.99, 20), (0.9999, 20), (1.0, 20)])
def test_an_average_that_reaches_far_back_is_moved_every_twentieth_step(decay: float, every: int) -> None:
    module, moved = one_weight(), []
    average = Average(module, decay)
    for step in range(1, 101):
        put(module, float(step))
        before = averaged(average, module) if average.started else None
        average.follow(step)
        if average.started and averaged(average, module) != before:
            moved.append(step)

    assert moved == list(range(every, 101, every))


def test_the_model_has_its_own_weights_again_afterwards_also_after_an_error() -> None:
    module = one_weight()
    average = Average(module, 0.5)
    for step, value in enumerate((1.0, 3.0), start=1):
        put(module, value)
        average.follow(step)

    assert 1.0 < averaged(average, module) < 3.0
    with pytest.raises(ZeroDivisionError), average.in_place():
        module.weight.item() / 0
    assert module.weight.item() == 3.0


def test_half_precision_weights_are_averaged_in_full_precision() -> None:
    """In bfloat16 a hundredth of a small change would be rounded away, step after step."""
    module = one_weight().to(torch.bfloat16)
    put(module, 1.0)
    average = Average(module, 0.999)
    average.follow(20)
    put(module, 1.0078125)  # the next number that bfloat16 has
    for step in range(5_000, 8_000):
        average.follow(step)

    assert averaged(average, module) == 1.0078125


def test_frozen_weights_are_not_averaged() -> None:
    module = nn.Sequential(one_weight(), one_weight())
    module[0].weight.requires_grad_(False)
    average = Average(module, 0.5)
    average.follow(1)
    put(module[0], 5.0)  # type: ignore[arg-type]

    with average.in_place():
        assert module[0].weight.item() == 5.0


def weights(folder: Path, name: str) -> torch.Tensor:
    return load_file(folder / "checkpoints" / name / "model.safetensors")["embedding.weight"]


def test_a_run_leaves_its_average_and_is_not_moved_by_it(tmp_path: Path) -> None:
    def run(name: str, **changes: Any) -> Path:
        train(static(), examples(), VALIDATION, tmp_path / name, recipe(evaluations=9, keep=9, **changes))
        return tmp_path / name

    with_it, without = run("with", ema_decay=0.8), run("without", ema_decay=0.0)

    assert not (without / "checkpoints" / "average").exists()
    for folder in (without / "checkpoints").iterdir():
        assert sha256_folder(folder) == sha256_folder(with_it / "checkpoints" / folder.name)
    mean = weights(with_it, "step-000001")
    for step in range(2, 10):
        decay = min(0.8, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * weights(with_it, f"step-{step:06d}")
    torch.testing.assert_close(weights(with_it, "average"), mean, rtol=1e-4, atol=1e-7)
