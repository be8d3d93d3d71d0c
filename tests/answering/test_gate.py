"""The gate: what it is fitted on, what it says, and that costs decide."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from answering.settings import GATE, TRACK, answer_params
from serving.village import QUESTIONS, opened
from small_law import pair

from haechi.answering.answerer import Answerer
from haechi.answering.fitting import Labelled, by_folds, examples, figures, later
from haechi.answering.gate import ABSENT, TALK, Gate, Seen, is_absent, is_talk, read_gate
from haechi.answering.regression import ANSWERED, QUESTION, Example, fit
from haechi.records.pair import Pair
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_records, write_json

ROWS = list(read_records(TRACK / "data/labelled.jsonl", Labelled))
TALKED = [row for row in ROWS if row.label == TALK][::9]
ASKED = [row for row in ROWS if row.label == QUESTION][::4]
PROBES = {"P1": "김치찌개는 어떻게 끓이나요?", "P2": "비행기 표는 언제 사야 싸나요?"}


def pairs() -> Iterator[Pair]:
    for number, text in enumerate(QUESTIONS):
        yield pair(f"q{number}", text, article_keys=("LAW_000001_제4조",))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("village")
        patch.setenv("DVC_ROOT", str(folder))
        answerer = Answerer(opened(folder), answer_params(), GATE, None)
        return examples(answerer, [*TALKED, *ASKED], PROBES, list(pairs()), GATE)


@pytest.fixture(scope="module")
def gate(found: list[Example]) -> Gate:
    return fit(found, GATE, {"model": "m"})


def test_the_labelled_turns_are_as_many_and_as_various_as_told() -> None:
    assert sum(row.label == TALK for row in ROWS) >= 300
    assert {row.label for row in ROWS} == {TALK, QUESTION}
    assert len({row.eval_id for row in ROWS}) == len(ROWS)
    assert len({row.kind for row in ROWS if row.label == TALK}) >= 8


def test_every_first_turn_comes_once_more_as_a_later_one() -> None:
    alone = [row for row in ROWS if len(row.msg) == 1]
    again = later(ROWS)
    assert len(again) >= len(alone) - 3, "but where a question would follow itself"
    assert all(row.msg[-1].role == "user" and len(row.msg) == 3 for row in again)


def test_a_hidden_answer_makes_a_question_that_the_corpus_can_not_answer(found: list[Example]) -> None:
    by_id = {one.id: one for one in found}
    for number in range(len(QUESTIONS)):
        seen, hidden = (by_id[f"q{number}/{label}"] for label in (ANSWERED, ABSENT))
        assert seen.fold == hidden.fold, "both are in one fold"
        assert seen.seen.marks == hidden.seen.marks
    assert any(by_id[f"q{n}/{ANSWERED}"].seen.signals != by_id[f"q{n}/{ABSENT}"].seen.signals for n in range(len(QUESTIONS)))


def test_talk_it_never_saw_is_told_from_questions_it_never_saw(found: list[Example]) -> None:
    told = figures(found, by_folds(found, GATE, {}), GATE, {row.eval_id: row.kind for row in ROWS})
    assert told["talk_auroc"] > 0.85
    assert told["false_skips"] <= 0.1 * told["questions"]


@pytest.mark.slow
def test_labels_by_lot_teach_nothing(found: list[Example]) -> None:
    """The check can fail: with shuffled labels it is no better than chance."""
    order = np.random.default_rng(3).permutation(len(found))
    shuffled = [replace(one, label=found[i].label) for one, i in zip(found, order, strict=True)]
    told = figures(shuffled, by_folds(shuffled, GATE, {}), GATE, {})
    assert 0.3 < told["talk_auroc"] < 0.7


def test_a_chance_is_between_nothing_and_certainty_and_dearer_silence_is_rarer(found: list[Example], gate: Gate) -> None:
    chances = [gate.chances(one.seen) for one in found]
    assert all(0.0 <= chance <= 1.0 for one in chances for chance in one.values())
    silent = [sum(is_talk(one, replace(GATE, false_skip=cost)) for one in chances) for cost in (0.5, 1.0, 2.0, 8.0)]
    assert silent == sorted(silent, reverse=True)
    refused = [sum(is_absent(one, replace(GATE, false_refusal=cost)) for one in chances) for cost in (0.5, 1.0, 2.0, 8.0)]
    assert refused == sorted(refused, reverse=True)


def test_equal_costs_decide_at_one_half() -> None:
    even = replace(GATE, false_skip=1.0, false_search=1.0)
    assert is_talk({TALK: 0.51, ABSENT: 0.0}, even)
    assert not is_talk({TALK: 0.5, ABSENT: 0.0}, even)


def test_the_same_examples_make_the_same_gate_in_any_order_of_marks(found: list[Example], gate: Gate) -> None:
    again = [replace(one, seen=Seen(frozenset(sorted(one.seen.marks, reverse=True)), one.seen.signals)) for one in found]
    assert fit(again, GATE, {"model": "m"}) == gate


def test_a_gate_is_read_as_it_was_written_and_not_with_another_model(tmp_path: Path, gate: Gate) -> None:
    write_json(tmp_path / "gate.json", gate)
    assert read_gate(tmp_path / "gate.json", "m") == gate
    with pytest.raises(HaechiError, match="fitted with m, and this is n; fit it again"):
        read_gate(tmp_path / "gate.json", "n")
    with pytest.raises(HaechiError, match=r"fit the gate with `dvc repro tracks.answer.dvc\.yaml`"):
        read_gate(tmp_path / "none.json", "m")


def test_labels_of_one_sort_are_a_sentence(found: list[Example]) -> None:
    with pytest.raises(HaechiError, match="labelled turns of both sorts"):
        fit([one for one in found if one.label == TALK], GATE, {})
