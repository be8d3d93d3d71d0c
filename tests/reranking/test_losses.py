"""The losses of lists are those of the library, for lists of any length and order, however many pairs are read at once."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from hypothesis import given
from hypothesis import strategies as st
from reranking.made import PARAMS
from sentence_transformers.cross_encoder import losses as library
from sentence_transformers.cross_encoder.losses.lambda_loss import LambdaRankScheme
from tiny_models import text_of
from torch.nn import functional

from haechi.records.mined import MinedExample
from haechi.reranking import losses
from haechi.reranking.objective import PairObjective
from haechi.training.examples import make_rows

QUERIES = ["".join(text_of(i, i + 3)) for i in range(3)]
LENGTHS = (3, 1, 2)
"""Negatives of each query."""


def mined() -> list[MinedExample]:
    made = []
    for i, (query, number) in enumerate(zip(QUERIES, LENGTHS, strict=True)):
        negatives = tuple(text_of(*range(i + j, i + 3 * j + 2)) for j in range(1, number + 1))
        made.append(
            MinedExample(
                query=query,
                pos=(text_of(i, 7, 8, 9),),
                neg=negatives,
                pos_scores=(0.9,),
                neg_scores=tuple(0.5 / j for j in range(1, number + 1)),
                query_id=f"q{i}",
                pos_ids=(f"p{i}",),
                neg_ids=tuple(f"n{i}{j}" for j in range(number)),
                neg_reasons=("bm25",) * number,
                related=(),
                source="precedent",
            )
        )
    return made


MODEL = tiny_models.cross_encoder(3).eval()


def ours(loss: str, mini_batch: int = 0, **more: Any) -> PairObjective:
    made = PairObjective(MODEL, make_rows(mined(), 3), replace(PARAMS, loss=loss, mini_batch=mini_batch, **more))
    return made.eval()


def theirs(loss: str) -> torch.Tensor:
    """The library's own, on the same texts."""
    lists = [[*e.pos, *e.neg] for e in mined()]
    labels = [torch.tensor([1.0] + [0.0] * len(e.neg)) for e in mined()]
    if loss == "bce":
        pairs = [(e.query, text) for e, texts in zip(mined(), lists, strict=True) for text in texts]
        whole = library.BinaryCrossEntropyLoss(MODEL, pos_weight=torch.tensor(2.0))
        return whole([[q for q, _ in pairs], [p for _, p in pairs]], torch.cat(labels))
    if loss == "margin_mse":  # of lists of one length; here one query at a time, each lead counting alike
        scoring = library.MarginMSELoss(MODEL, activation_fn=torch.nn.Sigmoid())
        parts = [
            (len(e.neg), scoring([[e.query], *([text] for text in texts)], [torch.tensor([*e.pos_scores, *e.neg_scores])]))
            for e, texts in zip(mined(), lists, strict=True)
        ]
        return sum(n * part for n, part in parts) / sum(n for n, _ in parts)
    made = {
        "listnet": lambda: library.ListNetLoss(MODEL),
        "ranknet": lambda: library.RankNetLoss(MODEL),
        "lambda": lambda: library.LambdaLoss(MODEL, weighting_scheme=LambdaRankScheme()),
    }
    return made[loss]()([[e.query for e in mined()], lists], labels)


@pytest.mark.parametrize("loss", ["bce", "listnet", "ranknet", "lambda", "margin_mse"])
def test_a_loss_is_that_of_the_library(loss: str) -> None:
    found = ours(loss, positive_weight=2.0)([], torch.arange(3))

    torch.testing.assert_close(found, theirs(loss), rtol=1e-4, atol=1e-6)


def test_softmax_and_kl_are_what_numpy_says() -> None:
    scores = [MODEL.predict([(e.query, text) for text in (*e.pos, *e.neg)], activation_fn=torch.nn.Identity()) for e in mined()]
    share = [own - np.log(np.exp(own).sum()) for own in scores]

    assert float(ours("softmax")([], torch.arange(3)).detach()) == pytest.approx(-np.mean([own[0] for own in share]), abs=1e-5)

    teacher = [np.array([*e.pos_scores, *e.neg_scores]) / 0.5 for e in mined()]
    wanted = [one - np.log(np.exp(one).sum()) for one in teacher]
    distance = [(np.exp(w) * (w - own)).sum() for w, own in zip(wanted, share, strict=True)]
    assert float(ours("kl", teacher_temperature=0.5)([], torch.arange(3)).detach()) == pytest.approx(np.mean(distance), abs=1e-5)


@pytest.mark.parametrize("loss", ["bce", "softmax", "lambda"])
def test_gradients_are_the_same_however_many_pairs_are_read_at_once(loss: str) -> None:
    def gradients(mini_batch: int) -> list[torch.Tensor]:
        MODEL.zero_grad()
        ours(loss, mini_batch)([], torch.arange(3)).backward()
        return [weight.grad.clone() for weight in MODEL.parameters() if weight.grad is not None]

    for whole, parts in zip(gradients(0), gradients(2), strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-6)


@given(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4), st.integers(1, 3), st.floats(-50, 50))
def test_what_a_list_lacks_and_what_all_scores_share_change_nothing_for_losses_of_order(
    scores: list[float], negatives: int, shift: float
) -> None:
    own = torch.tensor([scores], dtype=torch.float64)
    there = torch.tensor([[place <= negatives for place in range(4)]])
    cut = own[:, : negatives + 1]
    for loss in (losses.softmax, losses.listnet, losses.ranknet, losses.lambda_rank):
        found = loss(own, there)
        torch.testing.assert_close(found, loss(cut, there[:, : negatives + 1]))
        if len({*cut[0].tolist()}) == negatives + 1 and cut[0].sort().values.diff().min() > 1e-6:
            torch.testing.assert_close(found, loss(own + shift, there), rtol=1e-6, atol=1e-8)


def test_a_heavier_positive_counts_as_many_lighter_ones() -> None:
    scores, there = torch.tensor([[0.3, -0.2]]), torch.ones(1, 2, dtype=torch.bool)
    positive, negative = functional.softplus(torch.tensor(-0.3)), functional.softplus(torch.tensor(-0.2))

    torch.testing.assert_close(losses.bce(scores, there, 3.0), (3 * positive + negative) / 2)
