"""Searches one corpus and folds passages to articles, the same way for every system."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from haechi.corpus.duplicates import one_name
from haechi.models.load import AnyEncoder
from haechi.records.passage import Passage
from haechi.retrieval.bm25 import Bm25
from haechi.retrieval.dense import Vectors, search
from haechi.retrieval.params import RetrievalParams
from haechi.retrieval.run import PASSAGES_PER_ARTICLE, Run
from haechi.runtime.errors import HaechiError


class Source(Protocol):
    """Texts to tokens, and a model's unit vectors of queries and passages."""

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """Content morphemes of each text."""

    def queries(self, model: AnyEncoder, texts: Sequence[str]) -> Vectors:
        """Unit vectors of queries.  # (texts, dim)"""

    def passages(self, model: AnyEncoder, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages.  # (texts, dim)"""


class Asked(NamedTuple):
    """A query; `own` is the key of the decision that it was taken from, which must not answer it."""

    id: str
    text: str
    own: str


class Searcher:
    """One corpus; lists come back as articles."""

    def __init__(self, corpus: Sequence[Passage], tokens: Sequence[list[str]], retrieval: RetrievalParams, depth: int) -> None:
        self.ids = [passage.id for passage in corpus]
        self.name = one_name(corpus)
        self._key_of = {passage.id: self.name[passage.article_key] for passage in corpus}
        self._index = Bm25(self.ids, tokens, retrieval)
        self.depth = depth

    def bm25(self, queries: Sequence[Asked], tokens: Sequence[list[str]]) -> Run:
        """The best articles by BM25."""
        return self.fold(self._index.search([q.id for q in queries], tokens, PASSAGES_PER_ARTICLE * self.depth), queries)

    def dense(self, queries: Sequence[Asked], vectors: Vectors, passages: Vectors) -> Run:
        """The best articles by cosine."""
        if vectors.shape[1] != passages.shape[1] or len(passages) != len(self.ids) or len(vectors) != len(queries):
            raise HaechiError(
                f"evaluate: {len(queries)} queries and {len(self.ids)} passages, but vectors of shapes "
                f"{vectors.shape} and {passages.shape}"
            )
        return self.fold(search([q.id for q in queries], vectors, self.ids, passages, PASSAGES_PER_ARTICLE * self.depth), queries)

    def fold(self, run: Run, queries: Sequence[Asked]) -> Run:
        """Passages to articles, without each query's own decision."""
        return run.fold(self._key_of, {q.id: self.name.get(q.own, "") for q in queries}, self.depth)

    def foreign(self, lists: Mapping[str, Sequence[tuple[str, float]]], queries: Sequence[Asked], where: str) -> Run:
        """A run made elsewhere, over passages or articles of this corpus."""
        wanted = {q.id for q in queries}
        if unknown := sorted(lists.keys() - wanted):
            raise HaechiError(f"{where}: {unknown[0]} is no query of this test set ({len(unknown)} such of {len(lists)})")
        key_of = {**self.name, **self._key_of}
        known = Run(lists)
        strange = next(((q, s.id) for q in known for s in known[q] if s.id not in key_of), None)
        if strange:
            raise HaechiError(f"{where}: query {strange[0]} ranks {strange[1]}, neither passage nor article of the corpus")
        return known.fold(key_of, {q.id: self.name.get(q.own, "") for q in queries}, self.depth)

    def key(self, passage_id: str) -> str:
        """The article of a passage, as it is judged."""
        return self._key_of[passage_id]

    def named(self, keys: Sequence[str]) -> tuple[str, ...]:
        """Gold as it is judged: articles that say the same are one."""
        return tuple(dict.fromkeys(self.name.get(key, key) for key in keys))
