"""The static base: pieces from Kiwi's analysis, their features, where their vectors start, and the folded table."""

import dataclasses
import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as sparse_random

from haechi.runtime.files import sha256_folder
from haechi.static_model.build import PAD, UNKNOWN, compose, latent, widest
from haechi.static_model.composition import Composition, fold, incidence, load_composition
from haechi.static_model.make_base import make_base
from haechi.static_model.params import ModelParams
from haechi.static_model.vocabulary import OWN, WORD_START, count, phrases, units, vocabulary

TEXTS = [
    "손해배상의 범위를 정하는 기준",
    "손해배상의 범위와 위자료를 청구하였다",
    "위자료를 청구한 사람이 계약을 해제했다",
    "계약을 해제하고 대금을 반환하여야 한다",
    "대금의 반환을 청구하는 소송",
]
PARAMS = ModelParams("static", 64, 7, 1000, 2, 3, 8, 0.1)


def test_pieces_share_a_feature_where_they_share_a_word() -> None:
    pieces = {piece.text: piece for piece in vocabulary(count(TEXTS, 3), 1000, 2)}

    assert pieces["배상의▁범위"].uses == 2
    assert set(pieces["배상의▁범위"].means) == {"배상", "범위", "배상 범위"}
    assert "범위" in pieces["▁범위"].means
    assert pieces["를"].means == ()


def test_a_phrase_of_three_words_means_both_pairs_of_neighbours() -> None:
    """Pieces don't overlap: read as two words and one, one of the pairs would be lost."""
    text = ["손해 배상의 범위를 정한다"] * 2
    pieces = {piece.text: piece for piece in vocabulary(count(text, 3), 1000, 2)}

    assert set(pieces["▁손해▁배상의▁범위"].means) == {"손해", "배상", "범위", "손해 배상", "배상 범위"}
    assert "▁손해▁배상의▁범위" not in {piece.text for piece in vocabulary(count(text, 2), 1000, 2)}


@given(st.lists(st.sampled_from(["NNG", "JKO", "SF", "NNP"]), max_size=9))
def test_longer_phrases_come_beside_the_shorter_ones(tags: list[str]) -> None:
    """And each is one of those with the next word, if nothing bars it."""
    text = "가" * len(tags)
    found = units(text, [SimpleNamespace(form=f"m{i}", tag=tag, start=i, len=1) for i, tag in enumerate(tags)])
    of = {words: list(phrases(text, found, words)) for words in (1, 2, 3)}

    assert of[1] == []
    assert [one for one in of[3] if sum(" " in m for m in one[1]) == 1] == of[2]
    for _, means in of[3]:
        words = [m for m in means if " " not in m]
        assert list(means) == words + [f"{a} {b}" for a, b in itertools.pairwise(words)]


def test_a_piece_of_many_uses_has_a_feature_of_its_own() -> None:
    often = {piece.text: piece for piece in vocabulary(count(["계약의 해제"] * OWN, 3), 1000, 2)}

    assert often["의"].means == ("=의",)
    assert set(often["▁계약의▁해제"].means) == {"계약", "해제", "계약 해제", "=▁계약의▁해제"}
    assert set(often["▁계약"].means) == {"계약", "=▁계약"}


def test_without_phrases_no_piece_goes_across_a_space() -> None:
    assert not [piece.text for piece in vocabulary(count(TEXTS, 3), 1000, 0) if WORD_START in piece.text[1:]]


def test_english_words_share_a_feature_whatever_their_case_and_ending() -> None:
    texts = ["Wells are checked.", "A well was checked", "CHECKING the WELL"]
    pieces = {piece.text: piece for piece in vocabulary(count(texts, 3), 1000, 0)}

    assert pieces["▁wells"].means == pieces["▁well"].means == ("well",)
    assert pieces["▁checked"].means == pieces["▁checking"].means == ("check",)
    assert pieces["▁well"].uses == 2
    assert not [name for name in pieces if name != name.lower()]


LATIN, _ = compose(["ABCDÉİΣabcdéßσς 가나다", "Well wells"], PARAMS)


@given(st.text("ABcdÉéİßΣ 가나\n", max_size=30))
def test_case_changes_nothing_that_is_read(text: str) -> None:
    read = LATIN.encode(text, add_special_tokens=False)
    assert read.ids == LATIN.encode("".join(c.lower() for c in text), add_special_tokens=False).ids
    assert UNKNOWN not in read.tokens


def test_the_vocabulary_is_cut_from_the_rare_end_and_never_loses_a_character() -> None:
    counts = count(TEXTS, 3)
    whole, cut = vocabulary(counts, 1000, 2), vocabulary(counts, 1, 2)

    assert {piece.text for piece in cut} == {c for text in TEXTS for c in text if not c.isspace()} | {WORD_START}
    assert whole[: len(cut)] == cut


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3), st.sampled_from(["NNG", "JKO", "EF", "SF"])), max_size=8))
def test_units_are_disjoint_and_keep_every_meaning(spans: list[tuple[int, int, str]]) -> None:
    """Whatever an analyser says of a text, overlapping morphemes included."""
    text = "계약을 해제했다. 그리고"
    morphemes = [SimpleNamespace(form=f"m{i}", tag=tag, start=s, len=n) for i, (s, n, tag) in enumerate(sorted(spans))]

    found = units(text, morphemes)

    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
    assert all(unit.surface == text[unit.start : unit.end] for unit in found)
    kept = [means for unit in found for means in unit.means]
    long = [m.form for m in morphemes if m.tag == "NNG" and m.len]
    assert [form for form in kept if form in long] == long


def test_no_phrase_goes_across_a_full_stop_or_a_line() -> None:
    text = "계약. 해제\n청구"
    named = [
        SimpleNamespace(form=w, tag="SF" if w == "." else "NNG", start=text.index(w), len=len(w))
        for w in ["계약", ".", "해제", "청구"]
    ]

    assert list(phrases(text, units(text, named), 3)) == []


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=4, unique=True), min_size=1, max_size=9), st.integers(0, 2**16))
def test_the_folded_table_is_the_product_of_pieces_by_features_and_features_by_vectors(means: list[list[str]], seed: int) -> None:
    starts, features, names = incidence(means)
    rng = np.random.default_rng(seed)
    weights, vectors = rng.random(len(names)).astype(np.float32), rng.standard_normal((len(names), 3)).astype(np.float32)

    wanted = np.zeros((len(means), 3))
    for row, those in enumerate(means):
        for name in those:
            wanted[row] += weights[names.index(name)].astype(float) * vectors[names.index(name)]
    np.testing.assert_allclose(fold(starts, features, weights, vectors), wanted, rtol=1e-5, atol=1e-6)


@settings(max_examples=20)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 2**16))
def test_the_widest_directions_are_scikit_learn_s_to_the_bit(rows: int, columns: int, seed: int) -> None:
    from sklearn.utils.extmath import randomized_svd

    table = sparse_random(rows, columns, 0.3, "csr", random_state=seed) + csr_matrix(np.eye(rows, columns))
    rank = min(8, rows, columns)
    strengths, directions = widest(table.tocsr(), rank, seed)
    _, wanted, theirs = randomized_svd(table.tocsr(), rank, n_iter=3, random_state=seed)

    assert strengths.tobytes() == wanted.tobytes()
    assert np.array_equal(directions, theirs)


def test_every_text_of_known_characters_is_read_without_an_unknown_piece() -> None:
    words, _ = compose(TEXTS, PARAMS)

    for text in [*TEXTS, "범위손해 제해약계", " 위 자 료 "]:
        tokens = words.encode(text, add_special_tokens=False).tokens
        assert not {PAD, UNKNOWN} & set(tokens)
        assert "".join(tokens).replace(WORD_START, " ").split() == text.split()
    assert words.encode("손해배상의 범위").tokens == ["▁손해배상의▁범위"]


def test_words_of_the_same_texts_start_out_alike_and_unused_ones_somewhere() -> None:
    counts = csr_matrix(np.array([[1, 1, 0, 0, 0], [2, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 3, 0]], dtype=float))

    near = latent(counts, 2, 7) @ latent(counts, 2, 7).T

    assert near[0, 1] > 0.99
    assert near[2, 3] > 0.99
    assert abs(near[0, 2]) < 0.1
    np.testing.assert_allclose(np.diag(near), 1.0, rtol=1e-5)


def test_more_dimensions_than_words_do_no_harm() -> None:
    assert latent(csr_matrix(np.ones((2, 3))), 64, 7).shape == (3, 64)


@pytest.mark.slow
def test_the_same_texts_give_the_same_bytes_and_what_lies_beside_the_model_folds_into_it(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    first, second = tmp_path / "first", tmp_path / "second"
    assert make_base(TEXTS, PARAMS, first) == make_base(TEXTS, PARAMS, second)

    assert sha256_folder(first) == sha256_folder(second)
    found = load_composition(first)
    assert found is not None
    assert np.array_equal(found.table(), load_file(first / "model.safetensors")["embedding.weight"])
    made = compose(TEXTS, PARAMS)[1]
    assert all(np.array_equal(value, getattr(found, name)) for name, value in vars(made).items())


@pytest.mark.usefixtures("without_torch")
def test_the_base_is_built_and_saved_without_torch(tmp_path: Path) -> None:
    assert make_base(TEXTS, PARAMS, tmp_path / "base")["dim"] == PARAMS.dim


def test_texts_that_a_transformer_may_not_read_to_their_end_are_counted(tmp_path: Path) -> None:
    """Those that fill its length are among them: what it cut can't be told from what just fits."""
    from tiny_models import text_of, transformer

    transformer().save(str(tmp_path / "bert"))
    texts = [text_of(*range(size)) for size in (1, 4, 5, 6, 200)]  # and a prompt of one, and two marks
    facts = make_base(texts, dataclasses.replace(PARAMS, base=str(tmp_path / "bert"), max_length=8), tmp_path / "base")
    assert (facts["reads"], facts["filled"]) == (8, 3)


def test_a_folder_without_a_composition_has_none(tmp_path: Path) -> None:
    assert load_composition(tmp_path) is None


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_scale_is_the_size_of_the_vectors_and_changes_no_direction(scale: float) -> None:
    def vectors(params: ModelParams) -> np.ndarray:
        found: Composition = compose(TEXTS, params)[1]
        return found.vectors

    scaled = vectors(dataclasses.replace(PARAMS, scale=scale))

    np.testing.assert_allclose(scaled, vectors(PARAMS) * (scale / PARAMS.scale), rtol=1e-4, atol=1e-7)
    assert np.sqrt(np.mean(scaled**2)) == pytest.approx(scale, rel=1e-3)
