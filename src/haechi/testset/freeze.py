"""Raw documents -> the files of the test set and their manifest."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from haechi.citations.law_index import LawIndex
from haechi.pairs.sections import decision_keys, label_sections
from haechi.pairs.user_queries import label_user_queries
from haechi.parsing.ingest import RawCorpus
from haechi.parsing.params import PreprocessParams
from haechi.parsing.passages import document_passages
from haechi.question_writer.sentences import analyse
from haechi.question_writer.templates import HELD_OUT
from haechi.question_writer.write import Wording, write_questions
from haechi.records.query import Qrel, TestQuery
from haechi.runtime.files import sha256_file, write_json, write_jsonl, write_text
from haechi.testset.build import Choice, choose
from haechi.testset.manifest import MANIFEST, QRELS, QUERIES, TREC, Manifest, fingerprint
from haechi.testset.params import TestsetParams

# Only current citations of laws are gold: a former number or a rule that happens to share a name is no proof.
OLD_CITATIONS, ADMIN = False, True
# How a held-out document is cut for its questions; its gold is the document, so the model's granularity doesn't matter.
HELD_OUT_WORDING = Wording(HELD_OUT, {"keyword": 0.3, "plain": 0.35, "situation": 0.35}, 0.5, "held_out")
CUT = PreprocessParams("article", 1200, annexes=False, addenda=False, max_bad_share=1.0)


def freeze(raw: RawCorpus, params: TestsetParams, folder: Path) -> dict[str, Any]:
    """Choose, write queries.jsonl, qrels.jsonl and manifest.json, and return the counts."""
    index = LawIndex(raw.statutes, raw.rules)
    labelled = label_sections(raw.decisions, index, old_citations=OLD_CITATIONS, admin=ADMIN)
    document_keys = {f"DOC_{document.docid}" for document in raw.documents}
    users = label_user_queries(raw.queries, index, document_keys).queries
    choice = choose(labelled.sections, sorted(document_keys), users, index, params)
    queries = sorted([*choice.queries, *_synthetic(raw, choice, params)], key=lambda q: (q.suite, q.query_id))

    qrels = [Qrel(q.query_id, key) for q in queries for key in q.gold]
    write_text(folder / TREC, "".join(f"{q.query_id} 0 {key} 1\n" for q in queries for key in q.gold))
    files = {
        QUERIES: write_jsonl(folder / QUERIES, queries).sha256,
        QRELS: write_jsonl(folder / QRELS, qrels).sha256,
        TREC: sha256_file(folder / TREC),
    }
    suites = Counter(q.suite for q in queries)
    counts: dict[str, int] = {
        **{str(suite): n for suite, n in suites.items()},
        "unseen": sum(q.unseen and q.suite == "precedent" for q in queries),
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
    )
    manifest = replace(manifest, fingerprint=fingerprint(manifest))
    write_json(folder / MANIFEST, manifest)
    return {
        "queries": counts,
        "reserved_articles": len(choice.reserved),
        "held_out": len(choice.held_out),
        **choice.counts,
        "fingerprint": manifest.fingerprint,
    }


def _synthetic(raw: RawCorpus, choice: Choice, params: TestsetParams) -> list[TestQuery]:
    """Questions on held-out documents, phrased otherwise than training's."""
    held = set(choice.held_out)
    passages = [
        passage
        for document in raw.documents
        if f"DOC_{document.docid}" in held
        for passage in list(document_passages(document, CUT))[:1]
    ]
    questions = write_questions(
        zip(passages, analyse([p.text for p in passages]), strict=True),
        params.questions_per_document,
        params.seed,
        HELD_OUT_WORDING,
    )
    return [
        TestQuery(q.question_id, q.question, (q.article_key,), "synthetic", q.article_key, "", q.article_key, True, False)
        for q in questions
    ]
