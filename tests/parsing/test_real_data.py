"""Numbers of the real data, counted a second time in a few lines; skipped where HAECHI_LAWKR names no folder."""

import json
import os
import re
import time
from pathlib import Path

import pytest
from parsing.law_examples import GRANULARITIES, params

from haechi.citations.law_index import LawIndex
from haechi.citations.resolve import Resolved, parse_citations, resolve
from haechi.parsing.ingest import Preprocessed, RawCorpus, preprocess, read_corpus

FOLDER = os.environ.get("HAECHI_LAWKR", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="HAECHI_LAWKR is not set")


@pytest.fixture(scope="module")
def corpus() -> RawCorpus:
    return read_corpus(Path(FOLDER))


@pytest.fixture(scope="module")
def results(corpus: RawCorpus) -> dict[str, Preprocessed]:
    # `preprocess` itself refuses ids that occur twice.
    return {granularity: preprocess(corpus, params(granularity, max_chars=800)) for granularity in GRANULARITIES}


def test_reading_is_fast() -> None:
    """20 MB of JSON a second on one core."""
    size = sum(file.stat().st_size for file in Path(FOLDER).rglob("*.json"))
    start = time.process_time()
    read_corpus(Path(FOLDER))

    assert size / 1e6 / (time.process_time() - start) > 20


def test_every_live_article_of_the_raw_files_is_there(results: dict[str, Preprocessed]) -> None:
    """조문여부 = 조문, less those whose text ends in 삭제 and those that are only a label."""
    expected = set()
    for file in (Path(FOLDER) / "laws").glob("*.json"):
        act = json.loads(file.read_text())["법령"]
        for row in act["조문"]["조문단위"]:
            text = row["조문내용"]
            gone = "항" not in row and re.fullmatch(r"제\d+조(의\d+)?\s*(삭제.*|\[.*삭제함.*\])?", str(text).strip())
            if row["조문여부"] == "조문" and not gone:
                branch = f"의{row['조문가지번호']}" if "조문가지번호" in row else ""
                expected.add(f"LAW_{act['기본정보']['법령ID']}_제{row['조문번호']}조{branch}")
    for result in results.values():
        assert {row.article_key for row in result.law if "조" in row.article} == expected


def test_the_gold_units_are_the_same_at_all_granularities(results: dict[str, Preprocessed]) -> None:
    """Laws and rules alike."""
    keys = [{row.article_key for row in (*result.law, *result.admin)} for result in results.values()]

    assert all(other == keys[0] for other in keys)


def test_no_heading_is_a_passage(results: dict[str, Preprocessed]) -> None:
    """제1장 총칙 is context."""
    for result in results.values():
        bodies = (row.text.partition("\n")[2] for row in (*result.law, *result.admin) if "조" in row.article)
        assert not [body for body in bodies if re.fullmatch(r"제\d+(편|장|절|관)\s.{1,30}", body)]


def test_no_tag_or_amendment_note_is_left(results: dict[str, Preprocessed]) -> None:
    """In articles and decisions; addenda speak of amendments."""
    result = results["paragraph"]
    for row in (*result.law, *result.admin, *result.prec):
        if "부칙" not in row.article:
            assert not re.search(r"<br|<img|</a>|<개정 \d|<신설 \d|\[전문개정 \d|\[본조신설|&lt;|\x00", row.text), row.id


def test_counts_are_exact(results: dict[str, Preprocessed]) -> None:
    """What is read is kept or dropped."""
    for result in results.values():
        assert result.counts.read == sum(result.counts.kept.values()) + sum(result.counts.dropped.values())


def test_issue_sections_find_their_articles(corpus: RawCorpus) -> None:
    """About 7,300 issue sections cite an article that exists today."""
    index = LawIndex(corpus.statutes, corpus.rules)
    sections = 0
    for decision in corpus.decisions:
        for section in decision.sections:
            found = (resolve(citation, index, decision.date) for citation in parse_citations(section.citations))
            sections += bool(section.issue) and any(isinstance(row, Resolved) and row.tier == "current" for row in found)

    assert 7200 < sections < 7500
