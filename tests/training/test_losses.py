import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from haechi.training.losses import info_nce


def made(seed: int, batch: int, columns: int, dim: int = 8) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, dim, generator=generator), torch.randn(batch * columns, dim, generator=generator)


def free(batch: int, columns: int) -> Tensor:
    return torch.zeros(batch, batch * columns, dtype=torch.bool)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    batch, columns = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    queries, documents = made(draw(st.integers(0, 99)), batch, columns)
    bits = draw(st.lists(st.booleans(), min_size=batch * batch * columns, max_size=batch * batch * columns))
    forbidden = torch.tensor(bits).reshape(batch, -1)
    forbidden[range(batch), range(batch)] = False
    return queries, documents, forbidden


def loop(queries: Tensor, documents: Tensor, forbidden: Tensor, temperature: float) -> float:
    total = 0.0
    for i, query in enumerate(queries.tolist()):
        powers = []
        for j, document in enumerate(documents.tolist()):
            dot = sum(a * b for a, b in zip(query, document, strict=True))
            cosine = dot / math.hypot(*query) / math.hypot(*document)
            powers.append(0.0 if forbidden[i, j] else math.exp(cosine / temperature))
        total -= math.log(powers[i] / sum(powers))
    return total / len(queries)


@given(batches(), st.sampled_from((0.05, 0.3, 1.0)))
def test_the_loss_equals_a_plain_loop(batch: tuple[Tensor, Tensor, Tensor], temperature: float) -> None:
    assert info_nce(*batch, temperature).item() == pytest.approx(loop(*batch, temperature), rel=1e-4, abs=1e-4)


@given(batches(), st.floats(0.1, 10), st.floats(0.1, 10))
def test_the_length_of_vectors_does_not_matter(batch: tuple[Tensor, Tensor, Tensor], one: float, other: float) -> None:
    queries, documents, forbidden = batch

    scaled = info_nce(queries * one, documents * other, forbidden, 0.1)
    assert scaled.item() == pytest.approx(info_nce(*batch, 0.1).item(), rel=1e-3, abs=1e-4)


@given(batches(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(batch: tuple[Tensor, Tensor, Tensor], random) -> None:
    queries, documents, forbidden = batch
    size, columns = len(queries), len(documents) // len(queries)
    order = random.sample(range(size), size)
    places = [column * size + row for column in range(columns) for row in order]
    turned = info_nce(queries[order], documents[places], forbidden[order][:, places], 0.1)

    assert turned.item() == pytest.approx(info_nce(*batch, 0.1).item(), rel=1e-4, abs=1e-5)


def test_random_embeddings_cost_the_logarithm_of_the_candidates() -> None:
    queries, documents = made(1, 64, 3, dim=512)

    assert info_nce(queries, documents, free(64, 3), 1.0).item() == pytest.approx(math.log(64 * 3), abs=0.05)


def test_masked_candidates_are_no_candidates() -> None:
    queries, documents = made(1, 64, 2, dim=512)
    forbidden = free(64, 2)
    forbidden[:, 64:] = True

    assert info_nce(queries, documents, forbidden, 1.0).item() == pytest.approx(math.log(64), abs=0.05)
    forbidden[:] = True
    forbidden[range(64), range(64)] = False
    assert info_nce(queries, documents, forbidden, 1.0).item() == 0.0


def test_a_few_gradient_steps_lower_it() -> None:
    queries, documents = (x.requires_grad_() for x in made(1, 8, 2))
    losses = []
    for _ in range(10):
        loss = info_nce(queries, documents, free(8, 2), 0.1)
        for x, gradient in zip((queries, documents), torch.autograd.grad(loss, (queries, documents)), strict=True):
            x.data -= 0.5 * gradient
        losses.append(loss.item())

    assert losses[-1] < 0.5 * losses[0]
    assert all(math.isfinite(loss) for loss in losses)


def test_temperature_divides_so_a_smaller_one_is_sharper() -> None:
    """A right answer is surer and a wrong one dearer: cosines 1 and 0 at .1 are logits 10 and 0."""
    unit = torch.eye(2)
    right = [info_nce(unit, unit, free(2, 1), t).item() for t in (1.0, 0.1)]
    wrong = [info_nce(unit, unit.flip(0), free(2, 1), t).item() for t in (1.0, 0.1)]

    assert right == pytest.approx([math.log(1 + math.exp(-1)), math.log(1 + math.exp(-10))], abs=1e-6)
    assert wrong == pytest.approx([math.log(1 + math.exp(1)), math.log(1 + math.exp(10))], abs=1e-5)


@given(batches())
def test_a_document_that_is_forbidden_to_all_gets_no_gradient(batch: tuple[Tensor, Tensor, Tensor]) -> None:
    queries, documents, forbidden = batch
    documents = documents.requires_grad_()
    info_nce(queries, documents, forbidden, 0.1).backward()

    unused = forbidden.all(dim=0)
    assert documents.grad is not None
    assert torch.isfinite(documents.grad).all()
    assert not documents.grad[unused].any()
