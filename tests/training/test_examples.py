from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.made import PARAMS

from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.training.examples import PADDING, Rows, choose_examples, keeps_negatives, make_rows, peak_rate

IDS = [f"P{i}" for i in range(9)]


def example(query_id: str, pos: list[str], neg: list[str], related: list[str], source: str = "precedent") -> MinedExample:
    return MinedExample(
        query=f"물음 {query_id}",
        pos=tuple(f"글 {id}" for id in pos),
        neg=tuple(f"글 {id}" for id in neg),
        pos_scores=(0.5,) * len(pos),
        neg_scores=(0.1,) * len(neg),
        query_id=query_id,
        pos_ids=tuple(pos),
        neg_ids=tuple(neg),
        neg_reasons=("bm25",) * len(neg),
        related=tuple(related),
        source=source,
    )


@st.composite
def unequal_examples(draw: st.DrawFn) -> list[MinedExample]:
    """One to three positives, none to four negatives, and passages that answer too; shared between queries."""
    examples = []
    for i in range(draw(st.integers(1, 6))):
        order = draw(st.permutations(IDS))
        pos, neg, related = draw(st.integers(1, 3)), draw(st.integers(0, 4)), draw(st.integers(0, 2))
        examples.append(example(f"q{i}", order[:pos], order[pos : pos + neg], order[pos + neg : pos + neg + related]))
    return examples


@st.composite
def batches(draw: st.DrawFn):
    examples, negatives = draw(unequal_examples()), draw(st.integers(0, 3))
    rows = make_rows(examples, negatives)
    number = len(rows.documents)
    return examples, negatives, rows, draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=8))


def expand(examples: list[MinedExample]) -> list[tuple[MinedExample, str]]:
    return [(e, id) for e in examples for id in e.pos_ids]


def text(rows: Rows, number: int) -> str:
    return "" if number == PADDING else rows.texts[number]


@given(unequal_examples(), st.integers(0, 3))
def test_each_positive_has_a_row_with_its_own_negatives_and_padding_for_the_missing(examples, negatives: int) -> None:
    rows = make_rows(examples, negatives)
    wanted = expand(examples)

    assert len(rows) == len(wanted)
    assert rows.documents.shape == rows.teacher.shape == (len(wanted), 1 + negatives)
    for i, (source, id) in enumerate(wanted):
        assert rows.queries[i] == source.query
        assert rows.sources[i] == source.source
        assert text(rows, rows.documents[i, 0]) == f"글 {id}"
        assert rows.teacher[i, 0] == pytest.approx(0.5)
        for j in range(negatives):
            there = j < len(source.neg)
            assert text(rows, rows.documents[i, 1 + j]) == (source.neg[j] if there else "")
            assert np.isnan(rows.teacher[i, 1 + j]) == (not there)


@given(batches())
def test_the_mask_forbids_padding_and_every_answer_wherever_it_stands_but_never_the_own_positive(batch) -> None:
    """Names instead of numbers: the text of each document says which passage it is."""
    examples, _, rows, labels = batch
    wanted = expand(examples)
    documents = [text(rows, number).removeprefix("글 ") for number in rows.columns(labels)]
    mask = rows.forbidden(labels)

    assert tuple(mask.shape) == (len(labels), len(documents))
    for i, label in enumerate(labels):
        source = wanted[label][0]
        answers = {*source.pos_ids, *source.related}
        for j, document in enumerate(documents):
            own = j == i
            assert bool(mask[i, j]) == (not own and (document == "" or document in answers))


def test_passages_with_one_text_are_one_passage() -> None:
    """P2 says what P1 says: it is no negative of the query that P1 answers, under any id."""
    twins = replace(example("q1", ["P2"], [], []), pos=("글 P1",))
    rows = make_rows([example("q0", ["P1"], [], []), twins], 0)

    assert rows.documents.tolist() == [[0], [0]]
    assert rows.forbidden([0, 1]).tolist() == [[False, True], [True, False]]


def test_what_one_example_says_of_a_query_counts_for_all_examples_of_that_query() -> None:
    same = replace(example("q1", ["P2"], [], ["P4"]), query="물음 q0")
    rows = make_rows([example("q0", ["P1"], [], []), same, example("q2", ["P4"], [], [])], 0)

    assert rows.forbidden([0, 1, 2])[0].tolist() == [False, True, True]


@given(batches())
def test_a_mined_negative_of_the_query_itself_is_never_masked(batch) -> None:
    examples, negatives, rows, labels = batch
    wanted, size = expand(examples), len(labels)
    mask = rows.forbidden(labels)

    for i, label in enumerate(labels):
        for j in range(min(negatives, len(wanted[label][0].neg))):
            assert not mask[i, (1 + j) * size + i]


SHARES = st.sampled_from((0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0))


@given(st.integers(1, 60), st.integers(0, 60), SHARES)
def test_questions_fill_their_share_and_no_more(pairs: int, questions: int, share: float) -> None:
    """Share = q / (p + q), so q = p * share / (1 - share), rounded down; in exact fractions."""
    examples = [example(f"p{i}", ["P1"], [], []) for i in range(pairs)]
    examples += [example(f"x{i}", ["P1"], [], [], "question") for i in range(questions)]
    chosen = choose_examples(examples, replace(PARAMS, question_share=share))
    found = sum(e.source == "question" for e in chosen)
    exact = Fraction(str(share))

    assert len(chosen) - found == pairs
    assert found == (questions if share == 1.0 else min(questions, int(pairs * exact / (1 - exact))))


@given(st.integers(1, 20), st.integers(0, 20), st.integers(1, 50))
def test_max_samples_bounds_all_and_the_seed_decides(pairs: int, questions: int, limit: int) -> None:
    examples = [example(f"p{i}", ["P1"], [], []) for i in range(pairs)]
    examples += [example(f"x{i}", ["P1"], [], [], "question") for i in range(questions)]
    params = replace(PARAMS, question_share=0.5, max_samples=limit)
    chosen, whole = choose_examples(examples, params), choose_examples(examples, replace(params, max_samples=0))

    assert len(chosen) == min(limit, len(whole))
    assert set(chosen) <= set(whole)
    assert chosen == choose_examples(examples, params)
    assert [e for e in whole if e in chosen] == chosen


def test_another_seed_leaves_out_other_questions() -> None:
    examples = [example(f"p{i}", ["P1"], [], []) for i in range(10)]
    examples += [example(f"x{i}", ["P1"], [], [], "question") for i in range(40)]
    drawn = {tuple(e.query_id for e in choose_examples(examples, replace(PARAMS, seed=seed))) for seed in range(5)}

    assert len(drawn) == 5


@pytest.mark.parametrize(
    ("source", "labelled"), [("precedent", True), ("user", True), ("holding", True), ("title", False), ("definition", False)]
)
def test_questions_are_limited_and_learnt_at_the_full_rate_only_beside_queries_that_people_wrote(
    source: str, labelled: bool
) -> None:
    """Titles and definitions are made of the articles themselves."""
    examples = [example(f"p{n}", [f"a{n}"], [], [], source) for n in range(3)]
    examples += [example(f"q{n}", [f"b{n}"], [], [], "question") for n in range(40)]
    params = replace(PARAMS, question_share=0.25, lr=1e-3, unlabelled_lr_factor=0.1)
    chosen = choose_examples(examples, params)

    assert sum(e.source == "question" for e in chosen) == (1 if labelled else 40)
    assert peak_rate(chosen, params) == pytest.approx(1e-3 if labelled else 1e-4)


@given(unequal_examples(), SHARES, SHARES, st.integers(0, 3), st.integers(0, 9))
def test_a_share_of_the_examples_keeps_its_negatives_and_nothing_else_changes(examples, one, other, negatives, seed) -> None:
    """Exactly the share, to the nearest whole, of those that have any; a larger share keeps what a smaller one keeps."""
    less, more = (
        keeps_negatives(examples, replace(PARAMS, hard_negative_ratio=share, seed=seed)) for share in sorted((one, other))
    )
    having = [i for i, e in enumerate(examples) if e.neg]
    kept = sum(less[i] for i in having)
    whole, thinned = make_rows(examples, negatives), make_rows(examples, negatives, less)
    keep = [kept for e, kept in zip(examples, less, strict=True) for _ in e.pos_ids]

    assert abs(kept - min(one, other) * len(having)) <= 0.5 + 1e-9
    assert all(b or not a for a, b in zip(less, more, strict=True))
    assert all(less[i] for i in range(len(examples)) if i not in having)
    assert thinned.hard.tolist() == keep
    assert np.array_equal(thinned.documents[keep], whole.documents[keep])
    assert (thinned.documents[~thinned.hard, 1:] == PADDING).all()
    assert np.isnan(thinned.teacher[~thinned.hard, 1:]).all()
    for field in ("queries", "sources", "texts", "numbers"):
        assert getattr(thinned, field) == getattr(whole, field)
    assert np.array_equal(thinned.documents[:, 0], whole.documents[:, 0])
    assert all(np.array_equal(a, b) for a, b in zip(thinned.allowed_not, whole.allowed_not, strict=True))


def test_which_examples_keep_their_negatives_is_drawn_by_the_seed() -> None:
    examples = [example(f"q{i}", ["P1"], ["P2"], []) for i in range(20)]
    params = replace(PARAMS, hard_negative_ratio=0.4)
    drawn = [keeps_negatives(examples, replace(params, seed=seed)) for seed in range(4)]

    assert drawn[0] == keeps_negatives(examples, replace(params, seed=0))
    assert len(set(map(tuple, drawn))) == 4
    assert [sum(keeps) for keeps in drawn] == [8] * 4


def test_nothing_to_train_on_is_one_sentence() -> None:
    with pytest.raises(HaechiError, match="no training example"):
        choose_examples([], PARAMS)


def test_an_answer_of_one_query_may_be_the_negative_of_another() -> None:
    """P1 answers q0, and is a mined negative of q1: masked for q0 only."""
    rows = make_rows([example("q0", ["P1"], ["P3"], []), example("q1", ["P2"], ["P1"], [])], 1)
    mask = rows.forbidden([0, 1])

    assert np.array_equal(mask.numpy(), [[False, False, False, True], [False, False, False, False]])


def test_the_control_keeps_all_texts_and_leaves_no_query_its_own_answer() -> None:
    examples = [example(f"q{i}", [f"P{i}"], [f"N{i}"], []) for i in range(20)]
    chosen = choose_examples(examples, replace(PARAMS, shuffle_labels=True))
    own = {e.query_id: e.pos_ids for e in examples}

    assert sorted(e.query_id for e in chosen) == sorted(own)
    assert sorted(e.pos_ids for e in chosen) == sorted(own.values())
    assert all(e.pos_ids != own[e.query_id] for e in chosen)
    assert all(e.query == next(x.query for x in examples if x.query_id == e.query_id) for e in chosen)
    assert chosen == choose_examples(examples, replace(PARAMS, shuffle_labels=True))
