from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mining.cases import PARAMS, Case, cases, mined
from mining.plain import plain_fates

from haechi.mining.candidates import bare
from haechi.mining.filters import CODE, FATES, KNOWLEDGE, apply_filters, below_margin, below_ranks, rank_in_query
from haechi.mining.sample import MEANINGS

RACING = {"", "chosen", "spare", "overused"}


def fates_of(case: Case, **changes) -> dict[tuple[str, str], str]:
    found = mined(case, **changes)
    passages = sorted(p.id for p in case.passages)
    rows = zip(found.candidates.query, found.candidates.passage, found.candidates.found_by, found.fates, strict=True)
    return {(found.queries[q].id, passages[p]): FATES[fate] for q, p, ways, fate in rows if ways}


@given(
    cases(),
    st.sampled_from((0.3, 0.9, 2.0)),
    st.sampled_from((0, 1, 3)),
    st.sampled_from(((0.95, 0.0), (0.5, 0.0), (9.0, 0.2), (0.95, 0.3))),
)
def test_every_fate_is_that_of_the_plain_reading(case: Case, near: float, skip: int, margins: tuple[float, float]) -> None:
    changes = {"near_duplicate": near, "skip_top": skip, "margin": margins[0], "absolute_margin": margins[1]}
    expected = plain_fates(case, replace(PARAMS, **changes))
    found = fates_of(case, **changes)

    assert set(found) == set(expected)
    for pair, fate in expected.items():
        assert found[pair] in RACING if fate == "" else found[pair] == fate, pair


def table(scores: list[float], queries: list[int] | None = None):
    made = bare(np.arange(len(scores), dtype=np.int64), max(1, len(scores)), 1)
    made.query[:] = queries or [0] * len(scores)
    made.score[:] = scores
    return made


@pytest.mark.parametrize(
    ("lowest", "score", "share", "distance", "stays"),
    [
        (0.8, 0.759, 0.95, 0.0, True),
        (0.8, 0.761, 0.95, 0.0, False),
        (0.0, 0.9, 0.95, 0.0, True),
        (-0.2, -0.1, 0.95, 0.0, True),
        (-0.2, -0.25, 0.95, 0.1, False),
        (-0.2, -0.31, 0.95, 0.1, True),
        (0.8, 0.65, 0.95, 0.1, True),
        (0.8, 0.71, 0.95, 0.1, False),
        (0.8, float("nan"), 0.95, 0.1, False),
    ],
)
def test_the_margin_is_a_share_and_a_distance_and_the_share_says_nothing_below_zero(
    lowest: float, score: float, share: float, distance: float, stays: bool
) -> None:
    keep = below_margin(np.array([lowest], dtype=np.float32), share, distance)

    assert keep(table([score])).tolist() == [stays]


def test_skipping_looks_at_both_lists_and_a_missing_rank_is_no_rank() -> None:
    made = table([0.0] * 5)
    made.bm25_rank[:] = [1, 3, 0, 0, 9]
    made.dense_rank[:] = [0, 2, 1, 0, 9]

    assert below_ranks(2)(made).tolist() == [False, False, False, True, True]
    assert below_ranks(0)(made).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from((0.1, 0.5, 0.9))), max_size=12))
def test_ranks_count_within_a_query_best_first_ties_by_passage(rows: list[tuple[int, float]]) -> None:
    rows.sort(key=lambda row: row[0])
    made = table([score for _, score in rows], [query for query, _ in rows])
    order = sorted(range(len(rows)), key=lambda i: (rows[i][0], -rows[i][1], i))
    firsts = {query: sum(other < query for other, _ in rows) for query, _ in rows}

    assert [rank_in_query(made)[i] for i in order] == [place - firsts[rows[i][0]] for place, i in enumerate(order)]


def test_the_first_filter_gets_the_blame_and_the_others_never_see_the_candidate() -> None:
    seen: list[int] = []

    def second(c):
        seen.append(len(c))
        return np.zeros(len(c), dtype=bool)

    filters = [("twin", lambda c: c.passage != 0), ("cocited", second)]
    fates = apply_filters(table([0.1, 0.2, 0.3]), np.array([0, 0, CODE["reserved"]], dtype=np.uint8), filters)

    assert [FATES[code] for code in fates] == ["twin", "cocited", "reserved"]
    assert seen == [1]


def test_every_fate_has_a_meaning() -> None:
    assert set(MEANINGS) == {name for name in FATES if name}
    assert set(KNOWLEDGE) < set(MEANINGS)
