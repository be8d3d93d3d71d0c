"""What decides a vector names it; what doesn't, doesn't."""

import copy

import pytest
import tiny_models
import torch

from haechi.inference.model_key import model_key
from haechi.models.load import save_encoder
from haechi.models.static_encoder import load_static, static_of


def nudge(model) -> None:
    with torch.no_grad():
        weight = next(model.parameters())
        weight[1, 1] = torch.nextafter(weight[1, 1], torch.tensor(9.0))


def prompt(model) -> None:
    model.prompts["query"] = "passage: "


def pooling(model) -> None:
    model[1].pooling_mode = "cls"


def length(model) -> None:
    model.max_seq_length = 64


def word(model) -> None:
    model.tokenizer.add_tokens(["우물가"])


def truncation(model) -> None:
    model.truncate_dim = 8


@pytest.mark.parametrize("change", [nudge, prompt, pooling, length, word, truncation])
def test_whatever_decides_a_vector_changes_the_name(change) -> None:
    model = copy.deepcopy(tiny_models.transformer())
    before = model_key(model, "fp32")
    change(model)

    assert model_key(model, "fp32") != before


def test_precision_is_part_of_the_name_and_use_is_not() -> None:
    model = copy.deepcopy(tiny_models.transformer())
    before = model_key(model, "fp32")
    model.encode(["나무", "우물 다리"], batch_size=2)

    assert model_key(model, "fp32") == before
    assert model_key(model, "bf16") != before
    assert model_key(tiny_models.transformer(2), "fp32") != before


def test_the_same_weights_in_another_folder_have_the_same_name(tmp_path) -> None:
    from sentence_transformers import SentenceTransformer

    names = []
    for folder in ("one", "two"):
        tiny_models.transformer().save(str(tmp_path / folder), create_model_card=False)
        names.append(model_key(SentenceTransformer(str(tmp_path / folder), device="cpu"), "fp32"))

    assert names[0] == names[1]


def test_a_table_is_named_by_its_words_and_its_length() -> None:
    model = copy.deepcopy(tiny_models.static())
    before = model_key(model, "fp32")
    model[0].tokenizer.enable_truncation(50)

    assert model_key(model, "fp32") != before
    assert model_key(tiny_models.static(2), "fp32") != before


def test_a_table_has_one_name_whoever_reads_it(tmp_path) -> None:
    """Loaded with torch or without; torch and its versions take no part in it."""
    model = tiny_models.static()
    save_encoder(model, tmp_path / "saved")
    names = [model_key(static, "fp32") for static in (static_of(model), load_static(tmp_path / "saved"))]

    assert names[0] == names[1] != model_key(static_of(tiny_models.static(2)), "fp32")
    assert set(names[0]["libraries"]) == {"numpy", "tokenizers"}
