"""Losses as functions of embeddings: what is right, what is forbidden and what a teacher says comes in from `examples`.

Documents come column by column, as everywhere in training: all positives, then all first negatives, and so on; document i is
the positive of query i. Cosines are DIVIDED by a temperature, never multiplied.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

NOTHING = float("-inf")


class Triplets(NamedTuple):
    """A triplet loss with the share of all possible triplets that it was made of."""

    loss: Tensor
    active: float


def cosines(queries: Tensor, documents: Tensor) -> Tensor:
    """(batch, documents)"""
    return functional.normalize(queries, dim=1) @ functional.normalize(documents, dim=1).T


def own_cosines(queries: Tensor, documents: Tensor) -> Tensor:
    """Each query with its own positive and negatives alone.  # (batch, 1 + negatives)"""
    own = functional.normalize(documents, dim=1).reshape(-1, *queries.shape)  # (1 + negatives, batch, dim)
    return (own * functional.normalize(queries, dim=1)).sum(dim=2).T


def info_nce(queries: Tensor, documents: Tensor, forbidden: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of each query's own positive among all documents that it may be set against.

    queries: (batch, dim); documents: (batch x (1 + negatives), dim);
    forbidden: (batch, documents), True where the document may answer the query too.
    """
    logits = (cosines(queries, documents) / temperature).masked_fill(forbidden, NOTHING)
    return functional.cross_entropy(logits, torch.arange(len(queries), device=queries.device))


def too_near(queries: Tensor, documents: Tensor, margin: float) -> Tensor:
    """What a guide takes for an answer too: no less near to the query than its positive less the margin.  # (batch, documents)

    Given the guide's embeddings; False for the own positive. Added to `forbidden`, this makes infonce the guided (GIST) loss.
    """
    near = cosines(queries, documents)
    near_enough = near > near.diagonal().unsqueeze(1) - margin
    near_enough.fill_diagonal_(False)
    return near_enough


def triplet(queries: Tensor, documents: Tensor, forbidden: Tensor, margin: float) -> Triplets:
    """Semi-hard triplets of each query, its positive, and every other document of the batch that is not forbidden."""
    near = cosines(queries, documents)
    allowed = ~forbidden
    allowed.fill_diagonal_(False)
    return semi_hard(near.diagonal(), near, allowed, margin)


def semi_hard(positive: Tensor, candidates: Tensor, allowed: Tensor, margin: float) -> Triplets:
    """Mean of margin - gap over the triplets whose negative is farther than the positive, but by no more than the margin.

    positive: (pairs,); candidates, allowed: (pairs, documents). A pair without such a negative takes the easiest of those
    that are nearer than the positive: pushing the hardest first makes a model collapse.
    """
    gap = positive.unsqueeze(1) - candidates
    chosen = allowed & (gap > 0) & (gap <= margin)
    wrong = allowed & (gap <= 0)
    lost = wrong.any(dim=1) & ~chosen.any(dim=1)
    easiest = gap.detach().masked_fill(~wrong, NOTHING).argmax(dim=1)
    chosen = chosen | (functional.one_hot(easiest, gap.shape[1]).bool() & lost.unsqueeze(1)) if gap.numel() else chosen
    number = chosen.sum()
    loss = (margin - gap).masked_fill(~chosen, 0.0).sum() / number.clamp(min=1)
    return Triplets(loss, (number / allowed.sum().clamp(min=1)).item())


def margin_mse(queries: Tensor, documents: Tensor, teacher: Tensor) -> Tensor:
    """Squared difference between the model's and the teacher's lead of the positive over each own negative.

    teacher: (batch, 1 + negatives) scores, nan where an example has too few negatives.
    """
    near = own_cosines(queries, documents)
    missing = teacher[:, 1:].isnan()
    wanted = (teacher[:, :1] - teacher[:, 1:]).masked_fill(missing, 0.0)
    error = (near[:, :1] - near[:, 1:] - wanted).masked_fill(missing, 0.0)
    return (error**2).sum() / (~missing).sum().clamp(min=1)


def kl(queries: Tensor, documents: Tensor, teacher: Tensor, temperature: float, teacher_temperature: float) -> Tensor:
    """Divergence of the model's choice among an example's own documents from the teacher's."""
    missing = teacher.isnan()
    wanted = functional.log_softmax((teacher / teacher_temperature).masked_fill(missing, NOTHING), dim=1)
    given = functional.log_softmax((own_cosines(queries, documents) / temperature).masked_fill(missing, NOTHING), dim=1)
    return (wanted.exp() * (wanted - given).masked_fill(missing, 0.0)).sum(dim=1).mean()


def matryoshka(loss: Callable[[Tensor, Tensor], Tensor], dims: Sequence[int]) -> Callable[[Tensor, Tensor], Tensor]:
    """The mean of a loss over embeddings cut to each of these widths and left whole."""

    def wrapped(queries: Tensor, documents: Tensor) -> Tensor:
        widths = sorted({*dims, queries.shape[1]})
        return torch.stack([loss(queries[:, :width], documents[:, :width]) for width in widths]).mean()

    return wrapped
