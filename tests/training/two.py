"""What each of torchrun's processes does: it trains with every recipe, and leaves what came out."""

import os
from pathlib import Path

import torch
from accelerate.state import AcceleratorState
from sentence_transformers import SentenceTransformer
from training.made import VALIDATION, examples, recipe, static, train

RECIPES = {
    "static": recipe(epochs=2, token_dropout=0.2, evaluations=2),
    "plain": recipe(epochs=2, evaluations=2),
    "cached": recipe(epochs=2, evaluations=2, loss={"mini_batch": 1}),
}


def train_all(folder: Path) -> None:
    """In as many processes as there are; the state of one that had the tests to itself is not theirs."""
    AcceleratorState._reset_state(reset_partial_state=True)
    name = "first" if os.environ["RANK"] == "0" else "second"
    for kind, wanted in RECIPES.items():
        model = static() if kind == "static" else SentenceTransformer(str(folder / "bert"), device="cpu")
        train(model, examples(), VALIDATION, folder / f"{kind}-{name}", wanted)
        assert torch.distributed.get_world_size() == 2
