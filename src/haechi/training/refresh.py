"""Negatives mined anew with the model as it is: what it finds nearest to a query, of what the miner let anyone have.

Only passages that the rows show take part, so articles that are kept out of training stay out; and what any row names beside
an answer is no negative of it, as in mining. Where examples are left out (`max_samples`), what they cite is not known here.
The first few that are left are skipped as well: the nearer a passage comes to a tuned model, the likelier it answers unsaid.
"""

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from haechi.models.token_cache import TokenCache
from haechi.retrieval.dense import BATCH, encode_passages, encode_queries
from haechi.scoring.validation import halved
from haechi.training.examples import PADDING, Numbers, Rows
from haechi.training.memory import retried
from haechi.training.objective import Objective

BLOCK = 256
"""Queries that are searched at once."""
NEGATIVES = "negatives.npy"


class Refresh(TrainerCallback):
    """Gives the objective new negatives after the given steps, and remembers them in a state."""

    def __init__(self, model: SentenceTransformer, objective: Objective, at: Collection[int], skip: int) -> None:
        self._model, self._objective, self._at, self._skip = model, objective, frozenset(at), skip
        self._excluded = excluded_negatives(objective.rows) if at else ()
        self._tokens, self._batch = TokenCache(), BATCH

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Mine anew if it is time."""
        if state.global_step in self._at:
            self._model.eval()
            self._objective.rows = retried(self._refreshed, lambda: self._shrink(state.global_step))
            self._model.train()

    def _refreshed(self) -> Rows:
        return refreshed(self._model, self._objective.rows, self._excluded, self._skip, self._tokens, self._batch)

    def _shrink(self, step: int) -> None:
        remedy = "lower model.max_length, or set train.refresh_every to 0"
        self._batch = halved(self._batch, f"where negatives are mined anew (step {step})", remedy)

    def save(self, folder: Path) -> None:
        """Put the negatives into the folder of a state."""
        if self._at:
            np.save(folder / NEGATIVES, self._objective.rows.documents[:, 1:])

    def load(self, folder: Path) -> None:
        """Bring them back."""
        if self._at:
            negatives = np.load(folder / NEGATIVES, allow_pickle=False)
            self._objective.rows = self._objective.rows.with_negatives(negatives)


def excluded_negatives(rows: Rows) -> tuple[Numbers, ...]:
    """For each row what may answer its query, and what any row names beside one of the query's answers."""
    beside: defaultdict[int, set[int]] = defaultdict(set)
    answers: defaultdict[str, set[int]] = defaultdict(set)
    positives = rows.documents[:, 0].tolist()
    for query, positive, named in zip(rows.queries, positives, rows.allowed_not, strict=True):
        beside[positive].update(named.tolist())
        answers[query].add(positive)
    whole = {query: np.array(sorted(set().union(*(beside[one] for one in own)))) for query, own in answers.items()}
    return tuple(whole[query] for query in rows.queries)


def refreshed(
    model: SentenceTransformer, rows: Rows, excluded: tuple[Numbers, ...], skip: int, tokens: TokenCache, batch: int = BATCH
) -> Rows:
    """The same rows with the nearest passages that they show as negatives, but for the first `skip`; as many as before.

    A row that has the negatives of its batch alone stays so.
    """
    pool = np.array([number for number, text in enumerate(rows.texts) if text])
    place = np.full(len(rows.texts), -1)
    place[pool] = np.arange(len(pool))
    with tokens.of(model) as reading:
        queries = encode_queries(reading, rows.queries, batch)
        vectors = encode_passages(reading, [rows.texts[number] for number in pool], batch)
    wanted = rows.documents.shape[1] - 1
    negatives = np.full((len(rows), wanted), PADDING, dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        products = queries[start : start + BLOCK] @ vectors.T  # (queries, passages)
        for row, scores in enumerate(products, start):
            if rows.hard[row]:
                barred = place[excluded[row]]
                scores[barred[barred >= 0]] = -np.inf
                near = _highest(scores, skip + wanted)[skip:]
                negatives[row, : len(near)] = pool[near]
    return rows.with_negatives(negatives)


def _highest(scores: np.ndarray, number: int) -> Numbers:
    """Where the highest finite scores are, the highest first; of equal ones the first."""
    lowest = np.partition(scores, -number)[-number] if number < len(scores) else -np.inf
    among = np.flatnonzero((scores >= lowest) & np.isfinite(scores))
    return among[np.argsort(-scores[among], kind="stable")][:number]
