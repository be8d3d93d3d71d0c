from pathlib import Path

import numpy as np
import pytest
from small_law import PASSAGES, passage
from training.made import VALIDATION, examples, recipe, static
from training.test_examples import example

from haechi.retrieval.dense import encode_passages, encode_queries
from haechi.training import refresh
from haechi.training.engine import train
from haechi.training.examples import PADDING, make_rows
from haechi.training.refresh import refreshed


def test_the_nearest_that_is_no_answer_comes_first() -> None:
    model, rows = static(), make_rows(examples(), 2)
    corpus = [*PASSAGES, passage("twin", examples()[0].pos[0])]  # the answer of q0 under another id
    found = refreshed(model, rows, corpus)
    near = encode_queries(model, rows.queries) @ encode_passages(model, [p.text for p in corpus]).T

    assert np.array_equal(found.documents[:, 0], rows.documents[:, 0])
    for row in range(len(rows)):
        answers = {rows.texts[number] for number in rows.allowed_not[row]}
        wanted = [corpus[i].text for i in np.argsort(-near[row], kind="stable") if corpus[i].text not in answers][:2]
        assert [found.texts[number] for number in found.documents[row, 1:]] == wanted
    assert np.isnan(found.teacher[:, 1:]).all()


def test_a_row_with_the_negatives_of_its_batch_alone_stays_so() -> None:
    keeps = [i % 2 == 0 for i in range(len(examples()))]
    found = refreshed(static(), make_rows(examples(), 2, keeps), PASSAGES)

    assert [bool((row >= 0).any()) for row in found.documents[:, 1:]] == keeps


def test_a_corpus_of_answers_leaves_padding() -> None:
    rows = make_rows([example("q", ["P1"], ["P2"], ["P3"])], 1)
    found = refreshed(static(), rows, [passage("P1", "글 P1"), passage("P3", "숲")])

    assert found.documents.tolist() == [[0, PADDING]]


@pytest.mark.parametrize(("every", "times"), [(0, 0), (1, 3), (2, 1), (3, 1), (4, 0)])
def test_negatives_are_mined_between_epochs_and_not_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int, times: int
) -> None:
    seen = []
    monkeypatch.setattr(refresh, "refreshed", lambda model, rows, corpus: seen.append(1) or refreshed(model, rows, corpus))
    train(static(), examples(), VALIDATION, tmp_path / "run", recipe(epochs=4, refresh_every=every, evaluations=1))

    assert len(seen) == times
