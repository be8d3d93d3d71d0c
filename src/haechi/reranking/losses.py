"""Losses of lists of scores. Column 0 is the positive, the others are its negatives; `there` says where a list has an entry.

Scores are what the model says, before any activation. All but `bce` and `margin_mse` look at differences alone, so scores may
drift to where a sigmoid of few bits can't tell them apart; whoever ranks compares them as they are.
"""

import torch
from torch import Tensor
from torch.nn import functional

NOTHING = -1e9
"""What a list gives to entries that it lacks."""


def bce(scores: Tensor, there: Tensor, positive_weight: float) -> Tensor:
    """Every pair by itself: is it an answer?"""
    wanted = torch.zeros_like(scores)
    wanted[:, 0] = 1.0
    weight = scores.new_tensor(positive_weight)
    return functional.binary_cross_entropy_with_logits(scores[there], wanted[there], pos_weight=weight)


def softmax(scores: Tensor, there: Tensor) -> Tensor:
    """The positive's share of its list."""
    return functional.cross_entropy(scores.masked_fill(~there, NOTHING), scores.new_zeros(len(scores), dtype=torch.long))


def listnet(scores: Tensor, there: Tensor) -> Tensor:
    """Cross-entropy of the list's softmax and that of its labels, 1 and 0 (Cao and others, 2007)."""
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1.0
    wanted = labels.masked_fill(~there, float("-inf")).softmax(dim=1)
    return functional.cross_entropy(scores.masked_fill(~there, NOTHING), wanted)


def ranknet(scores: Tensor, there: Tensor) -> Tensor:
    """Is the positive before each of its negatives? (Burges and others, 2005)"""
    return _by_pairs(scores, there, torch.ones_like(scores[:, 1:]))


def lambda_rank(scores: Tensor, there: Tensor) -> Tensor:
    """The same, each negative weighed by the nDCG that would be lost or won if it changed places with the positive."""
    ranks = scores.detach().masked_fill(~there, NOTHING).argsort(dim=1, descending=True, stable=True).argsort(dim=1) + 1
    gain = 1.0 / torch.log2(1.0 + ranks)
    return _by_pairs(scores, there, (gain[:, :1] - gain[:, 1:]).abs())


def _by_pairs(scores: Tensor, there: Tensor, weights: Tensor) -> Tensor:
    pairs = there[:, 1:]
    lost = -weights * functional.logsigmoid(scores[:, :1] - scores[:, 1:]) / torch.log(scores.new_tensor(2.0))
    return lost[pairs].mean()


def margin_mse(scores: Tensor, there: Tensor, teacher: Tensor) -> Tensor:
    """Squared difference between the model's and the teacher's lead of the positive.

    A teacher's scores are read as those of the mined file, below 1; so the model's are its sigmoids, as scoring has them.
    """
    own = scores.sigmoid()
    error = (own[:, :1] - own[:, 1:]) - (teacher[:, :1] - teacher[:, 1:])
    return (error[there[:, 1:]] ** 2).mean()


def kl(scores: Tensor, there: Tensor, teacher: Tensor, teacher_temperature: float) -> Tensor:
    """Divergence of the list's softmax from the teacher's."""
    wanted = functional.log_softmax((teacher / teacher_temperature).masked_fill(~there, NOTHING), dim=1)
    given = functional.log_softmax(scores.masked_fill(~there, NOTHING), dim=1)
    return (wanted.exp() * (wanted - given).masked_fill(~there, 0.0)).sum(dim=1).mean()
