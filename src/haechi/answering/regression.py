"""Fits the gate's two regressions: balanced, then calibrated for the shares in which the sorts are met."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from threadpoolctl import threadpool_limits

from haechi.answering.gate import ABSENT, TALK, Array, Gate, Logistic, Scaled, Seen, chance_of, length
from haechi.answering.params import GateParams
from haechi.runtime.errors import HaechiError

ANSWERED, QUESTION = "answered", "question"
"""Labels beside talk and absent: a question that the corpus answers, and one of which nobody says whether it does."""


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled turn."""

    id: str
    label: str
    seen: Seen
    fold: int


def fit(examples: Sequence[Example], params: GateParams, made_of: Mapping[str, str]) -> Gate:
    """The gate, each regression calibrated on sums of weights that were fitted without the example's fold."""
    with threadpool_limits(1, user_api="blas"):  # vectors so short are slower when several threads share them
        talk, absent = _calibrated(*_of_talk(examples), params), _calibrated(*_of_absence(examples), params, words=False)
    return Gate(talk, absent, made_of)


def _of_talk(examples: Iterable[Example]) -> tuple[list[Example], Array]:
    rows = list(examples)
    return rows, np.array([one.label == TALK for one in rows], dtype=np.float64)


def _of_absence(examples: Iterable[Example]) -> tuple[list[Example], Array]:
    rows = [one for one in examples if one.label in (ABSENT, ANSWERED)]
    return rows, np.array([one.label == ABSENT for one in rows], dtype=np.float64)


def _calibrated(rows: Sequence[Example], is_it: Array, params: GateParams, *, words: bool = True) -> Logistic:
    """Fitted on as much of either sort; then sums become chances for the shares in which the sorts are met."""
    if not 0.0 < is_it.mean() < 1.0:
        raise HaechiError(
            "gate: needs labelled turns of both sorts; see tracks/answer/data and the project's validation questions"
        )
    folds, sums = np.array([one.fold for one in rows]), np.empty(len(rows))
    for fold in np.unique(folds):
        inside = folds != fold
        part = _fitted([rows[i] for i in np.flatnonzero(inside).tolist()], is_it[inside], params, words=words)
        sums[~inside] = [part.total(rows[i].seen) for i in np.flatnonzero(~inside).tolist()]
    met = _weights(is_it, params.talk_share if words else params.absent_share)
    slope, shift = _regression(csr_matrix(sums[:, None]), is_it, met, 1e-6)
    whole = _fitted(rows, is_it, params, words=words)
    return Logistic(round(whole.bias, 5), whole.words, whole.signals, round(float(slope), 5), round(float(shift), 5))


def _fitted(rows: Sequence[Example], is_it: Array, params: GateParams, *, words: bool) -> Logistic:
    names = sorted(rows[0].seen.signals)
    table = np.array([[one.seen.signals[name] for name in names] for one in rows])
    mean, spread = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-6)
    place = {mark: column for column, mark in enumerate(_common(rows, params.fewest) if words else [])}
    has = [(row, place[mark]) for row, one in enumerate(rows) for mark in sorted(one.seen.marks & place.keys())]
    values = [1.0 / length(rows[row].seen.marks) for row, _ in has]
    counts = csr_matrix((values, ([row for row, _ in has], [column for _, column in has])), shape=(len(rows), len(place)))
    columns = hstack([csr_matrix((table - mean) / spread), counts]).tocsr()
    *found, bias = _regression(columns, is_it, _weights(is_it, 0.5), params.penalty)
    scaled = {name: Scaled(*(round(float(value), 6) for value in (mean[i], spread[i], found[i]))) for i, name in enumerate(names)}
    kept = {mark: round(float(found[len(names) + i]), 4) for mark, i in place.items()}
    return Logistic(float(bias), {mark: weight for mark, weight in kept.items() if weight}, scaled)


def _regression(table: Any, is_it: Array, weights: Array, penalty: float) -> Array:
    """The weights of the columns and, last, the bias."""
    columns = hstack([table, csr_matrix(np.ones((table.shape[0], 1)))]).tocsr()
    turned = columns.T.tocsr()
    held = np.append(np.full(table.shape[1], penalty), 0.0)

    def loss(found: Array) -> tuple[float, Array]:
        sums = columns @ found
        lost = weights @ (np.logaddexp(0.0, sums) - is_it * sums) + 0.5 * held @ found**2
        return float(lost), turned @ (weights * (chance_of(sums) - is_it)) + held * found

    return np.asarray(minimize(loss, np.zeros(columns.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x)


def _weights(is_it: Array, share: float) -> Array:
    """What each example counts, so that those that are it make up that share; 1 on average."""
    each = np.where(is_it > 0, share / max(is_it.sum(), 1.0), (1.0 - share) / max((1.0 - is_it).sum(), 1.0))
    return np.asarray(each * len(is_it))


def _common(rows: Iterable[Example], fewest: int) -> list[str]:
    counts: dict[str, int] = {}
    for one in rows:
        for mark in one.seen.marks:
            counts[mark] = counts.get(mark, 0) + 1
    return sorted(mark for mark, count in counts.items() if count >= fewest)
