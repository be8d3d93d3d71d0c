"""What the reader gives is what the library's `preprocess` gives, for texts and pairs of every kind."""

import random
from typing import Any

import pytest
import tiny_models
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import WORDS
from tokenizers import Encoding, Tokenizer

from haechi.models import tokenize
from haechi.models.tokenize import Reader

texts = st.lists(st.sampled_from([*WORDS, "낯선말"]), max_size=150).map(" ".join)
pairs = st.lists(st.tuples(texts, texts), min_size=1, max_size=8)


def the_same(one, other) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[key], other[key]) if isinstance(one[key], torch.Tensor) else one[key] == other[key] for key in one
    )


@settings(max_examples=100, deadline=None)
@given(pairs, st.booleans())
def test_pairs_are_read_as_the_library_reads_them(some: list[tuple[str, str]], short: bool) -> None:
    model = tiny_models.cross_encoder()
    model.max_seq_length = 20 if short else 100
    read, like = Reader(model), model.preprocess(some[:1])

    assert the_same(read._pairs(some, like), model.preprocess(some)), "with no help from the library"
    assert the_same(read(some[::-1]), model.preprocess(some[::-1])), "also of what it remembers"


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("cut", ["left", "right"])
def test_pairs_are_padded_and_cut_on_the_side_of_the_tokenizer(side: str, cut: str) -> None:
    model = tiny_models.cross_encoder()
    model.tokenizer.padding_side, model.tokenizer.truncation_side = side, cut
    some = [(tiny_models.text_of(1, 2), tiny_models.text_of(*range(7))), (tiny_models.text_of(*range(70)),) * 2]
    some += [(tiny_models.text_of(4), tiny_models.text_of(5, 6))]

    assert the_same(Reader(model)._pairs(some, model.preprocess(some[:1])), model.preprocess(some))


@pytest.mark.parametrize("prompt", [None, "query: "])
def test_a_static_table_reads_as_the_library_reads(prompt: str | None) -> None:
    model = tiny_models.static()
    some = [tiny_models.text_of(1), "", tiny_models.text_of(*range(90))]

    assert the_same(Reader(model)(some, prompt=prompt), model.preprocess(some, prompt=prompt))


class Counting:
    """A tokenizer that notes which texts it cuts."""

    def __init__(self, words: Tokenizer, cut: list[str]) -> None:
        self._words, self._cut = words, cut

    def encode_batch_fast(self, texts: list[str], **options: Any) -> list[Encoding]:
        self._cut.extend(texts)
        return self._words.encode_batch_fast(texts, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._words, name)


def test_marks_within_a_text_are_read_as_the_tokenizer_is_set() -> None:
    model = tiny_models.cross_encoder()
    model.tokenizer.split_special_tokens = True
    some = [(WORDS[0], WORDS[1]), (f"{WORDS[0]}[SEP]{WORDS[2]}", WORDS[1]), (WORDS[0], WORDS[3])]

    assert the_same(Reader(model)(some), model.preprocess(some))


def test_a_long_pair_in_the_middle_is_cut_as_the_library_cuts() -> None:
    model = tiny_models.cross_encoder()
    long = tiny_models.text_of(*range(90))
    some = [(WORDS[0], WORDS[1]), (long, long), (WORDS[0], WORDS[3])]
    preprocess = model.preprocess

    def only_second(inputs: list[tuple[str, str]], **options: Any) -> dict[str, Any]:
        return preprocess(inputs, processing_kwargs={"text": {"truncation": "longest_first", "max_length": 50}}, **options)

    model.preprocess = only_second
    assert the_same(Reader(model)(some), only_second(some))


def test_nothing_is_read_as_nothing() -> None:
    assert Reader(tiny_models.cross_encoder())([]) == Reader(tiny_models.static())([]) == {}


def test_a_text_is_cut_into_tokens_once_however_many_pairs_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_models.cross_encoder()
    read = Reader(model)
    library: list[int] = []
    cut: list[str] = []
    words = read._words()
    monkeypatch.setattr(read, "_words", lambda: Counting(words, cut))
    preprocess = model.preprocess
    monkeypatch.setattr(model, "preprocess", lambda some, **options: library.append(len(some)) or preprocess(some, **options))
    asked = [(tiny_models.text_of(a), tiny_models.text_of(b, b)) for a in range(5) for b in range(5)]
    read(asked)
    read(asked[::2])

    assert library == [2, 2], "the library reads two pairs a call, for comparison"
    assert len(cut) == len(set(cut)) == 10


def test_what_is_remembered_has_a_bound_and_is_right_beyond_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenize, "KEPT", 12)
    model = tiny_models.cross_encoder()
    read = Reader(model)
    rng = random.Random(3)  # noqa: S311  (no secret)
    for _ in range(20):
        some = [tuple(tiny_models.text_of(rng.randrange(14), rng.randrange(14)) for _ in "ab") for _ in range(4)]
        assert the_same(read(some), model.preprocess(some))
        assert len(read._known) <= 12


def test_a_model_that_reads_pairs_in_its_own_way_is_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_models.cross_encoder()
    preprocess = model.preprocess

    def with_an_instruction(some, **options):
        return preprocess([(f"{WORDS[3]} {query}", passage) for query, passage in some], **options)

    monkeypatch.setattr(model, "preprocess", with_an_instruction)
    some = [(tiny_models.text_of(1), tiny_models.text_of(2)), (tiny_models.text_of(4), tiny_models.text_of(5, 6))] * 2

    assert the_same(Reader(model)(some), with_an_instruction(some))
