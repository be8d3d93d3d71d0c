from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.made import VALIDATION, examples, recipe, static, train
from training.test_examples import example

from haechi.models.token_cache import TokenCache
from haechi.retrieval.dense import encode_passages, encode_queries
from haechi.training import refresh
from haechi.training.examples import PADDING, Rows, make_rows
from haechi.training.refresh import excluded_negatives, refreshed


def new_negatives(rows: Rows, model: Any, skip: int = 0) -> Rows:
    return refreshed(model, rows, excluded_negatives(rows), skip, TokenCache())


@pytest.mark.parametrize("skip", [0, 1, 3])
def test_the_nearest_that_is_no_answer_comes_first_after_those_that_are_skipped(skip: int) -> None:
    model, rows = static(), make_rows(examples(), 2)
    found = new_negatives(rows, model, skip)
    near = encode_queries(model, rows.queries) @ encode_passages(model, rows.texts).T

    assert np.array_equal(found.documents[:, 0], rows.documents[:, 0])
    for row in range(len(rows)):
        order = np.argsort(-near[row], kind="stable")
        assert found.documents[row, 1:].tolist() == [n for n in order if n not in rows.allowed_not[row]][skip : skip + 2]
    assert np.isnan(found.teacher[:, 1:]).all()


def test_what_the_mined_file_does_not_show_is_nobodys_negative() -> None:
    """Articles that are kept out of training stand there at most as what may answer, without their text."""
    rows = make_rows([example("q", ["P1"], ["P2"], ["P3"]), example("r", ["P2"], ["P1"], [])], 2)
    found = new_negatives(rows, static())

    assert "P3" in rows.numbers
    assert rows.numbers["P3"] not in found.documents


def test_what_is_cited_beside_an_answer_anywhere_is_no_negative() -> None:
    """Q1 cites P1 and P2, and r asks for P1 alone: P2 may answer r as well."""
    rows = make_rows(
        [example("q", ["P1", "P2"], ["P4"], []), example("r", ["P1"], ["P3"], []), example("s", ["P3"], ["P2"], [])], 3
    )
    found = new_negatives(rows, static())
    number = rows.numbers
    by_query = {query: set(row[row >= 0].tolist()) for query, row in zip(rows.queries, found.documents[:, 1:], strict=True)}

    assert by_query[rows.queries[2]] == {number["P3"], number["P4"]}, "r"
    assert by_query[rows.queries[3]] == {number["P1"], number["P2"], number["P4"]}, "s: nobody cites P3 beside another"
    assert by_query[rows.queries[0]] == {number["P3"], number["P4"]}, "q"


def test_equally_near_passages_come_in_the_order_of_their_numbers() -> None:
    assert refresh._highest(np.array([0.5, 0.9, 0.5, -np.inf, 0.5]), 3).tolist() == [1, 0, 2]
    assert refresh._highest(np.array([0.5, -np.inf]), 2).tolist() == [0]


def test_a_row_with_the_negatives_of_its_batch_alone_stays_so() -> None:
    keeps = [i % 2 == 0 for i in range(len(examples()))]
    found = new_negatives(make_rows(examples(), 2, keeps), static())

    assert [bool((row >= 0).any()) for row in found.documents[:, 1:]] == keeps


def test_answers_alone_leave_padding() -> None:
    found = new_negatives(make_rows([example("q", ["P1", "P2"], [], [])], 1), static())

    assert (found.documents[:, 1:] == PADDING).all()


def test_where_fewer_are_left_than_are_skipped_there_is_none() -> None:
    rows = make_rows([example("q", ["P1"], ["P2"], []), example("r", ["P3"], ["P2"], [])], 1)

    assert (new_negatives(rows, static(), 1).documents[:, 1] >= 0).all()
    assert (new_negatives(rows, static(), 2).documents[:, 1:] == PADDING).all()


@pytest.mark.parametrize(("every", "times"), [(0, 0), (1, 3), (2, 1), (3, 1), (4, 0)])
def test_negatives_are_mined_between_epochs_and_not_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, times: int
) -> None:
    seen = []
    monkeypatch.setattr(refresh, "refreshed", lambda *all: seen.append(1) or refreshed(*all))
    train(static(), examples(), VALIDATION, tmp_path / "run", recipe(epochs=4, refresh_every=every, evaluations=1))

    assert len(seen) == times


def test_memory_that_runs_out_while_mining_anew_is_met_with_fewer_texts_at_once(tmp_path: Path, monkeypatch: Any) -> None:
    tried = []

    def limited(model: Any, texts: Any, batch: int) -> Any:
        tried.append(batch)
        if batch > 8:
            raise torch.OutOfMemoryError
        return encode_passages(model, texts, batch)

    monkeypatch.setattr(refresh, "encode_passages", limited)
    counts = train(static(), examples(), VALIDATION, tmp_path / "run", recipe(epochs=3, refresh_every=1, evaluations=1))

    assert counts["state"] == "finished"
    assert tried == [64, 32, 16, 8, 8], "and it stays so"
