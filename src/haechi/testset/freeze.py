"""Raw documents -> the files of the test set and their manifest."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from haechi.citations.law_index import LawIndex
from haechi.pairs.sections import decision_keys, label_sections
from haechi.pairs.user_queries import label_user_queries, named_documents
from haechi.parsing.ingest import RawCorpus
from haechi.question_writer.sentences import analyse
from haechi.question_writer.write import HELD_OUT_WORDING, of_one_text, write_questions
from haechi.records.passage import Passage
from haechi.records.query import Qrel, Suite, TestQuery
from haechi.records.question import Question
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import sha256_file, write_json, write_jsonl, write_text
from haechi.testset.build import choose
from haechi.testset.manifest import MANIFEST, QRELS, QUERIES, TREC, Manifest, fingerprint
from haechi.testset.params import TestsetParams
from haechi.testset.texts import Gold, Group, askable_texts, groups_of, passages_to_ask
from haechi.text.morphemes import tokenize
from haechi.text.near_duplicates import NearDuplicates

# Only current citations of laws are gold: a former number or a rule that happens to share a name is no proof.
OLD_CITATIONS, ADMIN = False, True
QUESTIONS = 300
"""Where fewer texts are held out, more passages of each are asked about, until there are about so many questions."""

SHARED = 0.7
"""Of its content words a question may take so many from its passage where the headline is on made ones: real users take fewer."""
SPARE = 2
"""So many times the questions are written then, since some are left out."""

Write = Callable[[Sequence[Passage]], Sequence[Question]]
"""Whoever writes questions on passages."""


def freeze(
    raw: RawCorpus, params: TestsetParams, folder: Path, gold: Gold = "document", write: Write | None = None
) -> dict[str, Any]:
    """Choose, write queries.jsonl, qrels.jsonl and manifest.json, and return the counts; `write` stands in for the templates."""
    index = LawIndex(raw.statutes, raw.rules)
    labelled = label_sections(raw.decisions, index, old_citations=OLD_CITATIONS, admin=ADMIN)
    alone = not labelled.sections
    texts = askable_texts(raw, gold, articles=alone)
    write = write or offline(params, SPARE if alone else 1)
    write = in_own_words(write, params.questions_per_document) if alone else write
    users = label_user_queries(raw.queries, index, named_documents(p for text in texts.values() for p in text)).queries
    choice = choose(labelled.sections, groups_of(texts, params.near_duplicate), users, index, params)
    synthetic = _questions(texts, choice.slices.test, "synthetic", params, write)
    validation = _unlike(
        _questions(texts, choice.slices.validation, "validation", params, write), synthetic, params.near_duplicate
    )
    if alone and not (validation and (synthetic or choice.primary != "synthetic")):
        asked = [*choice.slices.test, *choice.slices.validation]
        raise HaechiError(
            f"testset: no question for the test or for validation could be written about the {len(asked):,} held-out documents; "
            "questions are written in Korean and English, about sentences: add documents that have some"
        )
    tests = sorted([*choice.queries, *synthetic], key=lambda q: (q.suite, q.query_id))
    queries = sorted([*tests, *validation], key=lambda q: (q.suite, q.query_id))

    write_text(folder / TREC, "".join(f"{q.query_id} 0 {key} 1\n" for q in tests for key in q.gold))
    files = {
        QUERIES: write_jsonl(folder / QUERIES, queries).sha256,
        QRELS: write_jsonl(folder / QRELS, [Qrel(q.query_id, key) for q in tests for key in q.gold]).sha256,
        TREC: sha256_file(folder / TREC),
    }
    counts: dict[str, int] = {
        **{str(suite): n for suite, n in Counter(q.suite for q in queries).items()},
        "unseen": sum(q.unseen and q.suite == choice.primary for q in queries),
    }
    held = set(choice.held_out)
    manifest = Manifest(
        first_date=choice.first_date,
        cutoff=choice.cutoff,
        reserved_articles=choice.reserved,
        held_out_documents=choice.held_out,
        held_out_keys=tuple(sorted({key for d in raw.decisions if f"PREC_{d.id}" in held for key in decision_keys(d)})),
        near_duplicate=params.near_duplicate,
        counts=counts,
        files=files,
        fingerprint="",
        primary=choice.primary,
    )
    manifest = replace(manifest, fingerprint=fingerprint(manifest))
    write_json(folder / MANIFEST, manifest)
    return {
        "primary": choice.primary,
        "queries": counts,
        "reserved_articles": len(choice.reserved),
        "held_out": len(choice.held_out),
        **choice.counts,
        "fingerprint": manifest.fingerprint,
    }


def offline(params: TestsetParams, times: int = 1) -> Write:
    """The writer that needs no model; it writes so many times what the parameters want."""

    def write(passages: Sequence[Passage]) -> Sequence[Question]:
        analysed = zip(passages, analyse([p.text for p in passages]), strict=True)
        return write_questions(analysed, times * params.questions_per_document, params.seed, HELD_OUT_WORDING)

    return write


def in_own_words(write: Write, most: int) -> Write:
    """Of what somebody writes on each passage, so many that don't repeat it, or the one that takes the least from it."""

    def wrote(passages: Sequence[Passage]) -> Sequence[Question]:
        known = dict(zip((p.id for p in passages), map(set, tokenize([p.text for p in passages])), strict=True))
        written = of_one_text(write(passages))  # first: what is asked of two texts must not stand in another's place
        taken: dict[str, list[tuple[float, Question]]] = {id: [] for id in known}
        for question, words in zip(written, map(set, tokenize([q.question for q in written])), strict=True):
            share = len(words & known[question.passage_id]) / len(words) if words else 1.0
            taken[question.passage_id].append((share, question))
        kept = []
        for of_passage in taken.values():
            own = [question for share, question in of_passage if share <= SHARED]
            kept += own[:most] or [question for _, question in sorted(of_passage, key=lambda one: one[0])[:1]]
        return kept

    return wrote


def _questions(
    texts: Mapping[str, Sequence[Passage]], groups: Sequence[Group], suite: Suite, params: TestsetParams, write: Write
) -> list[TestQuery]:
    """Questions on held-out texts, phrased otherwise than training's; one that is asked of two texts has no one answer."""
    gold = {key: group for group in groups for key in group}
    passages = passages_to_ask(texts, groups, params.seed, QUESTIONS // params.questions_per_document)
    written = write(passages)
    return [
        TestQuery(q.question_id, q.question, gold[q.article_key], suite, q.article_key, "", q.article_key, True, False)
        for q in of_one_text(written)
    ]


def _unlike(queries: Sequence[TestQuery], others: Sequence[TestQuery], threshold: float) -> list[TestQuery]:
    """Those that repeat none of the others."""
    near = NearDuplicates([query.query_text for query in others])
    return [query for query in queries if near.closest(query.query_text, threshold) is None]
