"""Frozen first layers, through which a text goes once."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.made import VALIDATION, examples, recipe, static, train, transformer

from haechi.models.load import load_encoder
from haechi.retrieval.dense import encode_passages, encode_queries
from haechi.training import engine
from haechi.training.adapters import freeze
from haechi.training.frozen import frozen_layers, read_once

FREEZE = ("embeddings", r"layer\.0\.")
TEXTS = [text for example in examples() for text in (example.query, *example.pos)]


@pytest.fixture(scope="module", params=["bert", "xlm-r"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    model = transformer(tmp_path_factory.mktemp("models") / request.param, request.param)
    model.prompts = {"query": "뜻 ", "document": "숲 "}
    return model


@pytest.fixture
def model(saved: Any) -> Any:
    made = copy.deepcopy(saved)
    freeze(made, FREEZE)
    return made.eval()


def test_vectors_are_those_of_the_whole_network_and_the_network_is_left_as_it_was(model: Any) -> None:
    def both() -> np.ndarray:
        return np.concatenate([encode_queries(model, TEXTS), encode_passages(model, TEXTS)])

    whole = both()
    with read_once(model):
        first, second = both(), both()
    after = both()

    np.testing.assert_allclose(first, whole, atol=1e-6)
    np.testing.assert_array_equal(second, first)
    np.testing.assert_array_equal(after, whole)
    assert "preprocess" not in vars(model)
    assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} == {0.1}


def test_a_text_goes_through_once_and_what_comes_out_depends_on_nothing_beside_it(model: Any) -> None:
    calls: list[int] = []
    model[0].model.encoder.layer[0].attention.register_forward_hook(lambda *_: calls.append(1))
    with read_once(model):
        alone = [model.preprocess([text])["inputs_embeds"][0] for text in TEXTS]
        together = model.preprocess(TEXTS[::-1])
        encode_passages(model, TEXTS)
        encode_passages(model, TEXTS)
    tokens = together["attention_mask"].sum(dim=1).tolist()

    assert len(calls) == 2 * len(set(TEXTS))  # without a prompt, and with that of passages
    for one, text, number in zip(alone[::-1], together["inputs_embeds"], tokens, strict=True):
        assert torch.equal(one, text[:number])


def test_they_drop_nothing_while_the_others_do(model: Any) -> None:
    model.train()
    with read_once(model):
        one, other = (model.preprocess(TEXTS[:1]) for _ in range(2))
        assert torch.equal(one["inputs_embeds"], other["inputs_embeds"])
        assert not torch.equal(model(one)["sentence_embedding"], model(other)["sentence_embedding"])


@pytest.mark.slow
@pytest.mark.parametrize("mini_batch", [0, 2])
def test_training_through_them_is_training_the_whole_network(
    tmp_path: Path, mini_batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def nothing(*_: Any) -> Iterator[None]:
        yield

    first = transformer(tmp_path / "bert", dropout=0.0)
    wanted = recipe(freeze=FREEZE, epochs=2, lr=1e-2, ema_decay=0.0, loss={"mini_batch": mini_batch})
    ended = []
    for name in ("once", "always"):
        if name == "always":
            monkeypatch.setattr(engine, "read_once", nothing)
        model = copy.deepcopy(first)
        train(model, examples(), VALIDATION, tmp_path / name, wanted)
        last = sorted((tmp_path / name / "checkpoints").iterdir())[-1]
        ended.append((model.state_dict(), load_encoder(last).state_dict(), (tmp_path / name / "history.jsonl").read_text()))
    before = first.state_dict()

    for key, weight in ended[0][0].items():
        torch.testing.assert_close(ended[1][0][key], weight, rtol=1e-3, atol=1e-5)
        assert torch.equal(before[key], weight) == torch.equal(before[key], ended[1][0][key])
    assert ended[0][1].keys() == ended[1][1].keys()
    assert [key for key, weight in ended[0][0].items() if "layer.1.output" in key and not torch.equal(before[key], weight)]


def test_layers_are_counted_from_the_word_table_upwards(saved: Any) -> None:
    def of(*patterns: str) -> int:
        model = copy.deepcopy(saved)
        freeze(model, patterns)
        return frozen_layers(model)

    assert of() == 0
    assert of("embeddings") == 0
    assert of(*FREEZE) == 1
    assert of(r"layer\.0\.") == 0
    assert of("embeddings", r"layer\.1\.") == 0
    assert frozen_layers(static()) == 0
