"""What a base was trained on before: written beside its weights, found through the pointer, refused where it doesn't fit."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import PASSAGES

from haechi.models.continued import NOTHING, earlier_training, text_hash, write_training
from haechi.models.load import EXAMPLES, POINTER, TRAINED, load_encoder, save_pointer_to_trained
from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_json, write_text

IDS = [p.id for p in PASSAGES]
TEXT = {p.id: p.text for p in PASSAGES}


def example(name: str, pos: list[int], neg: list[int]) -> MinedExample:
    positives, negatives = tuple(IDS[i] for i in pos), tuple(IDS[i] for i in neg)
    return MinedExample(
        query=f"물음 {name}",
        pos=tuple(TEXT[id] for id in positives),
        neg=tuple(TEXT[id] for id in negatives),
        pos_scores=(0.5,) * len(pos),
        neg_scores=tuple(float(i) for i in neg),
        query_id=name,
        pos_ids=positives,
        neg_ids=negatives,
        neg_reasons=tuple(f"r{i}" for i in neg),
        related=(),
        source="question",
    )


def kept(folder: Path, testset: str = "frozen") -> Path:
    """A base that points to a model with its training beside it."""
    model, base = folder / "model", folder / "base"
    write_text(model / "weights", "x")
    write_training(model, testset, (6, 2), [example("q2", [1], []), example("q1", [0], [2, 3])], PASSAGES)
    save_pointer_to_trained(str(model), 64, base)
    return base


def test_what_is_written_is_found_through_the_pointer(tmp_path: Path) -> None:
    found = earlier_training(kept(tmp_path), "frozen")

    assert [e.query_id for e in found.examples] == ["q1", "q2"]
    assert found.passages == {text_hash(p) for p in PASSAGES}
    assert not found.new(PASSAGES)


def test_the_name_is_that_of_all_that_was_learned_in_whatever_order_it_comes(tmp_path: Path) -> None:
    some = [example("q1", [0], [2]), example("q2", [1], [])]
    names = []
    for number, (examples, corpus) in enumerate(
        [(some, PASSAGES), (some[::-1], PASSAGES[::-1]), (some[:1], PASSAGES), (some, PASSAGES[1:])]
    ):
        (tmp_path / str(number)).mkdir()
        names.append(write_training(tmp_path / str(number), "frozen", (6, 2), examples, corpus))

    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_any_other_base_has_no_earlier_training(tmp_path: Path) -> None:
    assert earlier_training(tmp_path, "frozen") is NOTHING
    write_json(tmp_path / POINTER, {"model": "bge-m3", "max_length": 64, "weights": "x"})
    assert earlier_training(tmp_path, "frozen") is NOTHING
    assert NOTHING.new(PASSAGES) == list(PASSAGES)


def test_a_model_that_may_have_seen_the_texts_of_another_test_set_is_refused(tmp_path: Path) -> None:
    base = kept(tmp_path)

    with pytest.raises(HaechiError, match="trained apart from test set frozen, and may have seen the texts of this one, other"):
        earlier_training(base, "other")
    assert earlier_training(base)


@pytest.mark.parametrize("name", [EXAMPLES, TRAINED])
def test_files_that_were_changed_are_refused(tmp_path: Path, name: str) -> None:
    base = kept(tmp_path)
    write_text(tmp_path / "model" / name, "{}\n")

    with pytest.raises(HaechiError, match="dvc checkout"):
        earlier_training(base, "frozen")


def test_other_weights_are_refused_by_who_loads_them_and_looked_at_by_nobody_else(tmp_path: Path) -> None:
    base = kept(tmp_path)
    write_text(tmp_path / "model" / "weights", "y")

    assert earlier_training(base, "frozen")
    with pytest.raises(HaechiError, match="weights: not the file that"):
        load_encoder(base)


@given(st.sets(st.integers(0, len(IDS) - 1)), st.sets(st.integers(0, len(IDS) - 1)))
def test_an_example_stays_true_with_its_positives_and_loses_the_negatives_that_went(gone: set[int], changed: set[int]) -> None:
    corpus = [replace(p, text=f"{p.text}!") if i in changed else p for i, p in enumerate(PASSAGES) if i not in gone]
    lost = gone | changed
    asked = {"q1": ([0], [2, 3]), "q2": ([1, 4], [0]), "q3": ([5], [])}
    earlier = replace(NOTHING, examples=tuple(example(name, *both) for name, both in asked.items()), passages=frozenset({"x"}))

    assert earlier.still_true(corpus) == [
        example(name, pos, [i for i in neg if i not in lost]) for name, (pos, neg) in asked.items() if not lost & set(pos)
    ]


def test_changed_texts_are_new_and_moved_ones_are_not() -> None:
    earlier = replace(NOTHING, passages=frozenset(map(text_hash, PASSAGES)))
    first, second, *rest = PASSAGES

    assert earlier.new([replace(first, text="다른 글"), replace(second, id="elsewhere"), *rest]) == [
        replace(first, text="다른 글")
    ]
