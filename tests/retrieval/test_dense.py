import tracemalloc

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.retrieval import dense
from haechi.retrieval.dense import QUERIES, cosines, encode_passages, encode_queries, search
from haechi.runtime.errors import HaechiError


def vectors(seed: int, rows: int, dim: int = 16) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def ids(number: int) -> list[str]:
    return [f"p{i:04d}" for i in range(number)]


@given(st.integers(0, 99), st.integers(1, 9), st.integers(1, 40), st.integers(1, 50))
def test_search_equals_faiss_and_a_plain_sort(seed: int, queries: int, passages: int, k: int) -> None:
    q, p = vectors(seed, queries), vectors(seed + 1, passages)
    index = faiss.IndexFlatIP(q.shape[1])
    index.add(p)
    _, columns = index.search(q, min(k, passages))
    run = search(ids(queries), q, ids(passages), p, k)

    for row, query_id in enumerate(ids(queries)):
        assert [s.id for s in run[query_id]] == [f"p{c:04d}" for c in columns[row]]
        assert [s.id for s in run[query_id]] == [f"p{c:04d}" for c in np.argsort(-(p @ q[row]))[:k]]


@given(st.integers(0, 99), st.integers(2, 30), st.integers(0, 20), st.randoms(use_true_random=False))
def test_equal_passages_are_ranked_by_id_also_at_the_cut(seed: int, passages: int, k: int, random) -> None:
    """Whole numbers, so that equal products are equal to the last bit."""
    rng = np.random.default_rng(seed)
    q, p = rng.integers(-1, 2, (1, 3)).astype(np.float32), rng.integers(-1, 2, (passages, 3)).astype(np.float32)
    wanted = sorted(range(passages), key=lambda i: (-float(p[i] @ q[0]), ids(passages)[i]))[:k]
    order = random.sample(range(passages), passages)
    run = search(["q"], q, [ids(passages)[i] for i in order], p[order], k)

    assert [s.id for s in run["q"]] == [ids(passages)[i] for i in wanted]


def test_a_query_beyond_the_border_of_a_block_finds_what_it_finds_alone() -> None:
    q, p = vectors(1, QUERIES + 1), vectors(2, 50)
    run = search(ids(QUERIES + 1), q, ids(50), p, 7)

    assert len(run) == QUERIES + 1
    for row in (0, QUERIES - 1, QUERIES):
        alone = search([f"p{row:04d}"], q[row : row + 1], ids(50), p, 7)[f"p{row:04d}"]
        assert [s.id for s in run[f"p{row:04d}"]] == [s.id for s in alone]
        assert [s.score for s in run[f"p{row:04d}"]] == pytest.approx([s.score for s in alone], abs=1e-6)


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    q, p = vectors(3, 6), vectors(4, 20)
    p[11] = p[4]  # twins, in other blocks
    whole = search(ids(6), q, ids(20), p, 5)
    for name in ("QUERIES", "PASSAGES", "PAIRS"):
        monkeypatch.setattr(dense, name, block)
    cut = search(ids(6), q, ids(20), p, 5)

    assert {i: cut[i] for i in cut} == {i: whole[i] for i in whole}


@given(st.integers(0, 99), st.integers(1, 60), st.integers(1, 9))
def test_a_cosine_is_the_same_whatever_stands_beside_it(seed: int, pairs: int, block: int) -> None:
    q, p, rng = vectors(seed, 5), vectors(seed + 1, 8), np.random.default_rng(seed)
    owner, rows = rng.integers(0, 5, pairs), rng.integers(0, 8, pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "PAIRS", block)
        found = cosines(q, p, owner, rows)

    alone = [cosines(q, p, owner[i : i + 1], rows[i : i + 1])[0] for i in range(pairs)]
    assert found.tolist() == alone
    assert found.tolist() == pytest.approx(
        [float(q[o].astype(float) @ p[r].astype(float)) for o, r in zip(owner, rows, strict=True)]
    )


def test_a_search_never_copies_the_passages() -> None:
    """A copy for each block of queries once took a third of the time at a million passages."""
    q, p = vectors(1, 3, 512), vectors(2, 20_000, 512)
    names = ids(len(p))
    tracemalloc.start()
    search(ids(3), q, names, p, 5)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert most < p.nbytes / 4


class Encoder:
    """Gives back what it was made of; knows queries from documents."""

    def __init__(self, value: float) -> None:
        self.value = value

    def encode_query(self, texts, **_):
        return np.full((len(texts), 2), self.value, dtype=np.float32)

    def encode_document(self, texts, **_):
        return np.full((len(texts), 2), -self.value, dtype=np.float32)


def test_queries_and_passages_go_through_their_own_prompts_and_come_out_as_unit_vectors() -> None:
    assert encode_queries(Encoder(3.0), ["a"])[0] == pytest.approx([0.5**0.5] * 2)
    assert encode_passages(Encoder(3.0), ["a"])[0] == pytest.approx([-(0.5**0.5)] * 2)
    assert not encode_queries(Encoder(0.0), ["a"]).any()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_vectors_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(HaechiError, match="not finite"):
        encode_queries(Encoder(value), ["a"])
