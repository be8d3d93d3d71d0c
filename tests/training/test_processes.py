"""Two processes under torchrun share the work of each batch, and learn what one process learns."""

import json
import signal
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from training.made import VALIDATION, examples, static, train, transformer
from training.two import RECIPES, train_all

from haechi.training import objective
from haechi.training.objective import own_share

STANDALONE = {"min_nodes": 1, "max_nodes": 1, "rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": "two"}
"""What `torchrun --standalone` tells its launcher."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left, recipe by recipe: torchrun's own launcher, which forks them so that none imports torch again."""
    root = tmp_path_factory.mktemp("two")
    transformer(root / "bert", dropout=0.0)  # two processes draw other dropouts than one
    static()  # once, before the fork
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)}
    try:
        elastic_launch(LaunchConfig(nproc_per_node=2, start_method="fork", **STANDALONE), train_all)(root)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("kind", RECIPES)
def test_two_processes_have_the_losses_and_weights_of_one(folder: Path, kind: str) -> None:
    train(alone(kind, folder), examples(), VALIDATION, folder / f"{kind}-alone", RECIPES[kind])
    one, two = (figures(folder / f"{kind}-{name}") for name in ("alone", "first"))

    assert len(one) == len(two) > 8
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, rel=1e-3, abs=1e-6)
    weights = [load_file(last(folder / f"{kind}-{name}")) for name in ("alone", "first")]
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name], rtol=1e-2, atol=2e-4)


def alone(kind: str, folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return deepcopy(static()) if kind == "static" else SentenceTransformer(str(folder / "bert"), device="cpu")


def figures(run: Path) -> list[float]:
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [row[key] for row in rows for key in ("loss", "grad_norm", "learning_rate") if key in row]


def last(run: Path) -> Path:
    return max((run / "checkpoints").iterdir()) / "model.safetensors"


@pytest.mark.parametrize("items", [1, 2, 5, 8])
@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_shares_are_equally_long_and_together_everything_in_order(
    monkeypatch: pytest.MonkeyPatch, items: int, world: int
) -> None:
    found = []
    monkeypatch.setattr(objective, "get_world_size", lambda: world)
    for rank in range(world):
        monkeypatch.setattr(objective, "get_rank", lambda rank=rank: rank)
        found.append(own_share(list(range(items))))

    assert len({len(share) for share in found}) == 1
    assert [item for share in found for item in share][:items] == list(range(items))
