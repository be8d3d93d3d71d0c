from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from mining.cases import Case, cases, corpus, mined

from haechi.cli.main import main
from haechi.mining.audit import read_queries, read_query, write_audit
from haechi.mining.filters import FATES
from haechi.mining.mine import Advice
from haechi.mining.relevance import Corpus, Query
from haechi.mining.sample import SIZE, sample
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import write_jsonl


@settings(max_examples=15)
@given(case=cases())
def test_the_audit_explains_every_example(case: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("audit")
    found = mined(case, too_few="random", max_uses=2)
    write_audit(folder, {"train": found}, Corpus(case.passages, case.reserved))

    assert [q.query_id for q in read_queries(folder)] == [q.id for q in found.queries]
    for example in found.examples:
        query, candidates = read_query(folder, example.query_id)
        by_fate: dict[str, list] = {}
        for candidate in candidates:
            by_fate.setdefault(candidate.fate, []).append(candidate)
        assert query.query == example.query
        assert query.positives == example.pos_ids
        assert query.lowest_positive == pytest.approx(min(example.pos_scores), abs=1e-6)
        assert {c.passage_id for c in by_fate.get("chosen", [])} == set(example.neg_ids)
        assert {c.passage_id for c in by_fate["positive"]} == set(example.pos_ids)
        assert query.chosen == len(example.neg_ids)
        score = {c.passage_id: c.dense for c in candidates}
        assert [score[id] for id in example.neg_ids] == pytest.approx(list(example.neg_scores), abs=1e-6)
        dense = [c.dense for c in candidates]
        assert dense == sorted(dense, reverse=True)
        assert all(c.reranked is None for c in candidates)
        assert all((c.bm25_rank is None) == (c.bm25 is None) == ("bm25" not in c.found_by) for c in candidates)
    total = Counter(FATES[f] for f in found.fates)
    rows = [c.fate for q in found.queries for c in read_query(folder, q.id)[1]]
    assert Counter(rows) == total


def test_the_same_audit_has_the_same_bytes(tmp_path: Path) -> None:
    case = Case(corpus(12), [Query(f"q{i}", "물음", (f"P{i:02d}",), (), frozenset(), "title") for i in range(5)], frozenset(), 2)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_audit(tmp_path / name, {"train": mined(case), "valid": mined(case)}, Corpus(case.passages, frozenset()))

    for file in ("queries.jsonl", "candidates.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_scores_of_a_reranker_stand_beside_cosines_and_only_where_it_was_asked(tmp_path: Path) -> None:
    case = Case(corpus(12), [Query("q0", "물음", ("P00",), (), frozenset(), "title")], frozenset({"A3"}), 2)
    advice = Advice(scorer=lambda pairs: np.array([0.9 if "머리 0\n" in text else 0.5 for _, text in pairs]))
    write_audit(tmp_path, {"train": mined(case, advice)}, Corpus(case.passages, case.reserved))
    query, candidates = read_query(tmp_path, "q0")

    assert query.lowest_positive == pytest.approx(0.9)
    for candidate in candidates:
        known = candidate.fate in ("reserved", "same_article", "other_version")
        assert candidate.reranked == (None if known else pytest.approx(0.9 if candidate.passage_id == "P00" else 0.5))
    assert "reserved" in {c.fate for c in candidates}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the mine stage leaves it: three queries, of which the first can't find its positive."""
    queries = [Query(f"q{i}", f"물음 {i}번", (f"P{i:02d}",), (), frozenset({"A3"}), "title") for i in range(3)]
    case = Case(corpus(30), queries, frozenset({"A4"}), 2)
    found = mined(case, bm25_top=3, dense_top=3)
    (tmp_path / "data/mined/audit").mkdir(parents=True)
    write_audit(tmp_path / "data/mined/audit", {"train": found}, Corpus(case.passages, case.reserved))
    write_jsonl(tmp_path / "data/processed/merged_corpus.jsonl", case.passages)
    for name in ("dvc.yaml", "params.yaml"):  # what makes a folder a project
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_show_prints_every_candidate_with_ranks_scores_and_fate(project: Path) -> None:
    shown = CliRunner().invoke(main, ["mined", "show", "q1"], catch_exceptions=False).output
    query, candidates = read_query(project / "data/mined/audit", "q1")

    assert "물음 1번" in shown
    assert f"the worst scores {query.lowest_positive:.4f}" in shown
    for candidate in candidates:
        line = next(line for line in shown.splitlines() if f" {candidate.passage_id} " in line)
        assert f" {candidate.fate} " in line
        assert f" {candidate.dense:.4f} " in line
        assert all(f" {rank} " in line for rank in (candidate.bm25_rank, candidate.dense_rank) if rank)
    assert "chosen: chosen as a negative" in shown


def test_show_names_a_query_that_is_not_there(project: Path) -> None:
    with pytest.raises(HaechiError, match="no query q9"):
        CliRunner().invoke(main, ["mined", "show", "q9"], catch_exceptions=False)


def test_a_sample_shows_examples_of_every_source_and_is_the_same_each_time() -> None:
    queries = [
        Query(
            f"q{i:02d}", f"물음 {i}번", (f"P{i % 12:02d}",), (), frozenset(), ("title", "precedent", "question")[min(2, i // 30)]
        )
        for i in range(66)
    ]
    case = Case(corpus(12), queries, frozenset(), 2)
    known = Corpus(case.passages, frozenset())
    page = sample(mined(case), known, 7)
    drawn = [line.split()[2] for line in page.splitlines() if line.startswith("## ") and line[3].isdigit()]

    assert page == sample(mined(case), known, 7)
    assert page != sample(mined(case), known, 8)
    assert len(drawn) == len(set(drawn)) == SIZE
    sources = Counter(next(q.source for q in queries if q.id == id) for id in drawn)
    assert sources == {"question": 6, "precedent": 12, "title": 12}
    for id in drawn[:5]:
        example = next(e for e in mined(case).examples if e.query_id == id)
        section = page.split(f". {id}\n")[1].split("\n## ")[0]
        assert all(f"`{n}`" in section for n in (*example.pos_ids, *example.neg_ids))
