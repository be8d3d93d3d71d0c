"""The training form of the static base: features learn, and what is saved is a plain table with the same vectors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from training.made import MODEL, TEXTS, VALIDATION, examples, recipe, static, train

from haechi.models.load import load_encoder, save_encoder
from haechi.static_model.make_base import make_base
from haechi.training.adapters import merged
from haechi.training.retention import Looks, announce
from haechi.training.static_learner import Composed, load_learner, plain

ASKED = [*TEXTS.values(), *(e.query for e in examples()), "", "낱말이 아닌 것 xyz"]


def test_plain_sentence_transformers_loads_what_was_trained_with_equal_vectors(tmp_path: Path) -> None:
    model = static()
    train(model, examples(), VALIDATION, tmp_path / "run", recipe())
    save_encoder(merged(model), tmp_path / "saved")

    loaded = SentenceTransformer(str(tmp_path / "saved"), device="cpu")

    assert isinstance(model[0], Composed)
    assert type(loaded[0]) is StaticEmbedding
    assert not list((tmp_path / "run").rglob("composition*"))
    np.testing.assert_allclose(loaded.encode(ASKED), model.encode(ASKED), atol=1e-6)


def test_the_size_of_a_checkpoint_is_told_as_it_is_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not that of the features, which are another table than the one that is saved."""
    model = static()
    table = model[0].folded().embedding.weight.numel() * 4
    folded = model[0].folded()
    model[0].folded = lambda: folded
    model[0].embedding = torch.nn.EmbeddingBag(10_000_000, 1, mode="sum")  # far more features than pieces
    announce(tmp_path, model, Looks.of(8, recipe().params), recipe().params, resumes=False, rolls_back=False)
    assert f"checkpoints of {table / 1e6:.0f} MB" in capsys.readouterr().out


def test_a_base_folder_gives_the_form_that_learns_with_the_same_vectors(tmp_path: Path) -> None:
    make_base(list(TEXTS.values()), MODEL, tmp_path / "base")

    learner, base = load_learner(tmp_path / "base"), load_encoder(tmp_path / "base")

    assert isinstance(learner[0], Composed)
    np.testing.assert_allclose(learner.encode(ASKED), base.encode(ASKED), atol=1e-6)
    assert learner.prompts == base.prompts


def test_a_static_model_without_features_learns_as_it_is(tmp_path: Path) -> None:
    save_encoder(plain(static()), tmp_path / "base")

    learner = load_learner(tmp_path / "base")

    assert type(learner[0]) is StaticEmbedding
    assert merged(learner) is learner
    assert train(learner, examples(), VALIDATION, tmp_path / "run", recipe())["steps"] > 0


def test_a_piece_learns_where_another_with_its_word_stands() -> None:
    model = static()
    words: dict[str, int] = model[0].tokenizer.get_vocab()
    starts, features = model[0]._starts, model[0]._features
    means = {piece: set(features[starts[row] : starts[row + 1]].tolist()) for piece, row in words.items()}
    shown, kin = next((a, b) for a in sorted(means) for b in sorted(means) if a != b and means[a] & means[b])
    stranger = next(piece for piece in sorted(means) if means[piece] and not means[piece] & means[shown])
    before = model[0].folded().embedding.weight.detach().clone()

    ids = torch.tensor(sorted(means[shown]))
    model[0]({"input_ids": ids, "offsets": torch.tensor([0])})["sentence_embedding"].sum().backward()
    with torch.no_grad():
        model[0].embedding.weight -= model[0].embedding.weight.grad

    moved = (model[0].folded().embedding.weight - before).abs().sum(dim=1)
    assert moved[words[shown]] > 0
    assert moved[words[kin]] > 0
    assert moved[words[stranger]] == 0


def test_the_rate_that_people_type_moves_the_default(tmp_path: Path) -> None:
    """`-S train.lr=5e-5`: a table that starts too large would stay where it is."""
    make_base(list(TEXTS.values()), replace(MODEL, scale=0.1), tmp_path / "base")  # as params.yaml has it
    model = load_learner(tmp_path / "base")
    before = model.encode(ASKED[:5])

    train(model, examples(), VALIDATION, tmp_path / "run", recipe(lr=5e-5, epochs=100, batch_size=2))

    assert (model.encode(ASKED[:5]) * before).sum(axis=1).min() < 0.999
