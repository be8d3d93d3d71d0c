"""FlagEmbedding reads the rerankers that are trained here, and what it trains is read here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from reranking.made import PARAMS, encoder, train
from tiny_models import text_of
from training.made import examples

from haechi.inference.cached_reranker import Reranker
from haechi.models.load import load_reranker, load_reranker_base
from haechi.reranking import losses
from haechi.rowstore.store import open_store

pytest.importorskip("FlagEmbedding", reason="an extra")
pytestmark = pytest.mark.slow


def ours(folder: Path, pairs: list[tuple[str, str]], place: Path) -> np.ndarray:
    with open_store(place / "rows.sqlite") as store:
        return Reranker(load_reranker(str(folder), 100), store).logits(pairs)


def theirs(folder: Path, pairs: list[tuple[str, str]]) -> list[float]:
    from FlagEmbedding import FlagReranker

    found: list[float] = FlagReranker(str(folder), use_fp16=False, devices="cpu", max_length=100).compute_score(pairs)
    return found


def test_flag_embedding_scores_what_we_train_as_we_do(tmp_path: Path) -> None:
    torch.manual_seed(7)
    base = load_reranker_base(str(encoder(tmp_path / "bert")), 100)
    train(base, tmp_path / "run", replace(PARAMS, lora_rank=2))
    saved = max((tmp_path / "run/checkpoints").iterdir())
    pairs = [(e.query, text) for e in examples() for text in (*e.pos, *e.neg) if len(e.query + text) < 90]

    assert len(pairs) > 5
    np.testing.assert_allclose(ours(saved, pairs, tmp_path), theirs(saved, pairs), atol=1e-4)


def test_what_it_trains_scores_here_as_there_and_its_loss_is_softmax(tmp_path: Path) -> None:
    from FlagEmbedding.finetune.reranker.encoder_only.base.modeling import CrossEncoderModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    start = tiny_models.bare(4, cross=True)
    words = AutoTokenizer.from_pretrained(start)
    model = CrossEncoderModel(AutoModelForSequenceClassification.from_pretrained(start), words, train_batch_size=2)
    pairs = [(text_of(i // 4), text_of(i, i + 2, i + 5)) for i in range(8)]
    features = words([q for q, _ in pairs], [p for _, p in pairs], padding=True, return_tensors="pt")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(3):
        model.train()
        made = model(features)
        scores = made.scores.detach().view(2, 4)
        torch.testing.assert_close(made.loss.detach(), losses.softmax(scores, torch.ones(2, 4, dtype=torch.bool)))
        made.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(str(tmp_path / "flag"))

    np.testing.assert_allclose(ours(tmp_path / "flag", pairs, tmp_path), theirs(tmp_path / "flag", pairs), atol=1e-4)
