"""From a folder to passages: counts that add up, errors that name their cause, no crash on damaged files."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law.law_examples import GRANULARITIES, damaged_documents, decision, document, law, library, params, query, rule, write

from haechi.errors import DuplicateId, HaechiError
from haechi.law.ingest import Preprocessed, preprocess, read_corpus


def check_counts(result: Preprocessed) -> None:
    counts = result.counts
    assert counts.read == sum(counts.kept.values()) + sum(counts.dropped.values())
    assert sum(counts.dropped.values()) == len(result.dropped)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_everything_read_is_kept_or_dropped(tmp_path: Path, granularity: str) -> None:
    """Law: 5 articles, 2 annexes, 2 addenda kept; rule: 4, 1, 2; decision: 2 sections; 2 documents; 1 query."""
    result = preprocess(read_corpus(library(tmp_path)), params(granularity))

    assert result.counts.kept == {"law": 9, "admin": 7, "prec": 2, "doc": 2, "query": 1}
    assert result.counts.dropped == {"deleted_annex": 1, "deleted_article": 2, "form": 1, "moved_article": 1}
    assert (result.counts.files, result.counts.read) == (5, 26)
    check_counts(result)


def test_units_that_are_not_asked_for_are_counted(tmp_path: Path) -> None:
    """annexes_off and addenda_off are reasons too."""
    result = preprocess(read_corpus(library(tmp_path)), params(annexes=False, addenda=False))

    assert result.counts.dropped["annexes_off"] == 3
    assert result.counts.dropped["addenda_off"] == 4
    check_counts(result)


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    """Order included."""
    library(tmp_path)

    assert read_corpus(tmp_path) == read_corpus(tmp_path)


def test_one_more_document_moves_no_other_passage(tmp_path: Path) -> None:
    """Ids don't depend on positions in a file or folder."""
    library(tmp_path)
    before = preprocess(read_corpus(tmp_path), params())
    write(tmp_path, "docs/aaa.json", document(docid="new", content="새 글"))
    after = preprocess(read_corpus(tmp_path), params())

    assert set(before.doc) < set(after.doc)
    assert (before.law, before.admin, before.prec) == (after.law, after.admin, after.prec)


@pytest.mark.parametrize("value", [law(), rule(), decision(), document()])
def test_an_id_that_occurs_twice_is_an_error(tmp_path: Path, value: dict[str, Any]) -> None:
    """Both sources are named."""
    write(tmp_path, "a.json", value)
    write(tmp_path, "b.json", value)

    with pytest.raises(DuplicateId, match=r"occurs twice: in a\.json and in b\.json"):
        preprocess(read_corpus(tmp_path), params())


def test_a_query_that_occurs_twice_is_dropped(tmp_path: Path) -> None:
    """It is the same query; nothing is lost."""
    for name in ("a.json", "b.json"):
        write(tmp_path, name, query())
    result = preprocess(read_corpus(tmp_path), params())

    assert result.counts.dropped == {"duplicate_query": 1}
    check_counts(result)


def test_too_many_unreadable_files_stop_the_run(tmp_path: Path) -> None:
    """Count, share and the first three are named."""
    library(tmp_path)
    for number in range(5):
        write(tmp_path, f"bad/{number}.json", "{")
    corpus = read_corpus(tmp_path)

    with pytest.raises(HaechiError, match=r"5 of 10 raw files \(50\.0%\).*bad/0\.json \(not_json\), .*bad/2\.json \(not_json\)$"):
        preprocess(corpus, params(max_bad_share=0.49))
    check_counts(preprocess(corpus, params(max_bad_share=0.5)))


def test_a_blank_decision_is_not_unreadable(tmp_path: Path) -> None:
    """Courts publish many; only files that can't be read count as bad."""
    write(tmp_path, "a.json", decision(판시사항="", 판결요지="", 참조조문=""))

    assert preprocess(read_corpus(tmp_path), params(max_bad_share=0.0)).counts.dropped == {"blank_precedent": 1}


def test_a_law_of_another_shape_is_unreadable(tmp_path: Path) -> None:
    """A change of the service's format must not pass as a small loss."""
    write(tmp_path, "a.json", {"법령": {"기본정보": []}})

    with pytest.raises(HaechiError, match=r"1 of 1 raw files \(100\.0%\).*a\.json \(wrong_type\)"):
        preprocess(read_corpus(tmp_path), params(max_bad_share=0.5))


def test_a_jsonl_with_one_good_line_is_readable(tmp_path: Path) -> None:
    """Its bad lines are dropped one by one."""
    write(tmp_path, "a.jsonl", '{"id": "1", "text": "가"}\n{\n{\n')
    result = preprocess(read_corpus(tmp_path), params(max_bad_share=0.0))

    assert result.counts.dropped == {"not_json": 2}
    check_counts(result)


def test_passages_with_one_text_are_twins(tmp_path: Path) -> None:
    """The header line does not count; a twin never names itself."""
    for docid in ("a", "b", "c"):
        write(tmp_path, f"{docid}.json", document(docid=docid, title=docid, content="같은 글" if docid < "c" else "다른 글"))
    passages = {row.id: row.twins for row in preprocess(read_corpus(tmp_path), params()).doc}

    assert passages == {"DOC_a_1": ("DOC_b_1",), "DOC_b_1": ("DOC_a_1",), "DOC_c_1": ()}


@settings(max_examples=300, deadline=None)
@given(st.lists(damaged_documents(), min_size=1, max_size=3), st.sampled_from(GRANULARITIES))
def test_damaged_documents_never_crash_and_lose_no_count(documents: list[dict[str, Any]], granularity: str) -> None:
    """Unique ids, exact counts, the same gold units at every granularity; a double id is the one allowed error."""
    with tempfile.TemporaryDirectory() as folder:
        for number, value in enumerate(documents):
            write(Path(folder), f"{number}.json", value)
        corpus = read_corpus(Path(folder))
    try:
        result = preprocess(corpus, params(granularity, max_chars=60))
        whole = preprocess(corpus, params("article", max_chars=60))
    except DuplicateId:
        return
    check_counts(result)
    for passages, others in ((result.law, whole.law), (result.admin, whole.admin)):
        assert {row.article_key for row in passages} == {row.article_key for row in others}
    every = [row.id for group in (result.law, result.admin, result.prec, result.doc) for row in group]
    assert max(Counter(every).values(), default=1) == 1


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([".json", ".jsonl", ".txt", ".md", ".pdf"]))
def test_any_bytes_are_read_or_named(data: bytes, suffix: str) -> None:
    """A folder of noise gives counts, not a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"noise{suffix}").write_bytes(data)
        check_counts(preprocess(read_corpus(Path(folder)), params()))
