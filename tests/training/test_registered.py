"""Every entry of the registry, on a tiny model of its kind: prompts and pooling are applied, and survive whatever is done to it.

What a vector should be is computed here from the bare network: the prompt written before the text, and its pooling by hand.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.made import VALIDATION, examples, recipe, train, transformer

from haechi.models.load import load_base, load_encoder, save_encoder, save_pointer
from haechi.models.registry import ALIASES, BaseModel
from haechi.selection.weights import Share, blend

pytestmark = pytest.mark.slow

KIND = {
    "bge-m3": "xlm-r",
    "bge-m3-ko": "xlm-r",
    "kure-v1": "xlm-r",
    "ko-simcse": "roberta",
    "multilingual-minilm": "bert",
    "multilingual-e5-small": "bert",
    "arctic-ko": "xlm-r",
}
"""From the models' own configs."""
TEXTS = ["우물을 고치는 비용", "나무를 옮기는 값"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """A model of each kind and pooling, as somebody else has put it on the hub: without prompts."""
    root = tmp_path_factory.mktemp("hub")
    found = {}
    for kind, pooling in {(KIND[alias], entry.pooling) for alias, entry in ALIASES.items()}:
        found[kind, pooling] = root / f"{kind}-{pooling}"
        transformer(found[kind, pooling], kind, pooling, dropout=0.0, more="query: passage: ")
    return found


@pytest.fixture
def entry(request: pytest.FixtureRequest, hub: dict[tuple[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> BaseModel:
    """The entry, pointing to the tiny model of its kind; under its own alias."""
    real = ALIASES[request.param]
    monkeypatch.setitem(ALIASES, request.param, replace(real, id=str(hub[KIND[request.param], real.pooling])))
    return ALIASES[request.param]


def by_hand(model: Any, texts: list[str], prompt: str, pooling: str) -> np.ndarray:
    """From the network alone: the first token's state, or the mean over the tokens."""
    features = model.tokenizer(
        [prompt + text for text in texts], padding=True, truncation=True, max_length=64, return_tensors="pt"
    )
    with torch.inference_mode():
        states = model[0].model(**features).last_hidden_state
    if pooling == "cls":
        return states[:, 0].numpy()
    mask = features["attention_mask"].unsqueeze(-1)
    return ((states * mask).sum(1) / mask.sum(1)).numpy()


def check(model: Any, entry: BaseModel) -> np.ndarray:
    """Prompts and pooling are those of the entry; gives the vectors of queries."""
    model = model.eval()
    queries, passages = model.encode_query(TEXTS), model.encode_document(TEXTS)
    np.testing.assert_allclose(queries, by_hand(model, TEXTS, entry.query_prompt, entry.pooling), atol=1e-5)
    np.testing.assert_allclose(passages, by_hand(model, TEXTS, entry.passage_prompt, entry.pooling), atol=1e-5)
    assert (np.abs(queries - passages).max() > 1e-3) == (entry.query_prompt != entry.passage_prompt)
    other = "mean" if entry.pooling == "cls" else "cls"
    assert np.abs(queries - by_hand(model, TEXTS, entry.query_prompt, other)).max() > 1e-3
    return np.asarray(queries)


@pytest.mark.parametrize(
    ("entry", "rank"), [*((alias, 2) for alias in ALIASES), ("multilingual-e5-small", 0), ("arctic-ko", 0)], indirect=["entry"]
)
def test_prompts_and_pooling_are_applied_and_survive_saving_training_and_merging(
    entry: BaseModel, rank: int, tmp_path: Path
) -> None:
    alias = next(name for name, known in ALIASES.items() if known is entry)
    base = load_base(alias, 64)
    before = check(base, entry)
    save_encoder(base, tmp_path / "saved")
    save_pointer(base, alias, 64, tmp_path / "pointed")
    for name in ("saved", "pointed"):
        np.testing.assert_allclose(check(load_encoder(tmp_path / name), entry), before, atol=1e-6)

    wanted = recipe(rank=rank, lr=1e-2, epochs=1, evaluations=2, keep=2, ema_decay=0.0)
    wanted = replace(wanted, lora=replace(wanted.lora, targets=()))  # those of the registry
    train(load_encoder(tmp_path / "pointed"), examples(), VALIDATION, tmp_path / "run", wanted, base=alias)
    checkpoints = sorted((tmp_path / "run/checkpoints").iterdir())
    assert len(checkpoints) == 2
    for checkpoint in checkpoints:
        assert np.abs(check(load_encoder(checkpoint), entry) - before).max() > 1e-3

    folders = [tmp_path / "saved", *checkpoints]
    blend([Share(folder, 1 / 3) for folder in folders], tmp_path / "merged")
    assert np.abs(check(load_encoder(tmp_path / "merged"), entry) - before).max() > 1e-4


def test_a_kind_is_known_for_each_entry() -> None:
    assert KIND.keys() == ALIASES.keys()
