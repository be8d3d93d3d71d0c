"""Fits a mixture on labelled queries that training never saw, and takes the simplest form that is as good as the best.

A form is a conditional logit: a softmax over the articles found for a query, its answers against the rest. Each query is scored
by weights that were fitted without its decision, and forms are compared by that.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from haechi.fusion.mixture import Form, Mixture
from haechi.fusion.params import FusionParams
from haechi.fusion.signals import CITED, FIRST, LAW, SEEN, TITLE, Array, Candidates, Known
from haechi.retrieval.run import Run
from haechi.scoring.metrics import gold_ranks, score
from haechi.scoring.names import BASE, BM25, HEADLINE, TUNED

FOLDS = 5
NEAR = 40
"""Articles of each search that fitting looks at, beside the answers: what stands below is far from being one."""
PRETRAINED = 0.7
"""What is added to the weight of each encoder that wasn't trained here, where all questions are made: these share words with
their passages, and the tuned model has learnt from their like, so both look better than they are on what people ask."""
STEPS = tuple(round(0.1 * step, 1) for step in range(11))
OLD, NEW_ARTICLE, NEW_LAW, BY_TITLE = "seen", "unseen_article", "unseen_law", "title"


class Labelled(NamedTuple):
    """A validation query with its answers."""

    id: str
    text: str
    own: str
    """The decision that it was taken from, which must not answer it."""
    gold: tuple[str, ...]
    group: str
    """Queries of one group resemble each other: no weight is judged on a group that it was fitted on."""
    kind: str
    made: bool = False
    """Whether nobody asked it."""


@dataclass(frozen=True)
class Fitted:
    """A mixture, and what it is worth."""

    mixture: Mixture
    lists: Run
    """Of each query that it was fitted on, its articles by weights that were fitted without its group."""


@dataclass(frozen=True)
class _Example:
    """What fitting needs of one query."""

    query: Labelled
    found: Candidates
    share: float
    fold: int


def forms(systems: Sequence[str], kinds: Sequence[str]) -> dict[Form, tuple[str, ...]]:
    """Form -> its terms, the simpler first. What training cites may count only where validation has answers of both sorts."""
    scores = (*systems, *(system + FIRST for system in systems), TITLE, LAW, f"{TITLE}*{LAW}")
    found: dict[Form, tuple[str, ...]] = {"scores": scores}
    if OLD in kinds and (NEW_ARTICLE in kinds or NEW_LAW in kinds):
        found["classes"] = (*scores, SEEN, CITED, *(f"{system}*{SEEN}" for system in systems))
    return found


def fit(queries: Sequence[Labelled], founds: Sequence[Candidates], systems: Sequence[str], params: FusionParams) -> Fitted:
    """The mixture of these systems."""
    counts = Counter(query.kind for query in queries)
    labels = dict(sorted(counts.items()))
    issues = sum(count for kind, count in counts.items() if kind != BY_TITLE)
    examples = _examples(queries, founds, params)
    if issues < params.fewest or not examples:
        weight = _constant(examples)
        why = f"{issues} labelled validation queries are fewer than fusion.fewest ({params.fewest}), so one weight was chosen"
        one = Mixture("constant", {BM25: round(1.0 - weight, 1), TUNED: weight}, why, labels=labels)
        return Fitted(one, _lists(examples, [one.scores(example.found) for example in examples]))
    terms_of = forms(systems, list(counts))
    made = all(query.made for query in queries if query.kind != BY_TITLE)
    more = {term: made * PRETRAINED * (term in systems and term not in (BM25, TUNED, BASE)) for term in terms_of["scores"]}
    crossed = {form: _crossed(examples, terms, params.penalty, more) for form, terms in terms_of.items()}
    judged = {form: _figures(examples, scores) for form, scores in crossed.items()}
    share, groups = np.array([example.share for example in examples]), [example.query.group for example in examples]
    means = {form: float(share @ values) for form, values in judged.items()}
    best = max(means, key=lambda form: means[form])
    behind = {form: _gap(judged[best] - values, share, groups) for form, values in judged.items()}
    form = next(form for form, (gap, error) in behind.items() if gap <= error)
    why = "best on validation" if form == best else f"the simplest that is within one standard error of {best} on validation"
    if raised := [term for term, value in more.items() if value]:
        why += f"; all questions are made, so {', '.join(raised)} counts {PRETRAINED} more than they say"
    validation: dict[str, dict[str, float]] = {
        form: {HEADLINE: round(means[form], 4), "behind": round(gap, 4), "error": round(error, 4)}
        for form, (gap, error) in behind.items()
    }
    weights = dict(sorted(zip(terms_of[form], _weights(examples, terms_of[form], params.penalty), strict=True)))
    rounded = {term: round(float(weight) + more.get(term, 0.0), 4) for term, weight in weights.items()}
    return Fitted(Mixture(form, rounded, why, labels=labels, validation=validation), _lists(examples, crossed[form]))


def _examples(queries: Sequence[Labelled], founds: Sequence[Candidates], params: FusionParams) -> list[_Example]:
    """Shares sum up to 1; a query whose answers no search found teaches nothing, but counts where forms are compared."""
    counts = Counter(query.kind for query in queries)
    unseen = [kind for kind in (NEW_ARTICLE, NEW_LAW) if counts[kind]]
    weight = {OLD: 1.0 - params.unseen_share} | {kind: params.unseen_share / len(unseen) for kind in unseen}
    there = {kind: weight[kind] for kind in counts if kind in weight}
    total = sum(there.values()) or 1.0
    titles = params.title_share if counts[BY_TITLE] and there else float(bool(counts[BY_TITLE]))
    share = {kind: (1.0 - titles) * value / total for kind, value in there.items()} | {BY_TITLE: titles}
    return [
        _Example(query, found, share[query.kind] / counts[query.kind], _fold(query.group))
        for query, found in zip(queries, founds, strict=True)
    ]


def _fold(group: str) -> int:
    return hashlib.sha256(group.encode()).digest()[0] % FOLDS


def _crossed(examples: Sequence[_Example], terms: Sequence[str], penalty: float, more: Mapping[str, float]) -> list[Array]:
    """The scores of each query's articles by weights that were fitted without its fold, and what is added to them."""
    folds, added = {example.fold for example in examples}, np.array([more.get(term, 0.0) for term in terms])
    weights = {fold: _weights([example for example in examples if example.fold != fold], terms, penalty) for fold in folds}
    return [example.found.matrix(terms) @ (weights[example.fold] + added) for example in examples]


def _figures(examples: Sequence[_Example], scores: Sequence[Array]) -> Array:
    """The headline metric of each query."""
    run = _lists(examples, scores)
    found = score({one.query.id: gold_ranks(run[one.query.id], one.query.gold) for one in examples}, (10,))
    return np.array([found[example.query.id][HEADLINE] for example in examples])


def _lists(examples: Sequence[_Example], scores: Sequence[Array]) -> Run:
    pairs = zip(examples, scores, strict=True)
    return Run({one.query.id: list(zip(one.found.ids, values.tolist(), strict=True)) for one, values in pairs})


def _constant(examples: Sequence[_Example]) -> float:
    """The share of the tuned model with the best figure; the larger among equals, and 1 where there is nothing to choose by."""
    figures: dict[float, float] = {}
    for weight in STEPS if examples else ():
        mix = Mixture("constant", {BM25: 1.0 - weight, TUNED: weight})
        found = _figures(examples, [mix.scores(one.found) for one in examples])
        figures[weight] = sum(one.share * value for one, value in zip(examples, found.tolist(), strict=True))
    return max(figures, key=lambda weight: (figures[weight], weight), default=1.0)


def _weights(examples: Sequence[_Example], terms: Sequence[str], penalty: float) -> Array:
    """The weights under which the answers are likeliest, each held near 0 as much as its term varies."""
    from scipy.optimize import minimize  # late: a search reads this room and fits nothing

    blocks, hits, shares = [], [], []
    for example in examples:
        rows, hit = _near(example)
        if hit.any() and not hit.all():
            blocks.append(example.found.matrix(terms)[rows])
            hits.append(hit)
            shares.append(example.share)
    if not blocks:
        return np.zeros(len(terms))
    table, answers = np.concatenate(blocks), np.concatenate(hits)
    sizes = np.array([len(block) for block in blocks])
    begins, owner = np.cumsum(sizes) - sizes, np.repeat(np.arange(len(sizes)), sizes)
    share = np.array(shares) / sum(shares)
    spread = table.std(axis=0)
    scale = np.where(spread > 1e-9, spread, 1.0)
    table = table / scale

    def loss(weights: Array) -> tuple[float, Array]:
        scores = table @ weights
        likely = np.exp(scores - np.maximum.reduceat(scores, begins)[owner])
        right = np.where(answers, likely, 0.0)
        everything, wanted = np.add.reduceat(likely, begins), np.maximum(np.add.reduceat(right, begins), 1e-300)
        slope = ((share / everything)[owner] * likely - (share / wanted)[owner] * right) @ table
        shrunk = penalty / len(sizes)
        return float(share @ np.log(everything / wanted) + shrunk * (weights @ weights) / 2), slope + shrunk * weights

    found = minimize(loss, np.zeros(len(terms)), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return np.asarray(found.x / scale)


def _near(example: _Example) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The rows that fitting looks at, and which of them answer."""
    found = example.found
    answers = np.isin(np.array(found.ids, dtype=object), example.query.gold)
    first = [values for signal, values in found.signals.items() if signal.endswith(FIRST)]
    rows = np.flatnonzero((np.max(first, axis=0, initial=0.0) >= 1.0 / NEAR) | answers)
    return rows, answers[rows]


def _gap(differences: Array, share: Array, groups: Sequence[str]) -> tuple[float, float]:
    """A weighted mean and its standard error, the groups being what was drawn."""
    mean = float(share @ differences)
    sums: dict[str, float] = {}
    for group, part in zip(groups, (share * (differences - mean)).tolist(), strict=True):
        sums[group] = sums.get(group, 0.0) + part
    return mean, math.sqrt(sum(value * value for value in sums.values()))


def kind_of(gold: Sequence[str], known: Known) -> str:
    """Whether training named an answer, or at least an article of its law."""
    if any(key in known.cited for key in gold):
        return OLD
    laws = {known.law.get(key, key) for key in gold}
    return NEW_ARTICLE if any(known.law.get(key) in laws for key in known.cited) else NEW_LAW
