"""A folder without a decision: held-out documents (and articles) take the place of decisions, in test and validation."""

import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_law import BOOK, STATUTES, key
from small_params import small

from haechi.citations.law_index import LawIndex
from haechi.corpus.duplicates import link_twins
from haechi.pairs.params import MakePairsParams
from haechi.pairs.stage import MadePairs, leakage, make_pairs, refuse_leaks
from haechi.pairs.user_queries import label_user_queries, named_documents
from haechi.parsing.content import Block
from haechi.parsing.documents import Document
from haechi.parsing.ingest import RawCorpus
from haechi.parsing.passages import document_passages
from haechi.parsing.queries import UserQuery
from haechi.questions.generate import Away, askable
from haechi.records.held_out import HeldOut
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.runtime.errors import HaechiError
from haechi.testset.build import FEWEST_TEXTS, primary_suite
from haechi.testset.freeze import freeze, in_own_words
from haechi.testset.manifest import TREC, TestSet, held_out, load_testset
from haechi.testset.params import TestsetParams
from haechi.testset.texts import CUT, Gold, Slices, groups_of, hold_out
from haechi.text.near_duplicates import grams, jaccard

PARAMS = small(TestsetParams)
THINGS = ("사과", "수레", "물레", "등대", "화로", "우산", "톱니", "거울", "그물", "맷돌")
PLACES = ("바닷가", "산골", "장터", "부둣가", "들판")


def document(number: int, text: str = "") -> Document:
    thing, place = THINGS[number % 10], PLACES[number // 10 % 5]
    name = f"{place} {thing}"
    said = f"{name}란 {place}에서 쓰는 {thing}를 말한다. {name}는 {number + 3}년마다 새로 칠해야 한다. 낡은 {name}를 버리는 것은 금지된다."
    return Document(f"d{number}", name, (Block("text", text or said),), f"docs/d{number}.txt")


DOCUMENTS = tuple(document(n) for n in range(50))
TWINS = (
    replace(DOCUMENTS[3], docid="again", blocks=(Block("text", f"{DOCUMENTS[3].text} 끝."),)),
    replace(DOCUMENTS[4], docid="same"),
)


def raw(documents: tuple[Document, ...] = (*DOCUMENTS, *TWINS), queries: tuple[UserQuery, ...] = ()) -> RawCorpus:
    return RawCorpus((), (), (), documents, queries, (), len(documents), (), len(documents))


def passages(corpus: RawCorpus) -> list[Passage]:
    return link_twins([p for d in corpus.documents for p in document_passages(d, CUT)])


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> TestSet:
    folder = tmp_path_factory.mktemp("documents")
    freeze(raw(), replace(PARAMS, document_share=0.3), folder)
    return load_testset(folder)


def paired(held: HeldOut, corpus: RawCorpus) -> MadePairs:
    return make_pairs(corpus, passages(corpus), [], held, small(MakePairsParams))


def test_the_headline_is_on_questions_and_validation_has_its_own(frozen: TestSet) -> None:
    assert frozen.primary == "synthetic"
    assert {q.suite for q in frozen.queries} == {"synthetic"}
    assert frozen.validation
    assert not {key for q in frozen.queries for key in q.gold} & {key for q in frozen.validation for key in q.gold}


def test_qrels_speak_of_the_test_alone(tmp_path: Path) -> None:
    freeze(raw(), PARAMS, tmp_path)
    named = {line.split()[0] for line in (tmp_path / TREC).read_text().splitlines()}

    assert named == {q.query_id for q in load_testset(tmp_path).queries}


def test_what_nearly_repeats_a_document_goes_where_it_goes_and_answers_too(tmp_path: Path) -> None:
    """Whichever slices the twins fall into: with every document held out all groups are asked about."""
    freeze(raw(), replace(PARAMS, document_share=0.66), tmp_path)
    testset = load_testset(tmp_path)
    golds = {frozenset(q.gold) for q in (*testset.queries, *testset.validation)}

    assert {"DOC_d3", "DOC_again"} in golds
    assert {"DOC_d4", "DOC_same"} in golds


@given(st.lists(st.sampled_from([d.text for d in DOCUMENTS[:6]]), min_size=1, max_size=12))
def test_groups_are_the_closure_of_similar_pairs(texts: list[str]) -> None:
    by_key = {f"DOC_{n}": list(document_passages(document(n, text), CUT)) for n, text in enumerate(texts)}
    groups = groups_of(by_key, 0.8)
    group_of = {key: group for group in groups for key in group}

    assert sorted(key for group in groups for key in group) == sorted(by_key)
    bodies = {key: grams(by_key[key][0].body) for key in by_key}
    for one in by_key:
        for two in by_key:
            if jaccard(bodies[one], bodies[two]) >= 0.8:
                assert group_of[one] == group_of[two]


def test_training_sees_neither_slice_and_validation_pairs_are_the_frozen_questions(frozen: TestSet) -> None:
    held, corpus = held_out(frozen), raw()
    made = paired(held, corpus)
    asked = askable(passages(corpus), Away(held.articles | held.sources))

    assert {p.query_id for p in made.pairs.valid} == {q.query_id for q in frozen.validation}
    assert all(p.positive_passages and p.meta.source_id not in p.meta.article_keys for p in made.pairs.valid)
    held_keys = {key for q in (*frozen.queries, *frozen.validation) for key in q.gold}
    assert not {p.article_key for p in asked} & held_keys
    assert asked


def test_a_validation_question_about_a_tested_document_stops_the_run(frozen: TestSet) -> None:
    held = held_out(frozen)
    planted = replace(frozen.validation[0], gold=frozen.queries[0].gold)
    made = paired(held, raw())
    leak = leakage((), (replace(made.pairs.valid[0], meta=replace(made.pairs.valid[0].meta, article_keys=planted.gold)),), held)

    assert leak["validation_on_test_texts"] == 1
    with pytest.raises(HaechiError, match="leak"):
        refuse_leaks(leak)


def test_a_document_that_a_label_names_is_not_held_out() -> None:
    groups = [(f"DOC_{n}",) for n in range(40)]
    spared = {f"DOC_{n}" for n in range(0, 40, 2)}
    slices = hold_out(groups, 0.5, spared, np.random.default_rng(7), validation=True)

    assert isinstance(slices, Slices)
    assert not {key for group in (*slices.test, *slices.validation) for key in group} & spared
    assert slices.test


def test_one_long_manual_is_held_out_by_section(tmp_path: Path) -> None:
    """As a whole document it is one text, too little to test on."""
    blocks = [block for d in DOCUMENTS for block in (Block("heading", d.title, 1), *d.blocks)]
    manual = raw((Document("manual", "설명서", tuple(blocks), "manual.md"),))

    with pytest.raises(HaechiError, match="here: 1"):
        freeze(manual, PARAMS, tmp_path)
    freeze(manual, PARAMS, tmp_path, "section")
    testset = load_testset(tmp_path)
    cut = link_twins([p for d in manual.documents for p in document_passages(d, replace(CUT, document_gold="section"))])
    assert {key for q in (*testset.queries, *testset.validation) for key in q.gold} <= {p.article_key for p in cut}
    assert len({key for q in testset.queries for key in q.gold}) > 1


def test_the_same_set_whatever_the_order_of_the_files(frozen: TestSet, tmp_path: Path) -> None:
    freeze(raw((*TWINS, *DOCUMENTS[::-1])), replace(PARAMS, document_share=0.3), tmp_path)

    assert load_testset(tmp_path).fingerprint == frozen.fingerprint


def test_laws_alone_are_asked_about_their_articles(tmp_path: Path) -> None:
    laws = tuple(
        replace(
            STATUTES[0],
            law_id=f"{n:06d}",
            name=f"{THINGS[n]}법",
            articles=tuple(
                replace(
                    a, lead=f"{PLACES[i % 5]} {THINGS[n]}란 {PLACES[n]}에서 {a.title}에 쓰는 {THINGS[i]} {THINGS[n]}를 말한다."
                )
                for i, a in enumerate(STATUTES[0].articles)
            ),
        )
        for n in range(5)
    )
    freeze(RawCorpus(laws, (), (), (), (), (), 5, (), 30), replace(PARAMS, title_queries=2, near_duplicate=0.95), tmp_path)
    testset = load_testset(tmp_path)

    assert testset.primary == "synthetic"
    tested = {key for q in (*testset.queries, *testset.validation) for key in q.gold}
    assert tested <= set(testset.manifest.reserved_articles)
    assert testset.manifest.first_date == testset.manifest.cutoff == ""


@pytest.mark.parametrize(
    ("sections", "texts", "users", "primary"),
    [
        (1, 0, 0, "precedent"),
        (1, 500, 500, "precedent"),
        (0, FEWEST_TEXTS, PARAMS.min_user_queries, "user"),
        (0, FEWEST_TEXTS, PARAMS.min_user_queries - 1, "synthetic"),
        (0, FEWEST_TEXTS, 0, "synthetic"),
    ],
)
def test_auto_takes_the_first_suite_that_the_folder_can_bear(sections: int, texts: int, users: int, primary: str) -> None:
    assert primary_suite(sections, texts, users, replace(PARAMS, primary="auto")) == primary


@pytest.mark.parametrize(
    ("changes", "sections", "texts", "users", "sentence"),
    [
        (
            {},
            0,
            FEWEST_TEXTS - 1,
            500,
            f"it takes {FEWEST_TEXTS} that don't nearly repeat each other (here: {FEWEST_TEXTS - 1});",
        ),
        ({"primary": "precedent"}, 0, 50, 50, "no decision cites an article of the corpus"),
        ({"primary": "user"}, 3, 50, 0, "there are no labelled queries"),
        (
            {"primary": "synthetic"},
            3,
            5,
            9,
            f"it takes {FEWEST_TEXTS} documents that don't nearly repeat each other (here: 5)",
        ),
    ],
)
def test_a_suite_that_can_not_be_is_one_sentence(changes, sections: int, texts: int, users: int, sentence: str) -> None:
    with pytest.raises(HaechiError, match=re.escape(sentence)) as caught:
        primary_suite(sections, texts, users, replace(PARAMS, **changes))
    assert "\n" not in str(caught.value)


def test_a_named_suite_is_taken_although_auto_would_take_another(tmp_path: Path) -> None:
    users = tuple(UserQuery(f"USER_{n}", f"{n}번 물음은 어디에 있나요", (f"DOC_d{n}",), "queries/own.jsonl") for n in range(8))
    freeze(raw(queries=users), replace(PARAMS, primary="user"), tmp_path)
    testset = load_testset(tmp_path)

    assert testset.primary == "user"
    assert sum(q.suite == "user" for q in testset.queries) == 4
    assert not {key for q in testset.validation for key in q.gold} & {f"DOC_d{n}" for n in range(8)}


def test_a_set_without_decisions_bars_no_later_decision_by_its_date(frozen: TestSet) -> None:
    held = held_out(frozen)

    assert not held.in_test_period("20240101")
    assert not held.after_cutoff("20240101")
    assert key(1) in BOOK.article_keys  # decisions that come later cite such


@pytest.mark.parametrize("gold", ["document", "section"])
def test_a_label_that_names_a_document_means_every_section_of_it(gold: Gold) -> None:
    """Also one before the first heading, whose key is the document's; another document whose id goes on alike stays out."""
    blocks = [Block("text", "머리말"), *(Block(kind, name, 1) for name in ("설치", "청소") for kind in ("heading", "text"))]
    documents = [Document(docid, docid, tuple(blocks), f"{docid}.md") for docid in ("설명서", "설명서2", "설명서#부록")]
    made = [p for document in documents for p in document_passages(document, replace(CUT, document_gold=gold))]
    query = UserQuery("USER_1", "어떻게 씻나", ("DOC_설명서",), "q.jsonl")

    (labelled,) = label_user_queries([query], LawIndex(()), named_documents(made)).queries

    assert set(labelled.keys) == {p.article_key for p in made if p.parent_id == "DOC_설명서"}
    assert len(labelled.keys) == (3 if gold == "section" else 1)


def test_documents_in_a_language_that_no_question_is_written_in_are_refused(tmp_path: Path) -> None:
    texts = ("".join(random.Random(n).choices("абвгдежзик ", k=200)) for n in range(FEWEST_TEXTS))  # noqa: S311
    strange = tuple(Document(f"d{n}", "вода", (Block("text", text),), "d.txt") for n, text in enumerate(texts))

    with pytest.raises(HaechiError, match="questions are written in Korean and English"):
        freeze(raw(strange), replace(PARAMS, document_share=0.3, near_duplicate=1.0), tmp_path)
    assert not list(tmp_path.iterdir())


def test_questions_take_few_of_their_passage_s_words() -> None:
    """So many of each passage that take at most the share, or the one that takes the least."""
    (passage,) = document_passages(DOCUMENTS[0], CUT)

    def ask(text: str) -> Question:
        return Question(text, passage.id, passage.article_key, text, "plain", "x", "x", "x")

    all_its = ask("바닷가 사과란 바닷가에서 쓰는 사과를 말하나요?")
    most, own = ask("바닷가에서 쓰는 사과는 과일인가요?"), ask("과일 껍질에 새 색을 언제 입히나요?")

    assert in_own_words(lambda _: [all_its, own, own, own], 2)([passage]) == [own, own]
    assert in_own_words(lambda _: [all_its, most], 2)([passage]) == [most]
    assert in_own_words(lambda _: [], 2)([passage]) == []
