"""One question, three lists: the tuned model, BM25 and the hybrid, folded to articles as evaluate does it."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from haechi.corpus.duplicates import one_name
from haechi.evaluation.params import EvaluateParams
from haechi.fusion.mixture import Mixture, ranked
from haechi.fusion.signals import candidates, known_of
from haechi.models.load import AnyEncoder, folder_hash, open_base, open_encoder, weight_hash
from haechi.records.passage import Passage
from haechi.retrieval.bm25 import Bm25
from haechi.retrieval.dense import Vectors, encode_queries, search
from haechi.retrieval.params import RetrievalParams
from haechi.retrieval.run import PASSAGES_PER_ARTICLE, Run, Scored
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.params import load_section
from haechi.scoring.names import BASE, BM25, HYBRID, TUNED, label
from haechi.serving.embed import Model, open_model
from haechi.serving.fusion import Fusion, fusion_of, without
from haechi.serving.index import Index, open_index, read_corpus, rounded
from haechi.serving.rerank import LiveReranker, Reranking, open_reranker
from haechi.text.morphemes import tokenize

SYSTEMS = (TUNED, BM25, HYBRID)
RERANKER = "reranker"
"""What it says of an article stands among the hybrid's signals."""
LONGEST = 2_000
"""Characters of a query: longer than any issue of a decision, and soon read."""
MOST = 50
"""Results of a list."""
_Q = ""  # runs are keyed by query; here there is one


@dataclass(frozen=True, slots=True)
class Only:
    """Passages to search: of one of these laws and of one of these types; empty means any."""

    laws: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


ANY = Only()
MIXTURE = Path("models/fusion.json")


class Further(NamedTuple):
    """An encoder of the hybrid with its vectors of all passages."""

    encoder: AnyEncoder
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Hit:
    """An article in a list, shown by the passage that brought it there."""

    rank: int
    score: float
    name: str
    """As people call it: 민법 제750조(불법행위의 내용), or 사용 설명서 > 청소 > 필터 of a document with headings."""
    id: str
    article_key: str
    type: str
    law: str
    text: str
    page: int
    """Where the text begins; 0 where the source has no pages."""
    key: str
    """The article as it is judged: articles that say the same have one key, and one place in a list."""
    same: tuple[str, ...]
    """Names of the other articles that say the same."""
    ranks: Mapping[str, int]
    """System -> its rank there, where it has one."""
    signals: Mapping[str, float]
    """What each signal gave to the score of the hybrid, the largest first; empty in the other lists."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the systems found."""

    query: str
    words: tuple[str, ...]
    """The content words that BM25 looked for."""
    doubtful: bool
    """The tuned model's best score lies below the threshold that validation chose: there may be no answer here."""
    lists: Mapping[str, tuple[Hit, ...]]
    reranked: int = 0
    """Articles of the hybrid that stand in the order of a reranker, before all others."""


class Engine:
    """A corpus, ready to be asked; may be asked by several threads."""

    def __init__(self, index: Index, encoder: AnyEncoder, fusion: Fusion, depth: int, further: Mapping[str, Further]) -> None:
        self.index, self.fusion = index, fusion
        self.reranker: LiveReranker | None = None
        self._encoders = {TUNED: Further(encoder, index.vectors), **further}
        self._depth = depth
        self.systems = (BM25, *self._encoders)
        self._passages = {passage.id: passage for passage in index.passages}
        self._ids = list(self._passages)
        name = one_name(index.passages)
        self._key_of = {passage.id: name[passage.article_key] for passage in index.passages}
        self._known = known_of(index.passages, name, fusion.mixture.cited)
        self._names: dict[str, dict[str, str]] = {}  # key -> the articles that it stands for, and their names
        for passage in index.passages:
            self._names.setdefault(name[passage.article_key], {}).setdefault(passage.article_key, name_of(passage))
        self._lexical = Bm25.kept(self._ids, index.words)
        self.laws = _counted(passage.law_name for passage in index.passages if passage.law_name)
        self.types = _counted(passage.type for passage in index.passages)
        self._kiwi = threading.Lock()
        self._rows = lru_cache(maxsize=64)(self._rows_of)

    def ask(self, query: str, k: int, only: Only = ANY) -> Answer:
        """The best articles of each system."""
        text = checked(query)
        mask = self._mask(only)
        with self._kiwi:
            words = tokenize([text])[0]
        lexical = self._lexical.search([_Q], [words], PASSAGES_PER_ARTICLE * self._depth, mask)
        dense = {system: self._dense(one, text, only) for system, one in self._encoders.items()}
        runs = {BM25: self._fold(lexical), **{system: self._fold(run) for system, run in dense.items()}}
        found = candidates(text, {system: run[_Q] for system, run in runs.items()}, self._known)
        runs[HYBRID] = ranked(found, self.fusion.mixture, self._depth)
        ranked_lists = {system: list(runs[system][_Q]) for system in SYSTEMS}
        said: dict[str, float] = {}
        if self.reranker:
            ranked_lists[HYBRID], said = self.reranker.order(text, ranked_lists[HYBRID])
        ranks = {system: {scored.id: rank for rank, scored in enumerate(ranked_lists[system], start=1)} for system in SYSTEMS}
        shown = {BM25: self._best(lexical), **{system: self._best(run) for system, run in dense.items()}}
        shown[HYBRID] = {key: id for system in reversed([TUNED, BM25, *dense]) for key, id in shown[system].items()}
        row_of, parts = {key: row for row, key in enumerate(found.ids)}, self.fusion.mixture.parts(found)
        given = {scored.id: _given(parts, row_of[scored.id]) for scored in ranked_lists[HYBRID][:k]}
        given = {id: ({RERANKER: round(said[id], 3)} if id in said else {}) | one for id, one in given.items()}
        lists = {
            system: tuple(
                self._hit(rank, scored, shown[system][scored.id], ranks, given[scored.id] if system == HYBRID else {})
                for rank, scored in enumerate(ranked_lists[system][:k], start=1)
            )
            for system in SYSTEMS
        }
        best = dense[TUNED][_Q][0].score if dense[TUNED][_Q] else 0.0
        return Answer(text, tuple(dict.fromkeys(words)), best < self.fusion.threshold, lists, len(said))

    def texts(self) -> dict[str, list[str]]:
        """Article -> the texts of its passages."""
        texts: dict[str, list[str]] = {}
        for id, passage in self._passages.items():
            texts.setdefault(self._key_of[id], []).append(passage.text)
        return texts

    def _dense(self, by: Further, text: str, only: Only) -> Run:
        vector = rounded(encode_queries(by.encoder, [text]))
        if not vector.any():  # of no piece that the model knows: every passage would be as near as any other
            return Run({_Q: []})
        ids, vectors = self._ids, by.vectors
        if only != ANY:
            rows = self._rows(only)
            ids, vectors = [ids[row] for row in rows.tolist()], vectors[rows]
        return search([_Q], vector, ids, vectors, PASSAGES_PER_ARTICLE * self._depth)

    def _fold(self, run: Run) -> Run:
        return run.fold(self._key_of, {}, self._depth)

    def _best(self, run: Run) -> dict[str, str]:
        """Article -> its best passage."""
        best: dict[str, str] = {}
        for scored in run[_Q]:
            best.setdefault(self._key_of[scored.id], scored.id)
        return best

    def _hit(
        self, rank: int, scored: Scored, id: str, ranks: Mapping[str, Mapping[str, int]], signals: Mapping[str, float]
    ) -> Hit:
        key, passage = scored.id, self._passages[id]
        places = {system: placed[key] for system, placed in ranks.items() if key in placed}
        return Hit(
            rank,
            round(scored.score, 6),
            passage.header if passage.type == "doc" and passage.title else name_of(passage),
            id,
            passage.article_key,
            passage.type,
            passage.law_name,
            passage.body,
            passage.page,
            key,
            tuple(name for article, name in self._names[key].items() if article != passage.article_key),
            places,
            signals,
        )

    def _mask(self, only: Only) -> npt.NDArray[np.bool_] | None:
        for kind, wanted, there in (("law", only.laws, self.laws), ("type", only.types, self.types)):
            for value in wanted:
                if value not in there:
                    near = get_close_matches(value, there, 3, 0.3) or list(there)[:3]
                    raise UsageError(f"no passage has the {kind} {value!r}; there are {', '.join(near)} and others")
        if only == ANY:
            return None
        mask = np.zeros(len(self._ids), dtype=bool)
        mask[self._rows(only)] = True
        return mask

    def _rows_of(self, only: Only) -> npt.NDArray[np.int64]:
        fits = (
            (not only.laws or passage.law_name in only.laws) and (not only.types or passage.type in only.types)
            for passage in self.index.passages
        )
        return np.flatnonzero(np.fromiter(fits, dtype=bool, count=len(self._ids)))


def open_engine(
    model: Path,
    corpus: Path,
    params: Path,
    details: Path,
    mixture: Path = MIXTURE,
    vectors: Path | None = None,
    reranking: Reranking | None = None,
) -> Engine:
    """Everything read and ready; Kiwi reads its model while we read ours."""
    with ThreadPoolExecutor(1) as pool:
        analyser = pool.submit(tokenize, ["해치"])
        retrieval = load_section(params, "retrieval", RetrievalParams)
        settings = load_section(params, "evaluate", EvaluateParams)
        passages = read_corpus(corpus)
        encoder = open_encoder(model)
        analyser.result()
    index = open_index(passages, corpus, folder_hash(model), encoder, retrieval, vectors)
    width = encode_queries(encoder, ["해치"]).shape[1]
    if width != index.vectors.shape[1]:
        raise UsageError(f"{model}: gives vectors of {width} numbers, but the index holds vectors of {index.vectors.shape[1]}")
    fusion = fusion_of(model, mixture, details, index.model)
    further: dict[str, Further] = {}
    lacking: list[str] = []
    for system in fusion.mixture.missing((BM25, TUNED)):
        try:
            one = opened(fusion.mixture, system)
            further[system] = Further(one.encoder, open_index(passages, corpus, one.hash, one.encoder, retrieval).vectors)
        except HaechiError as error:
            lacking.append(f"{label(system)} ({error})")
    if lacking:
        fusion = replace(fusion, note=without(lacking, [BM25, TUNED, *further]))
    engine = Engine(index, encoder, fusion, settings.depth, further)
    if reranking:
        engine.reranker = open_reranker(reranking, engine.texts(), details, settings)
    return engine


def opened(mixture: Mixture, system: str) -> Model:
    """One of the mixture's further encoders, if it is still the one that the weights were fitted with."""
    place = mixture.places.get(system, system)
    if system == BASE:
        model = open_model(place)
    else:
        encoder = open_base(place, mixture.max_length)
        model = Model(encoder, weight_hash(encoder)[:16])
    if model.hash[:16] != mixture.made_of[system][:16]:
        raise HaechiError(f"{place} is another model than the weights were fitted with")
    return model if system == BASE else Model(model.encoder, f"{model.hash}-{mixture.max_length}")


def _given(parts: Mapping[str, npt.NDArray[np.float64]], row: int) -> dict[str, float]:
    """What each signal gave to one article, the largest first; what gave nothing is left out."""
    values = {signal: round(float(given[row]), 3) for signal, given in parts.items()}
    return {signal: value for signal, value in sorted(values.items(), key=lambda item: -item[1]) if value}


def checked(query: str) -> str:
    """The query as it is searched, or what is wrong with it in one sentence."""
    text = query.encode(errors="replace").decode().strip()
    if not text:
        raise UsageError("the query is empty; type a question or some words")
    if len(text) > LONGEST:
        raise UsageError(f"the query has {len(text)} characters; {LONGEST} are read at most")
    return text


def name_of(passage: Passage) -> str:
    """What people call it: law and article with its title; a document's title; a decision's header."""
    if passage.type in ("law", "admin"):
        name = f"{passage.law_name} {passage.article}".strip()
        return f"{name}({passage.title})" if passage.title and passage.title not in passage.article else name
    return passage.title if passage.type == "doc" and passage.title else passage.text.partition("\n")[0][:120]


def _counted(values: Iterable[str]) -> dict[str, int]:
    """How many passages have each value, by name."""
    return dict(sorted(Counter(values).items()))
