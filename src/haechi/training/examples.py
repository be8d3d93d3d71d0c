"""Mined examples -> rows of a batch, and for each row what must not be held against it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from haechi.errors import HaechiError
from haechi.params.train import TrainParams
from haechi.records.mined import MinedExample

PADDING = -1


@dataclass(frozen=True)
class Rows:
    """One row a (query, positive): texts for the trainer, passage numbers for the mask.

    columns: anchor, positive, negative_1..n and `label`, the row's own number, through which the loss finds its mask.
    documents: (rows, 1 + negatives) passage numbers, PADDING where an example has too few negatives.
    allowed_not: for each row the numbers of all passages that may answer its query.
    """

    columns: dict[str, list[str] | list[int]]
    documents: np.ndarray
    allowed_not: tuple[np.ndarray, ...]

    def forbidden(self, labels: Sequence[int]) -> Tensor:
        """(batch, batch x (1 + negatives)): True where a document may not be held against a query.

        Documents come column by column, as the trainer embeds them: all positives, then all first negatives, ...
        """
        documents = self.documents[list(labels)].T.reshape(-1)
        mask = np.array([np.isin(documents, self.allowed_not[label]) for label in labels]) | (documents == PADDING)
        own = np.arange(len(labels))
        mask[own, own] = False
        return torch.from_numpy(mask)


def choose_examples(examples: Sequence[MinedExample], params: TrainParams) -> list[MinedExample]:
    """Limit synthetic questions to their share, and all to max_samples; both drawn by the seed."""
    rng = np.random.default_rng(params.seed)
    pairs = [e for e in examples if e.source != "question"]
    questions = [e for e in examples if e.source == "question"]
    share = params.question_share
    most = len(questions) if share == 1.0 else int(len(pairs) * share / (1.0 - share) + 1e-9)  # 2 x .6 / .4 is 2.9999999999999996
    questions = [questions[i] for i in sorted(rng.permutation(len(questions))[:most])]
    chosen = pairs + questions
    if params.max_samples:
        chosen = [chosen[i] for i in sorted(rng.permutation(len(chosen))[: params.max_samples])]
    if not chosen:
        raise HaechiError(
            f"train: no training example is left of {len(examples)} mined ones ({len(pairs)} from pairs) "
            f"at question_share {share}; "
            "look at metrics/mine.json for what was dropped"
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


def make_rows(examples: Sequence[MinedExample], negatives: int) -> Rows:
    """Expand examples to rows; an example with several positives gives several rows."""
    number: dict[str, int] = {}

    def numbered(ids: Sequence[str]) -> list[int]:
        return [number.setdefault(id, len(number)) for id in ids]

    columns: dict[str, list[str] | list[int]] = {"anchor": [], "positive": []}
    columns |= {f"negative_{i + 1}": [] for i in range(negatives)}
    columns["label"] = []
    documents: list[list[int]] = []
    allowed_not: list[np.ndarray] = []
    for example in examples:
        answers = np.array(numbered([*example.pos_ids, *example.related]))
        texts = list(example.neg[:negatives]) + [""] * (negatives - len(example.neg[:negatives]))
        ids = numbered(example.neg_ids[:negatives])
        ids += [PADDING] * (negatives - len(ids))
        for positive, positive_id in zip(example.pos, example.pos_ids, strict=True):
            row = [example.query, positive, *texts, len(documents)]
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)  # type: ignore[arg-type]
            documents.append([*numbered([positive_id]), *ids])
            allowed_not.append(answers)
    return Rows(columns, np.array(documents), tuple(allowed_not))
