"""Tokens are the content words of a text, made once, the same from the store as from Kiwi."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import words

from haechi.inference import cached_tokens as module
from haechi.inference.cached_tokens import Tokens
from haechi.rowstore.namespaces import TOKENS
from haechi.rowstore.store import open_store
from haechi.text.morphemes import CONTENT, kiwi, tokenize, versions


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("우물을 고친 사람은 비용을 청구할 수 있다", ["우물", "고치", "사람", "비용", "청구", "수", "있"]),
        ("ＤＮＡ와 DNA와 dna", ["dna", "dna", "dna"]),
        ("不法行爲의 \uf914", ["不法行爲", "樂"]),
        ("제28조", ["28", "조"]),
        ("Running wells, a Running Well", ["run", "well", "a", "run", "well"]),
        ("APIs를 호출하는 API", ["api", "호출", "api"]),
        ("", []),
    ],
)
def test_content_words_stay_latin_and_hanja_are_plain_and_english_is_stemmed(text: str, wanted: list[str]) -> None:
    assert tokenize([text]) == [wanted]


KOREAN = "나무를 우물에 옮기는 사람은 제3조에 따라 民法의 절차를 밟아야 합니다"


@given(st.lists(st.sampled_from(KOREAN.split()), max_size=8).map(" ".join))
def test_korean_words_are_what_kiwi_says(text: str) -> None:
    """Without Latin no rule of ours touches a form."""
    said = [m.form for m in kiwi().tokenize(text) if m.tag.partition("-")[0] in CONTENT]

    assert tokenize([text]) == [said]


def test_rows_of_another_rule_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        Tokens(store).of(["wells"])
        for name in versions():
            monkeypatch.setattr(module, "versions", lambda name=name: {**versions(), name: "another"})
            Tokens(store).of(["wells"])

        assert store.count(TOKENS) == 1 + len(versions())


@settings(max_examples=10)
@given(st.lists(words(0, 5).map(" ".join), max_size=6), st.randoms(use_true_random=False))
def test_stored_tokens_are_those_of_kiwi_in_any_order(texts: list[str], random) -> None:
    order = random.sample(range(len(texts)), len(texts))
    with TemporaryDirectory() as folder, open_store(Path(folder) / "rows.sqlite") as store:
        assert Tokens(store).of(texts) == tokenize(texts)
        assert Tokens(store).of([texts[i] for i in order]) == tokenize([texts[i] for i in order])
        assert store.count(TOKENS) == len(set(texts))


def test_a_text_is_analysed_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(module, "tokenize", lambda texts, words: asked.extend(texts) or [[text] for text in texts])
    with open_store(tmp_path / "rows.sqlite") as store:
        Tokens(store).of(["나무", "우물", "나무"])
    with open_store(tmp_path / "rows.sqlite") as store:
        assert Tokens(store).of(["다리", "나무"]) == [["다리"], ["나무"]]

    assert asked == ["나무", "우물", "다리"]


@pytest.mark.slow
def test_words_of_a_dictionary_stay_whole_and_have_rows_of_their_own(tmp_path: Path) -> None:
    with open_store(tmp_path / "rows.sqlite") as store:
        plain = Tokens(store).of(["부동산등기법에 따른 등기"])
        whole = Tokens(store, ["부동산등기법"]).of(["부동산등기법에 따른 등기"])
        assert store.count(TOKENS) == 2

    assert "부동산등기법" in whole[0]
    assert "부동산등기법" not in plain[0]
