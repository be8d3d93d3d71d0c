"""The hybrid that is scored: its searches, the validation queries that its weights are fitted on, and its hashes."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from haechi.evaluation.inputs import Inputs
from haechi.evaluation.searcher import Asked, Searcher, Source
from haechi.fusion.fit import BY_TITLE, Labelled, fit, kind_of
from haechi.fusion.mixture import Mixture, mixed
from haechi.fusion.params import FusionParams
from haechi.fusion.signals import Known, candidates, known_of
from haechi.models.load import AnyEncoder
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.query import TestQuery
from haechi.retrieval.dense import Vectors
from haechi.retrieval.run import Run
from haechi.scoring.names import BASE, BM25, TUNED

MADE = ("title", "definition")
"""Pairs that nobody asked: an article that only these name counts as new."""


@dataclass(frozen=True)
class Search:
    """One system, in two steps, so that whoever needs what queries were made into has it made once."""

    read: Callable[[Sequence[Asked]], Any]
    """Queries to tokens or vectors."""
    find: Callable[[Sequence[Asked], Any], Run]

    def __call__(self, asked: Sequence[Asked]) -> Run:
        """The best articles of each query."""
        return self.find(asked, self.read(asked))


@dataclass(frozen=True)
class Hybrid:
    """A mixture with what it needs to mix."""

    mixture: Mixture
    known: Known
    valid: Run
    """The validation queries' lists, each by weights that were fitted without its decision."""

    def run(self, asked: Sequence[Asked], runs: Mapping[str, Run], depth: int) -> Run:
        """The mixed list of each query, out of each system's."""
        return mixed(self.mixture, {q.id: q.text for q in asked}, runs, self.known, depth)


def passages_of(inputs: Inputs, source: Source) -> dict[str, Vectors]:
    """The corpus by each encoder that is always scored or mixed."""
    texts = [passage.text for passage in inputs.corpus]
    return {system: source.passages(model, texts) for system, model in _models(inputs).items()}


def searches(inputs: Inputs, searcher: Searcher, source: Source, passages: Mapping[str, Vectors]) -> dict[str, Search]:
    """BM25, the base, the tuned model and the further encoders of the hybrid."""

    def dense(system: str, model: AnyEncoder) -> Search:
        return Search(
            lambda asked: source.queries(model, [q.text for q in asked]),
            lambda asked, vectors: searcher.dense(asked, vectors, passages[system]),
        )

    words = Search(lambda asked: source.tokens([q.text for q in asked]), searcher.bm25)
    return {BM25: words} | {system: dense(system, model) for system, model in _models(inputs).items()}


def _models(inputs: Inputs) -> dict[str, AnyEncoder]:
    return {BASE: inputs.base, TUNED: inputs.encoder, **inputs.mixed}


def fit_hybrid(
    inputs: Inputs, searcher: Searcher, search: Mapping[str, Search], valid: Mapping[str, Run], params: FusionParams
) -> Hybrid:
    """Weights from the validation queries, whose lists are in `valid`, and from made queries that name an article."""
    known = known_of(inputs.corpus, searcher.name, cited_in(inputs.train_pairs, searcher.name))
    issues = [_labelled(pair, searcher, known) for pair in inputs.valid_pairs]
    titles = title_queries(inputs.corpus, searcher, inputs.train_pairs, inputs.testset.queries, params.titles)
    asked = [Asked(query.id, query.text, query.own) for query in titles]
    runs = {system: (valid[system], found(asked) if asked else Run({})) for system, found in search.items()}
    queries = [*issues, *titles]
    founds = [
        candidates(query.text, {system: side[query.kind == BY_TITLE][query.id] for system, side in runs.items()}, known)
        for query in queries
    ]
    fitted = fit(queries, founds, tuple(search), params)
    mixture = replace(fitted.mixture, made_of=inputs.hashes, places=inputs.places, cited=known.cited)
    return Hybrid(replace(mixture, max_length=params.max_length), known, fitted.lists)


def cited_in(pairs: Iterable[Pair], name: Mapping[str, str]) -> dict[str, int]:
    """Article, by the name under which it is judged -> how often somebody's query is answered by it."""
    asked_for = (pair.meta.article_keys for pair in pairs if pair.meta.type not in MADE)
    return dict(sorted(Counter(key for keys in asked_for for key in {name.get(key, key) for key in keys}).items()))


def title_queries(
    corpus: Iterable[Passage], searcher: Searcher, train: Iterable[Pair], tests: Iterable[TestQuery], most: int
) -> list[Labelled]:
    """Law and title of articles whose title is no query of training; none of them is a title of the test, or kept for it."""
    taken = {key for pair in train if pair.meta.type in MADE for key in pair.meta.article_keys}
    taken |= {key for query in tests if query.suite == "title" or query.unseen for key in query.gold}
    texts = {
        passage.article_key: f"{passage.law_name} {passage.title}"
        for passage in corpus
        if passage.type in ("law", "admin") and passage.title and passage.article_key not in taken
    }
    drawn = sorted(texts, key=lambda key: hashlib.sha256(key.encode()).digest())[:most]
    return [Labelled(f"TITLE_{key}", texts[key], "", searcher.named([key]), key, BY_TITLE) for key in drawn]


def _labelled(pair: Pair, searcher: Searcher, known: Known) -> Labelled:
    gold = searcher.named(pair.meta.article_keys)
    kind, made = kind_of(gold, known), pair.meta.type == "synthetic"
    return Labelled(pair.query_id, pair.query_text, pair.meta.source_id, gold, pair.meta.group, kind, made)
