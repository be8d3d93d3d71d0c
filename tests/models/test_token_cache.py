"""Remembered tokens change no vector, and are cut once."""

from typing import Any

import pytest
import tiny_models
import torch
from training.made import static

from haechi.models import token_cache, tokenize
from haechi.models.token_cache import TokenCache
from haechi.training.static_learner import Composed, plain

TEXTS = [tiny_models.text_of(*range(start, 90, 7)) for start in range(30)]
PROMPTS = [f"{tiny_models.text_of(3)} ", f"{tiny_models.text_of(5, 8)} "]


def encoded(model: Any, memory: TokenCache, texts: list[str] = TEXTS) -> torch.Tensor:
    with memory.of(model):
        return model.encode(texts, batch_size=8, convert_to_tensor=True)


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts were cut, batch by batch."""
    found: list[int] = []
    read = tokenize.laid_end_to_end
    monkeypatch.setattr(
        tokenize, "laid_end_to_end", lambda words, some, prompt: found.append(len(some)) or read(words, some, prompt)
    )
    return found


@pytest.mark.parametrize("make", [static, lambda: plain(static()), tiny_models.static, tiny_models.transformer])
def test_vectors_are_those_without_a_memory(make: Any) -> None:
    model, memory = make(), TokenCache()
    wanted = model.encode(TEXTS, batch_size=8, convert_to_tensor=True)

    assert torch.equal(encoded(model, memory), wanted)
    assert torch.equal(encoded(model, memory), wanted), "also of what was remembered"
    assert torch.equal(model.encode(TEXTS, batch_size=8, convert_to_tensor=True), wanted)


def test_a_text_is_cut_once_for_all_models_of_one_vocabulary(cuts: list[int]) -> None:
    memory = TokenCache()
    for _ in range(3):
        encoded(tiny_models.static(), memory)

    assert sum(cuts) == len(TEXTS)


def test_models_that_read_otherwise_share_nothing() -> None:
    """A form that learns reads features, the folded one reads pieces, by the same tokenizer."""
    memory, learning = TokenCache(), static()
    folded = plain(learning)
    assert isinstance(learning[0], Composed), "so that there is something to tell apart"
    texts = ["물건을 산 사람", "집을 빌린 사람의 계약"]
    wanted = [model.encode(texts, convert_to_tensor=True) for model in (learning, folded)]

    assert torch.equal(encoded(learning, memory, texts), wanted[0])
    assert torch.equal(encoded(folded, memory, texts), wanted[1])


def test_prompts_are_told_apart() -> None:
    model, memory = tiny_models.static(), TokenCache()
    with memory.of(model):
        one, other = (model.encode(TEXTS, prompt=prompt, convert_to_tensor=True) for prompt in PROMPTS)

    assert not torch.equal(one, other)
    assert torch.equal(other, model.encode(TEXTS, prompt=PROMPTS[1], convert_to_tensor=True))


def test_what_does_not_fit_is_cut_again(cuts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "MOST", 300)
    model, memory = tiny_models.static(), TokenCache()
    wanted = model.encode(TEXTS, batch_size=8, convert_to_tensor=True)
    cuts.clear()

    assert torch.equal(encoded(model, memory), wanted)
    assert torch.equal(encoded(model, memory), wanted)
    assert len(TEXTS) < sum(cuts) < 2 * len(TEXTS), "some fit"
