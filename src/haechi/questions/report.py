"""How diverse and how hard the questions are: length beside real queries, words shared with the passage, BM25's rank of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from haechi.records.question import Question

RANKS = (1, 3, 10, 20)
DEPTH = max(RANKS)


@dataclass(frozen=True)
class Portrait:
    """Lengths for a plot, and the summary of all for metrics."""

    chars: tuple[int, ...]
    real_chars: Mapping[str, tuple[int, ...]]
    """Lengths of real queries by where they come from."""
    summary: dict[str, object]


def portray(
    questions: Sequence[Question],
    tokens: Mapping[str, Sequence[str]],
    passage_words: Mapping[str, frozenset[str]],
    ranks: Mapping[str, int],
    real: Mapping[str, Sequence[str]],
) -> Portrait:
    """The portrait of all questions given; `tokens` are their content words, `real` the texts of real queries by kind.

    `ranks` are BM25's places of their passages before the round trip, among the first `DEPTH`.
    """
    rows = [
        (q.style, len(q.question), overlap(tokens[q.question_id], passage_words[q.passage_id]), ranks.get(q.question_id, 0))
        for q in questions
    ]
    styles, chars, overlaps, places = zip(*rows, strict=True) if rows else ((), (), (), ())
    real_chars = {kind: tuple(map(len, texts)) for kind, texts in sorted(real.items()) if texts}
    summary: dict[str, object] = {
        "share": {style: _round(count / len(rows)) for style, count in sorted(Counter(styles).items())},
        "kinds": dict(sorted(Counter(q.kind for q in questions if q.kind).items())),
        "chars": {
            "questions": _quantiles(chars),
            **{kind: _quantiles(lengths) for kind, lengths in real_chars.items()},
        },
        "overlap": _by_style(styles, overlaps),  # share of a question's own words that stand in the passage
        "bm25_first": _by_style(styles, [float(place == 1) for place in places]),
        "bm25_rank": {f"first_{k}": _round(np.mean([0 < p <= k for p in places])) for k in RANKS} if rows else {},
        "distinct_2": _distinct([tokens[q.question_id] for q in questions], 2),
        "commonest_ending": _commonest_ending([q.question for q in questions]),
    }
    return Portrait(chars, real_chars, summary)


def overlap(asked: Sequence[str], passage: frozenset[str]) -> float:
    """Share of the different words of the question that stand in the passage."""
    words = set(asked)
    return len(words & passage) / len(words) if words else 0.0


def _by_style(styles: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    found = {style: [v for s, v in zip(styles, values, strict=True) if s == style] for style in sorted(set(styles))}
    return {"all": _round(np.mean(values)), **{s: _round(np.mean(v)) for s, v in found.items()}} if values else {}


def _quantiles(values: Sequence[int]) -> dict[str, int]:
    return {f"p{q}": int(np.percentile(values, q, method="lower")) for q in (5, 25, 50, 75, 95)} if values else {}


def _distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """Different word n-grams over all of them: 1 if none is used twice."""
    found = [tuple(words[i : i + n]) for words in texts for i in range(len(words) - n + 1)]
    return _round(len(set(found)) / len(found)) if found else 0.0


def _commonest_ending(texts: Sequence[str]) -> dict[str, float]:
    """The last two words that most questions share, and how many do."""
    counts = Counter(" ".join(text.split()[-2:]) for text in texts)
    if not counts:
        return {}
    ending, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return {ending: _round(count / len(texts))}


def _round(value: float | np.floating) -> float:
    return round(float(value), 4)
