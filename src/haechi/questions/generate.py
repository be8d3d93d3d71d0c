"""Corpus -> training questions: write, filter, and check that each finds its passage again."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from haechi.corpus.duplicates import with_duplicates
from haechi.models.continued import NOTHING, Earlier
from haechi.models.load import AnyEncoder
from haechi.question_writer.templates import TRAINING
from haechi.question_writer.write import Wording, write_questions
from haechi.questions import filters
from haechi.questions.on_new import questions_on_new
from haechi.questions.params import GenerateQaParams
from haechi.questions.report import DEPTH, Portrait, portray
from haechi.questions.round_trip import bm25_ranks, dense_ranks
from haechi.questions.words import Words
from haechi.questions.writer import Drafts, Writer
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import DroppedQuestion, Question
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import Store
from haechi.runtime.errors import HaechiError
from haechi.text.language import language

Judge = Callable[[Sequence[Question], Mapping[str, Passage]], Mapping[str, float | None]]
"""Scores of questions by id: can the passage answer it?"""


@dataclass(frozen=True)
class Away:
    """What questions must keep away from."""

    keys: frozenset[str]
    """Articles, documents and decisions that no question is made from."""
    queries: tuple[str, ...] = ()
    """Queries of the test, and users' queries of validation, that no question may nearly repeat."""


@dataclass(frozen=True)
class Sources:
    """What questions are made from and compared with."""

    corpus: Sequence[Passage]
    away: Away
    real: Sequence[Pair]
    """Training pairs, whose queries the report is measured against."""
    earlier: Earlier = NOTHING
    """What the base was trained on before: nothing is asked about its passages again."""


@dataclass(frozen=True)
class Models:
    """Who writes questions and who checks them."""

    writer: Writer
    base: "AnyEncoder | None" = None
    """Needed where the round trip is dense."""
    judge: Judge | None = None
    judge_threshold: float = 0.0


@dataclass(frozen=True)
class Generated:
    """The kept questions, the dropped ones with their reasons, counts, and what all written ones look like."""

    questions: tuple[Question, ...]
    dropped: tuple[DroppedQuestion, ...]
    counts: dict[str, Any]
    portrait: Portrait
    on_new: tuple[Question, ...]
    """Test questions about what the base was not trained on before, if it was."""


def offline_writer(params: GenerateQaParams) -> Writer:
    """The writer that needs no model."""
    wording = Wording(
        TRAINING, {str(style): share for style, share in params.styles.items()}, params.reworded_share, params.generator
    )
    return lambda passages, words: Drafts(
        write_questions(words.analysed(passages), params.questions_per_passage, params.seed, wording)
    )


def generate(sources: Sources, models: Models, params: GenerateQaParams, retrieval: RetrievalParams, store: Store) -> Generated:
    """Questions on every passage that the test set does not hold out, in order of id; the order of the corpus doesn't matter."""
    corpus, away, judge = sources.corpus, sources.away, models.judge
    allowed = askable(corpus, away, sources.earlier)
    counted = {**_passage_counts(corpus, away), **_old(sources), "languages": _languages(corpus, away)}
    if counted["languages"] and not allowed and not sources.real and not sources.earlier:
        raise HaechiError(
            "generate_qa: no passage is in Korean or English, so no question can be written and there is nothing to train on; "
            "add documents in one of the two, or labelled queries in data/raw/queries"
        )
    by_id, words = {p.id: p for p in allowed}, Words(store)
    drafts = models.writer(allowed, words)
    written = sorted({q.question_id: q for q in drafts.questions}.values(), key=lambda q: q.question_id)

    kept, dropped = filters.apply(written, _cheap_filters(written, by_id, away, params))
    if judge and kept:
        kept, lost = filters.apply(kept, [filters.answerable(judge(kept, by_id), models.judge_threshold)])
        dropped += lost

    tokens = dict(zip((q.question_id for q in kept), words.of([q.question for q in kept]), strict=True))
    depth = max(DEPTH, params.round_trip_k)
    ranks = bm25_ranks(kept, list(tokens.values()), corpus, words, retrieval, depth) if kept else {}
    passage_words = dict(zip(by_id, map(frozenset, words.of([p.text for p in allowed])), strict=True))
    portrait = portray(kept, tokens, passage_words, ranks, _texts_by_kind(sources.real))
    if params.round_trip_k and kept:
        if params.round_trip == "dense":
            if models.base is None:
                raise HaechiError("generate_qa: a dense round trip needs the base model")
            ranks = dense_ranks(kept, corpus, models.base, store, params.round_trip_k)
        kept, lost = filters.apply(kept, [filters.found_again(ranks, params.round_trip_k)])
        dropped += lost
    kept, lost = filters.unrepeated(kept, by_id, params.near_duplicate)
    dropped += lost

    on_new = questions_on_new(allowed, (q.question for q in kept), words, params.seed) if sources.earlier else ()
    counts: dict[str, Any] = {
        "passages": {**counted, "with_questions": len({q.passage_id for q in kept})},
        "questions": {"written": len(written), "kept": len(kept), "dropped": filters.reasons(dropped)},
        "styles": {style: sum(q.style == style for q in kept) for style in sorted({q.style for q in kept})},
        "report": portrait.summary,
        **({"writer": drafts.counts} if drafts.counts else {}),
    }
    return Generated(tuple(kept), tuple(sorted(dropped, key=lambda q: (q.question_id, q.reason))), counts, portrait, on_new)


def askable(corpus: Sequence[Passage], away: Away, earlier: Earlier = NOTHING) -> list[Passage]:
    """The passages that questions may be made from: not held out, no decisions, new to the base, in a language that is known."""
    return [p for p in _free(earlier.new(corpus), away, corpus) if language(p.text) != "unknown"]


def _free(passages: Iterable[Passage], away: Away, corpus: Sequence[Passage]) -> list[Passage]:
    held = with_duplicates(away.keys, corpus)
    return [p for p in passages if p.article_key not in held and p.type != "prec"]


def _languages(corpus: Sequence[Passage], away: Away) -> dict[str, int]:
    """Passages by language, of those that are neither held out nor decisions."""
    return dict(sorted(Counter(language(p.text) for p in _free(corpus, away, corpus)).items()))


def _cheap_filters(
    written: Sequence[Question], passages: Mapping[str, Passage], away: Away, params: GenerateQaParams
) -> list[filters.Filter]:
    """Those that need no model and no search, in the order in which they get the blame."""
    return [
        filters.not_empty,
        filters.plain_text,
        filters.length_between(params.min_chars, params.max_chars),
        filters.in_language({p.id: language(p.text) for p in passages.values()}),
        filters.about_this_document,
        filters.not_copied(passages, params.max_copied_chars),
        filters.answered_by(passages),
        filters.unlike(away.queries, written, params.near_duplicate),
    ]


def _passage_counts(corpus: Sequence[Passage], away: Away) -> dict[str, Any]:
    held = with_duplicates(away.keys, corpus)
    decisions = sum(p.type == "prec" and p.article_key not in held for p in corpus)
    return {"in": len(corpus), "held_out": sum(p.article_key in held for p in corpus), "decisions": decisions}


def _old(sources: Sources) -> dict[str, int]:
    """How many passages the base was trained on before, if it was."""
    return {"old": len(sources.corpus) - len(sources.earlier.new(sources.corpus))} if sources.earlier else {}


def _texts_by_kind(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """Real queries: issues that courts wrote and queries that users wrote; titles and the like are no questions."""
    texts: dict[str, list[str]] = defaultdict(list)
    for pair in pairs:
        if pair.meta.type in ("precedent", "user"):
            texts[pair.meta.type].append(pair.query_text)
    return dict(texts)
