"""Vectors that come from the row store are the bits that a fresh encoding gives, and never another model's."""

import copy
import random
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch

from haechi.inference import fixed_shapes
from haechi.inference.cached_encoder import Encoder
from haechi.retrieval.dense import encode_passages, encode_queries
from haechi.rowstore.namespaces import EMBEDDINGS
from haechi.rowstore.store import Row, open_store
from haechi.runtime.errors import HaechiError

rng = random.Random(7)  # noqa: S311  (no secret)
TEXTS = [tiny_models.text_of(number, *(rng.randrange(99) for _ in range(rng.choice((1, 4, 9, 40, 98))))) for number in range(60)]
KINDS = {"transformer": tiny_models.transformer, "static": tiny_models.static}


@pytest.mark.parametrize("kind", KINDS)
def test_full_shuffled_incremental_and_resumed_encodings_are_equal_bit_for_bit(kind: str, tmp_path: Path) -> None:
    model = KINDS[kind]()
    with open_store(tmp_path / "full.sqlite") as store:
        full = Encoder(model, store).passages(TEXTS)
        again = Encoder(model, store).passages(TEXTS)
        assert store.tally["embeddings"].computed == len(set(TEXTS))
    order = random.Random(1).sample(range(len(TEXTS)), len(TEXTS))  # noqa: S311
    with open_store(tmp_path / "shuffled.sqlite") as store:
        shuffled = Encoder(model, store).passages([TEXTS[i] for i in order])
    with open_store(tmp_path / "grown.sqlite") as store:
        for end in (1, 20, len(TEXTS)):
            grown = Encoder(model, store).passages(TEXTS[:end])
    with open_store(tmp_path / "resumed.sqlite") as store:
        Encoder(model, store).passages(TEXTS[::2])
    with open_store(tmp_path / "resumed.sqlite") as store:
        resumed = Encoder(model, store).passages(TEXTS)
        assert store.tally["embeddings"].computed == len(set(TEXTS)) - len(set(TEXTS[::2]))

    for other in (again, grown, resumed):
        assert full.tobytes() == other.tobytes()
    assert full[order].tobytes() == shuffled.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_stored_vectors_are_near_the_library_s_own_with_its_prompts(kind: str, tmp_path: Path) -> None:
    model = KINDS[kind]()
    with open_store(tmp_path / "rows.sqlite") as store:
        encoder = Encoder(model, store)
        queries, passages = encoder.queries(TEXTS), encoder.passages(TEXTS)

    assert np.allclose(queries, encode_queries(model, TEXTS), atol=2e-3)
    assert np.allclose(passages, encode_passages(model, TEXTS), atol=2e-3)
    assert np.allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-6)
    assert (kind == "static") == np.array_equal(queries, passages), "the table has no prompts"


def test_two_checkpoints_never_share_an_entry(tmp_path: Path) -> None:
    """One bit of one weight is another checkpoint."""
    one = tiny_models.transformer()
    other = copy.deepcopy(one)
    with torch.no_grad():
        weight = next(other.parameters())
        weight[1, 1] = torch.nextafter(weight[1, 1], torch.tensor(9.0))
    with open_store(tmp_path / "rows.sqlite") as store:
        for model, precision in ((one, "fp32"), (other, "fp32"), (one, "bf16")):
            before = store.count(EMBEDDINGS)
            Encoder(model, store, precision).passages(TEXTS)
            assert store.count(EMBEDDINGS) == before + len(set(TEXTS))


def test_vectors_that_are_not_finite_are_refused_and_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_shapes, "run", lambda model, texts, *_, **__: np.full((len(texts), 32), np.nan, np.float32))
    with open_store(tmp_path / "rows.sqlite") as store:
        with pytest.raises(HaechiError, match="not finite"):
            Encoder(tiny_models.transformer(), store).queries(["나무"])
        assert store.count(EMBEDDINGS) == 0


def test_a_stored_vector_of_another_width_is_named(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        encoder = Encoder(tiny_models.transformer(), store)
        store.put(EMBEDDINGS, [Row(encoder._keys.of(text="나무", task="query", prompt="query: "), np.ones(3))])
        with pytest.raises(HaechiError, match="3 numbers where this model gives 32"):
            encoder.queries(["나무"])


def test_no_texts_give_no_vectors_of_the_right_width(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        assert Encoder(tiny_models.transformer(), store).queries([]).shape == (0, 32)
