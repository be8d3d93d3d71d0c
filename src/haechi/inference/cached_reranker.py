"""Cross-encoders as judges of candidates: scores of pairs, each made once and kept in the row store.

Pairs of all queries go through together in order of length, in fixed shapes, so a score depends on its pair alone.
"""

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from haechi.inference import fixed_shapes, openvino
from haechi.inference.fixed_shapes import Precision
from haechi.inference.model_key import model_key
from haechi.inference.openvino import Bits
from haechi.models.tokenize import Reader
from haechi.retrieval.run import Run
from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import SCORES
from haechi.rowstore.store import Store
from haechi.runtime.errors import HaechiError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Scores = npt.NDArray[np.float64]
SLAB = 65_536  # pairs looked up at once
MADE = 2_048  # pairs scored and written at once


class Reranker:
    """A cross-encoder whose scores come from the row store; only pairs that it never saw go through the model."""

    def __init__(
        self, model: "CrossEncoder", store: Store, precision: Precision = "fp32", compiled_to: Bits | None = None
    ) -> None:
        self._model, self._store, self._precision, self._bits = model, store, precision, compiled_to
        self._identity = model_key(model, precision)
        if compiled_to:
            self._identity |= {"precision": compiled_to, "openvino": openvino.version()}
        self._keys = Keys(self._identity)
        self._read = Reader(model)
        self.made, self.seconds = 0, 0.0
        """Pairs that went through the model, and how long they took."""

    @functools.cached_property
    def _network(self) -> "openvino.Network | None":
        """Compiled for the first pair that isn't in the store."""
        return openvino.compiled(self._model, self._bits) if self._bits else None

    def scores(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """How well the passage of each (query, passage) answers, in (0, 1): the sigmoid of what the model says.  # (pairs,)"""
        return np.asarray(1.0 / (1.0 + np.exp(-self.logits(pairs))))

    def logits(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """What the model says: whoever ranks compares these, since the sigmoids of large ones are the same number.  # (pairs,)"""
        order = sorted(range(len(pairs)), key=lambda place: (sum(map(len, pairs[place])), pairs[place]))
        found = np.zeros(len(pairs))
        for start in range(0, len(order), SLAB):
            places = order[start : start + SLAB]
            found[places] = self._slab([pairs[place] for place in places])
        return found

    def _slab(self, pairs: list[tuple[str, str]]) -> list[float]:
        keys = [self._keys.of(query=query, passage=passage) for query, passage in pairs]

        def made(missing: list[int]) -> list[float]:
            some = [pairs[place] for place in missing]
            began = time.monotonic()
            logits = fixed_shapes.run(self._model, some, "scores", self._precision, network=self._network, read=self._read)[:, 0]
            self.made, self.seconds = self.made + len(some), self.seconds + time.monotonic() - began
            if not np.isfinite(logits).all():
                worst = pairs[missing[int(np.flatnonzero(~np.isfinite(logits))[0])]]
                raise HaechiError(f"rerank: the score of a pair is not a finite number (query {worst[0][:40]!r})")
            return [float(logit) for logit in logits]

        return self._store.through(SCORES, keys, made, MADE, self._identity)


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a reranker ranks labelled positives at least as well as the ranking that it is to judge."""

    queries: int
    before: float
    """Mean reciprocal rank of the first positive in the fused ranking."""
    after: float
    """The same in the reranked one."""

    @property
    def passed(self) -> bool:
        """A judge that is worse than what it judges is none."""
        return self.queries > 0 and self.after >= self.before


def gate(fused: Run, reranked: Run, gold: Mapping[str, frozenset[str]]) -> Gate:
    """Compare two rankings of the same candidates on labelled queries; a query whose positives are in neither counts as 0."""
    ids = [query_id for query_id in gold if gold[query_id]]
    before, after = (float(np.mean([_reciprocal(run, id, gold[id]) for id in ids])) if ids else 0.0 for run in (fused, reranked))
    return Gate(len(ids), round(before, 6), round(after, 6))


def rerank(run: Run, reranker: Reranker, queries: Mapping[str, str], texts: Mapping[str, str], depth: int) -> Run:
    """The first `depth` of each list in the order of the reranker; nothing below is kept."""
    wanted = [(query_id, scored.id) for query_id in run for scored in run[query_id][:depth]]
    scores = reranker.logits([(queries[query_id], texts[id]) for query_id, id in wanted])
    lists: dict[str, list[tuple[str, float]]] = {query_id: [] for query_id in run}
    for (query_id, id), score in zip(wanted, scores, strict=True):
        lists[query_id].append((id, float(score)))
    return Run(lists)


def _reciprocal(run: Run, query_id: str, positives: frozenset[str]) -> float:
    return next((1.0 / rank for rank, scored in enumerate(run[query_id], start=1) if scored.id in positives), 0.0)
