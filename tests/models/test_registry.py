import pytest

from haechi.models.registry import ALIASES, STATIC, known


def test_no_two_aliases_mean_one_model_and_none_hides_the_embedded_one() -> None:
    ids = [model.id for model in ALIASES.values()]

    assert len(set(ids)) == len(ids)
    assert STATIC not in ALIASES
    assert not set(ALIASES) & set(ids)


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_and_its_hub_id_are_the_same_model(alias: str) -> None:
    model = ALIASES[alias]

    assert known(alias) is known(model.id) is model
    assert model.pooling in ("cls", "mean")
    assert model.max_length > 0
    assert model.lora_targets
    assert model.licence
    assert model.id.count("/") == 1


def test_prompts_are_those_that_the_models_were_trained_with() -> None:
    """From the model cards: e5 marks both sides, arctic marks queries, the BGE-M3 family marks nothing."""
    prompts = {alias: (model.query_prompt, model.passage_prompt) for alias, model in ALIASES.items()}

    assert prompts == {
        "bge-m3": ("", ""),
        "bge-m3-ko": ("", ""),
        "kure-v1": ("", ""),
        "ko-simcse": ("", ""),
        "multilingual-minilm": ("", ""),
        "multilingual-e5-small": ("query: ", "passage: "),
        "arctic-ko": ("query: ", ""),
    }


def test_unknown_names_are_taken_as_they_are() -> None:
    assert known("somebody/some-model") is None
    assert known(STATIC) is None
