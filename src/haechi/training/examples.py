"""Mined examples -> rows of a batch, and for each row what must not be held against it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from haechi.records.mined import MinedExample
from haechi.runtime.errors import HaechiError
from haechi.training.params import TrainParams

PADDING = -1
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """One row a (query, positive). Passages are numbers; passages with one text share a number.

    documents: (rows, 1 + negatives), the positive first, PADDING where an example has too few negatives.
    teacher: (rows, 1 + negatives) scores of the mined file, nan where there is no document.
    allowed_not: for each row the numbers of all passages that may answer its query, whichever example says so.
    """

    queries: tuple[str, ...]
    sources: tuple[str, ...]
    documents: Numbers
    teacher: npt.NDArray[np.float32]
    allowed_not: tuple[Numbers, ...]
    texts: tuple[str, ...]
    """By number; empty for a passage that is only known as an answer."""
    numbers: dict[str, int]
    """Passage id -> its number."""
    hard: npt.NDArray[np.bool_]
    """(rows,) whether a row may have negatives of its own; others have those of their batch alone."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.queries)

    def forbidden(self, labels: Sequence[int]) -> Tensor:
        """(batch, batch x (1 + negatives)): True where a document may not be held against a query.

        Documents come column by column: all positives, then all first negatives, ...
        """
        documents = self.columns(labels)
        mask = np.array([np.isin(documents, self.allowed_not[label]) for label in labels]) | (documents == PADDING)
        own = np.arange(len(labels))
        mask[own, own] = False
        return torch.from_numpy(mask)

    def columns(self, labels: Sequence[int]) -> Numbers:
        """The documents of a batch, column by column.  # (batch x (1 + negatives),)"""
        return self.documents[list(labels)].T.reshape(-1)

    def with_negatives(self, negatives: Numbers) -> "Rows":
        """The same rows with other negatives; a teacher has said nothing about them."""
        teacher = np.full(self.teacher.shape, np.nan, dtype=np.float32)
        teacher[:, 0] = self.teacher[:, 0]
        return replace(self, documents=np.column_stack([self.documents[:, :1], negatives]), teacher=teacher)


LABELLED = ("precedent", "holding", "user")
"""Kinds of pairs whose queries people wrote."""


def labelled(examples: Iterable[MinedExample]) -> bool:
    """Whether a person wrote any of the queries."""
    return any(kind in example.source for example in examples for kind in LABELLED)


def peak_rate(examples: Iterable[MinedExample], params: TrainParams) -> float:
    """The highest learning rate of a training on these."""
    return params.lr if labelled(examples) else params.lr * params.unlabelled_lr_factor


def choose_examples(examples: Sequence[MinedExample], params: TrainParams) -> list[MinedExample]:
    """Limit synthetic questions to their share beside labelled pairs, and all to max_samples; both drawn by the seed.

    Without labelled pairs there is nothing to be swamped by questions, and all of them are taken.
    """
    rng = np.random.default_rng(params.seed)
    pairs = [e for e in examples if e.source != "question"]
    questions = [e for e in examples if e.source == "question"]
    share = params.question_share if labelled(pairs) else 1.0
    most = len(questions) if share == 1.0 else int(len(pairs) * share / (1.0 - share) + 1e-9)  # 2 x .6 / .4 is 2.9999999999999996
    questions = [questions[i] for i in sorted(rng.permutation(len(questions))[:most])]
    chosen = pairs + questions
    if params.max_samples:
        chosen = [chosen[i] for i in sorted(rng.permutation(len(chosen))[: params.max_samples])]
    if not chosen:
        raise HaechiError(
            f"train: no training example is left of {len(examples)} mined ones ({len(pairs)} from pairs) "
            f"at question_share {params.question_share}; "
            "`haechi stage mine` shows what was dropped"
        )
    return _shuffled(chosen, rng) if params.shuffle_labels else chosen


def _shuffled(examples: Sequence[MinedExample], rng: np.random.Generator) -> list[MinedExample]:
    """The same queries and passages, wrongly joined: each query moves on by one in a drawn order, so none keeps its own.

    Texts, lengths, popularity of passages and number of steps stay what they were; only who answers whom is lost.
    """
    order = rng.permutation(len(examples))
    strangers = dict(zip(order.tolist(), np.roll(order, 1).tolist(), strict=True))
    return [
        replace(e, query=examples[strangers[i]].query, query_id=examples[strangers[i]].query_id) for i, e in enumerate(examples)
    ]


def keeps_negatives(examples: Sequence[MinedExample], params: TrainParams) -> list[bool]:
    """Which examples keep their mined negatives: the share that is asked for of those that have any, drawn by the seed.

    A larger share keeps what a smaller one keeps, and more.
    """
    having = [i for i, example in enumerate(examples) if example.neg]
    bare = len(having) - round(params.hard_negative_ratio * len(having))
    order = np.random.default_rng([params.seed, len(having)]).permutation(len(having))
    robbed = {having[i] for i in order[:bare]}
    return [i not in robbed for i in range(len(examples))]


def make_rows(examples: Sequence[MinedExample], negatives: int, keeps: Sequence[bool] | None = None) -> Rows:
    """Expand examples to rows; an example with several positives gives several rows. `keeps`: which have their negatives."""
    keeps = [True] * len(examples) if keeps is None else keeps
    numbers, texts = _numbered(examples)
    answers: defaultdict[str, set[int]] = defaultdict(set)
    for example in examples:
        answers[example.query].update(numbers[id] for id in (*example.pos_ids, *example.related))
    whole = {query: np.array(sorted(own)) for query, own in answers.items()}
    queries: list[str] = []
    sources: list[str] = []
    documents: list[list[int]] = []
    teacher: list[list[float]] = []
    allowed_not: list[Numbers] = []
    hard: list[bool] = []
    for example, keep in zip(examples, keeps, strict=True):
        number = min(negatives, len(example.neg)) if keep else 0
        ids = [numbers[id] for id in example.neg_ids[:number]] + [PADDING] * (negatives - number)
        scores = [*example.neg_scores[:number], *[float("nan")] * (negatives - number)]
        for positive, score in zip(example.pos_ids, example.pos_scores, strict=True):
            queries.append(example.query)
            sources.append(example.source)
            documents.append([numbers[positive], *ids])
            teacher.append([score, *scores])
            allowed_not.append(whole[example.query])
            hard.append(keep)
    return Rows(
        tuple(queries),
        tuple(sources),
        np.array(documents, dtype=np.int64).reshape(-1, 1 + negatives),
        np.array(teacher, dtype=np.float32).reshape(-1, 1 + negatives),
        tuple(allowed_not),
        tuple(texts),
        numbers,
        np.array(hard, dtype=bool),
    )


def _numbered(examples: Sequence[MinedExample]) -> tuple[dict[str, int], list[str]]:
    """A number for each passage id, the same for ids with the same text, and the text of each number."""
    text_of: dict[str, str] = {}
    for example in examples:
        text_of |= dict(zip(example.pos_ids, example.pos, strict=True)) | dict(zip(example.neg_ids, example.neg, strict=True))
    numbers: dict[str, int] = {}
    by_text: dict[str, int] = {}
    texts: list[str] = []
    for example in examples:
        for id in (*example.pos_ids, *example.neg_ids, *example.related):
            if id in numbers:
                continue
            text = text_of.get(id, "")
            number = by_text.setdefault(text, len(texts)) if text else len(texts)
            numbers[id] = number
            if number == len(texts):
                texts.append(text)
    return numbers, texts
