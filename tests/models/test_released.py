"""A release says what it was trained on, is the same model whatever lies beside it, and is scored on nothing that it has seen."""

from dataclasses import replace
from pathlib import Path

import pytest

from haechi.models.continued import earlier_training
from haechi.models.load import POINTER, folder_hash
from haechi.models.released import BESIDE, RECORD, SEEN, Released, read_released, refuse_released, seen_query
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import sha256_folder, write_json, write_text

RELEASED = Released("frozen", "twin", "step-000004", 5, 6, 30, 10, 0.2, {"corpus": "x"})


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    write_json(folder / RECORD, RELEASED)
    write_text(folder / SEEN, "".join(f"{seen_query(text)}\n" for text in ("물음 하나", "물음 둘")))
    return folder


def test_the_record_is_read_again_and_other_models_have_none(release: Path) -> None:
    assert read_released(release) == RELEASED
    assert read_released(release.parent) is None


@pytest.mark.parametrize(
    ("testset", "texts", "said"),
    [
        ("frozen", ["다른 물음"], "was trained on the queries of test set frozen"),
        ("newer", ["다른 물음", "물음 하나"], "was trained on 1 queries of test set newer"),
    ],
)
def test_it_is_refused_on_the_test_set_of_its_labels_and_on_another_that_asks_one_of_them(
    release: Path, testset: str, texts: list[str], said: str
) -> None:
    with pytest.raises(HaechiError, match=f"{said}.*take models/encoder, its evaluated twin"):
        refuse_released(["", "multilingual-e5-small", release], testset, texts)


def test_it_may_be_scored_on_what_it_has_not_seen(release: Path) -> None:
    refuse_released([release], "newer", ["다른 물음"])
    refuse_released([release.parent, "multilingual-e5-small"], "frozen", ["물음 하나"])


def test_it_says_what_labels_it_has_had() -> None:
    assert "on 30 pairs, 10 of which" in RELEASED.told()
    assert "questions alone" in replace(RELEASED, pairs=0, more=0).told()


def test_no_training_begins_with_it_that_this_test_set_is_to_judge(release: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "base" / POINTER, {"model": str(release), "max_length": 64})

    with pytest.raises(HaechiError, match="was trained on the queries of test set frozen"):
        earlier_training(tmp_path / "base", "frozen")
    assert not earlier_training(tmp_path / "base", "newer")


def test_a_model_is_named_by_what_decides_its_vectors(tmp_path: Path) -> None:
    write_json(tmp_path / "modules.json", [])
    write_text(tmp_path / "1_Pooling" / "README.md", "a part of the model")
    before = folder_hash(tmp_path)
    assert before == sha256_folder(tmp_path)[:16]

    for name in BESIDE:
        write_text(tmp_path / name, "beside it")
    assert folder_hash(tmp_path) == before

    write_text(tmp_path / "1_Pooling" / "README.md", "another")
    assert folder_hash(tmp_path) != before


def test_a_record_that_lacks_something_is_one_sentence(release: Path) -> None:
    write_json(release / RECORD, {"testset": RELEASED.testset})

    with pytest.raises(HaechiError, match=RECORD):
        read_released(release)
