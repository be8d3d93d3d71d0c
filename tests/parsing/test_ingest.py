"""From a folder to passages: counts that add up, errors that name their cause, no crash on damaged files."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parsing.law_examples import GRANULARITIES, damaged_documents, decision, document, law, library, params, query, rule, write

from haechi.parsing.ingest import Preprocessed, complaints, preprocess, read_corpus, saved_twice
from haechi.runtime.errors import ConflictingIds, DuplicateId, HaechiError


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
def test_one_content_saved_twice_is_read_once(tmp_path: Path, value: dict[str, Any]) -> None:
    """The second is one unit, left out; every stage that reads the folder sees the first alone."""
    write(tmp_path, "a.json", value)
    once = preprocess(read_corpus(tmp_path), params())
    write(tmp_path, "b.json", value)
    twice = preprocess(read_corpus(tmp_path), params())

    assert (twice.law, twice.admin, twice.prec, twice.doc) == (once.law, once.admin, once.prec, once.doc)
    (left_out,) = set(twice.dropped) - set(once.dropped)
    assert (left_out.source, left_out.detail) == ("b.json", "is the same as a.json")
    said = "1 record that is saved twice is left out: b.json is the same as a.json, which is kept"
    assert saved_twice(read_corpus(tmp_path)) == said
    assert left_out.reason.startswith("duplicate_")
    check_counts(twice)


@pytest.mark.parametrize("make", [law, rule, decision, document])
def test_one_id_with_two_contents_is_an_error(tmp_path: Path, make: Callable[..., dict[str, Any]]) -> None:
    """Both places are named."""
    value = make()
    inside = value.get("법령", {}).get("기본정보") or value.get("AdmRulService", {}).get("행정규칙기본정보") or value
    write(tmp_path, "a.json", value)
    name = next(key for key in ("법령명_한글", "행정규칙명", "사건명", "title") if key in inside)
    inside[name] = "다른 이름"
    write(tmp_path, "b.json", [value])

    with pytest.raises(ConflictingIds, match=r"one id with two contents: \S+ in a\.json and in b\.json\[0\]; keep one"):
        read_corpus(tmp_path)


def test_five_pairs_are_named_and_the_others_counted(tmp_path: Path) -> None:
    """In one sentence."""
    rows = [json.dumps({"id": f"d{number}", "text": text}) for text in ("가", "나") for number in range(7)]
    write(tmp_path, "a.jsonl", "\n".join(rows))

    with pytest.raises(ConflictingIds) as caught:
        read_corpus(tmp_path)

    assert len(caught.value.pairs) == 7
    assert "DOC_d4 in a.jsonl:5 and in a.jsonl:12; and 2 more; keep one of each pair" in str(caught.value)
    assert "DOC_d5" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (document(docid="x" * 5000), "docid has 5,000 characters"),
        (decision(판례일련번호="9" * 5000), "판례일련번호 has 5,000 characters"),
        (law(기본정보={"법령ID": "9" * 5000, "법령명_한글": "이름"}), "법령ID has 5,000 characters"),
        (rule(행정규칙기본정보={"행정규칙ID": "9" * 5000, "행정규칙명": "이름"}), "행정규칙ID has 5,000 characters"),
        (law(조문={"조문단위": {"조문번호": "9" * 5000, "조문내용": "글"}}), "조문번호 has 5,000 characters"),
    ],
)
def test_an_id_of_thousands_of_characters_is_refused(tmp_path: Path, value: dict[str, Any], where: str) -> None:
    """It would stand in every pair, run and search result."""
    write(tmp_path, "a.json", value)
    dropped = [row for row in read_corpus(tmp_path).dropped if row.reason == "long_id"]

    assert [row.detail for row in dropped] == [f"{where}, at most 200 are allowed: shorten it"]


def test_the_quarantine_holds_no_long_text(tmp_path: Path) -> None:
    """Whatever stood in a file: a name of its place, a reason and an excerpt."""
    write(tmp_path, "a.json", {"판례일련번호": "1", "선고일자": "9" * 5000, "판시사항": "가"})
    write(tmp_path, "b.jsonl", json.dumps({"query": "가" * 5000, "positives": []}))
    write(tmp_path, "c.json", {"k" * 5000: 1})

    rows = read_corpus(tmp_path).dropped
    assert [row.reason for row in rows] == ["bad_date", "no_positives", "unknown_type"]
    assert all(len(row.detail) <= 120 for row in rows)


def test_a_line_for_each_file_that_cannot_be_used(tmp_path: Path) -> None:
    """In the order of their names; what belongs to good files, such as deleted articles, is only counted."""
    library(tmp_path)
    write(tmp_path, "0.doc", "a,b")
    write(tmp_path, "b.jsonl", '{"id": "1", "text": "가"}\n{\n{\n')
    write(tmp_path, "c.json", [document(docid="c"), document(docid="d", content="<br/>")])

    assert complaints(read_corpus(tmp_path)) == [
        "0.doc: haechi reads .json .jsonl .txt .md .csv .tsv .pdf .docx .pptx .xlsx .hwp .hwpx .epub .html: convert it or take it away",
        "b.jsonl:2: is not JSON (unexpected end of data at character 2) (and 1 more in this file)",
        "c.json[1]: has no text: d",
    ]


def test_a_query_that_occurs_twice_is_dropped(tmp_path: Path) -> None:
    """It is the same query; nothing is lost."""
    for name in ("a.json", "b.json"):
        write(tmp_path, name, query())
    result = preprocess(read_corpus(tmp_path), params())

    assert result.counts.dropped == {"duplicate_query": 1}
    check_counts(result)


def test_too_many_unreadable_files_stop_the_run(tmp_path: Path) -> None:
    """With count, share and how many for which reason."""
    library(tmp_path)
    for number in range(4):
        write(tmp_path, f"bad/{number}.json", "{")
    write(tmp_path, "bad/4.doc", "a,b")
    corpus = read_corpus(tmp_path)

    with pytest.raises(HaechiError, match=r"5 of 10 raw files \(50\.0%\).*: not_json 4, unknown_suffix 1; quarantine"):
        preprocess(corpus, params(max_bad_share=0.49))
    check_counts(preprocess(corpus, params(max_bad_share=0.5)))


@pytest.mark.parametrize(
    ("sound", "bad", "runs"), [(8, 3, True), (3, 3, True), (1, 1, True), (2, 3, False), (0, 1, False), (100, 7, False)]
)
def test_a_few_bad_files_stop_no_small_folder_but_half_of_it_must_be_sound(
    tmp_path: Path, sound: int, bad: int, runs: bool
) -> None:
    for number in range(sound):
        (tmp_path / f"s{number}.txt").write_text(f"{number}번째 문서입니다.")
    for number in range(bad):
        (tmp_path / f"b{number}.json").write_text("{")
    corpus = read_corpus(tmp_path)

    if runs:
        assert len(preprocess(corpus, params(max_bad_share=0.05)).doc) == sound
    else:
        with pytest.raises(HaechiError, match="max_bad_share"):
            preprocess(corpus, params(max_bad_share=0.05))


def test_a_blank_decision_is_not_unreadable(tmp_path: Path) -> None:
    """Courts publish many; only files that can't be read count as bad."""
    write(tmp_path, "a.json", decision(판시사항="", 판결요지="", 참조조문=""))

    assert preprocess(read_corpus(tmp_path), params(max_bad_share=0.0)).counts.dropped == {"blank_precedent": 1}


def test_a_law_of_another_shape_is_unreadable(tmp_path: Path) -> None:
    """A change of the service's format must not pass as a small loss."""
    write(tmp_path, "a.json", {"법령": {"기본정보": []}})

    with pytest.raises(HaechiError, match=r"1 of 1 raw files \(100\.0%\).*: wrong_type 1;"):
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
        try:
            corpus = read_corpus(Path(folder))
        except ConflictingIds:
            return
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
@given(st.binary(max_size=60), st.sampled_from([".json", ".jsonl", ".txt", ".md", ".csv", ".tsv", ".doc"]))
def test_any_bytes_are_read_or_named(data: bytes, suffix: str) -> None:
    """A folder of noise gives counts, not a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"noise{suffix}").write_bytes(data)
        check_counts(preprocess(read_corpus(Path(folder)), params()))
