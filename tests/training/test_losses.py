import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from haechi.training.losses import (
    info_nce,
    kl,
    margin_mse,
    matryoshka,
    own_cosines,
    semi_hard,
    too_near,
    triplet,
)


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


# --- guided, triplets, distillation, Matryoshka


def numpy_cosines(queries: Tensor, documents: Tensor) -> np.ndarray:
    q, d = queries.detach().double().numpy(), documents.detach().double().numpy()
    return (q / np.linalg.norm(q, axis=1, keepdims=True)) @ (d / np.linalg.norm(d, axis=1, keepdims=True)).T


@given(batches(), st.floats(0.0, 0.5))
def test_a_guide_forbids_what_it_finds_as_near_as_the_positive_less_the_margin(batch, margin: float) -> None:
    queries, documents, _ = batch
    near = numpy_cosines(queries, documents)
    found = too_near(queries, documents, margin).numpy()

    for i in range(len(queries)):
        for j in range(len(documents)):
            if abs(near[i, j] - near[i, i] + margin) > 1e-5:
                assert found[i, j] == (i != j and near[i, j] > near[i, i] - margin)
    assert not found.diagonal().any()


def triplet_loop(queries: Tensor, documents: Tensor, forbidden: Tensor, margin: float) -> tuple[float, float]:
    """Anchor by anchor: all semi-hard ones, or the easiest of the wrong ones."""
    near, losses, possible = numpy_cosines(queries, documents), [], 0
    for i in range(len(queries)):
        gaps = [near[i, i] - near[i, j] for j in range(len(documents)) if j != i and not forbidden[i, j]]
        possible += len(gaps)
        chosen = [gap for gap in gaps if 0 < gap <= margin] or [max((gap for gap in gaps if gap <= 0), default=None)]
        losses += [margin - gap for gap in chosen if gap is not None]
    return (float(np.mean(losses)) if losses else 0.0), len(losses) / max(possible, 1)


@given(batches(), st.sampled_from((0.05, 0.3, 1.0)))
def test_semi_hard_triplets_equal_a_plain_loop(batch, margin: float) -> None:
    found = triplet(*batch, margin)
    loss, active = triplet_loop(*batch, margin)

    assert found.loss.item() == pytest.approx(loss, abs=1e-4)
    assert found.active == pytest.approx(active, abs=1e-6)


def test_the_window_of_semi_hard_begins_above_zero_and_ends_at_the_margin() -> None:
    """Gaps of exactly 0 and exactly the margin: the first is hard and, with semi-hard ones beside it, left out."""
    positive = torch.tensor([0.5])
    gaps = torch.tensor([[0.0, 0.25, 0.5, 0.75, -0.25]])

    found = semi_hard(positive, positive.unsqueeze(1) - gaps, torch.ones(1, 5, dtype=torch.bool), 0.5)

    assert found.loss.item() == pytest.approx((0.25 + 0.0) / 2)
    assert found.active == pytest.approx(2 / 5)


def test_where_everything_is_nearer_than_the_positive_the_easiest_counts() -> None:
    positive = torch.tensor([0.1])
    found = semi_hard(positive, torch.tensor([[0.9, 0.3, 0.5]]), torch.ones(1, 3, dtype=torch.bool), 0.2)

    assert found.loss.item() == pytest.approx(0.2 + 0.2)


@st.composite
def taught(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, documents and the teacher's scores; an example may lack negatives, but the first always has one."""
    batch, columns = draw(st.integers(1, 5)), draw(st.integers(2, 4))
    queries, documents = made(draw(st.integers(0, 99)), batch, columns)
    scores = draw(st.lists(st.floats(-3, 3, width=32), min_size=batch * columns, max_size=batch * columns))
    teacher = torch.tensor(scores).reshape(batch, columns)
    for row in range(1, batch):
        teacher[row, columns - draw(st.integers(0, columns - 1)) :] = float("nan")
    return queries, documents, teacher


def own(queries: Tensor, documents: Tensor, row: int, columns: int) -> list[float]:
    near = numpy_cosines(queries, documents)
    return [float(near[row, column * len(queries) + row]) for column in range(columns)]


@given(taught())
def test_margin_mse_equals_a_plain_loop(batch) -> None:
    queries, documents, teacher = batch
    errors = []
    for i, scores in enumerate(teacher.tolist()):
        mine = own(queries, documents, i, len(scores))
        errors += [(mine[0] - mine[j] - (scores[0] - scores[j])) ** 2 for j in range(1, len(scores)) if not math.isnan(scores[j])]

    assert margin_mse(*batch).item() == pytest.approx(np.mean(errors), rel=1e-3, abs=1e-4)


@given(taught(), st.sampled_from((0.1, 1.0)), st.sampled_from((0.5, 2.0)))
def test_kl_equals_a_plain_loop(batch, temperature: float, teacher_temperature: float) -> None:
    queries, documents, teacher = batch
    total = 0.0
    for i, scores in enumerate(teacher.tolist()):
        kept = [j for j, score in enumerate(scores) if not math.isnan(score)]
        mine = [own(queries, documents, i, len(scores))[j] / temperature for j in kept]
        theirs = [scores[j] / teacher_temperature for j in kept]
        p = np.exp(theirs) / np.exp(theirs).sum()
        q = np.exp(mine) / np.exp(mine).sum()
        total += float((p * np.log(p / q)).sum())

    assert kl(*batch, temperature, teacher_temperature).item() == pytest.approx(total / len(queries), rel=1e-3, abs=1e-4)


def test_a_model_that_agrees_with_its_teacher_costs_nothing() -> None:
    queries, documents = made(2, 5, 3)
    teacher = own_cosines(queries, documents)

    assert margin_mse(queries, documents, teacher).item() == pytest.approx(0.0, abs=1e-12)
    assert kl(queries, documents, teacher, 0.1, 0.1).item() == pytest.approx(0.0, abs=1e-6)
    assert kl(queries, documents, teacher, 0.1, 1.0).item() > 0.01


def test_random_embeddings_start_where_they_should() -> None:
    """In 512 dimensions cosines are near 0.

    A triplet costs its margin less the mean gap of those that are above 0 (two cosines of deviation 1 / sqrt(512)); the
    teacher's lead is missed whole; and what the teacher is sure of costs the logarithm of the candidates.
    """
    gap = math.sqrt(2 / 512) * math.sqrt(2 / math.pi)
    queries, documents = made(1, 64, 4, dim=512)
    teacher = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(64, 1)

    assert triplet(queries, documents, free(64, 4), 1.0).loss.item() == pytest.approx(1.0 - gap, abs=0.01)
    assert margin_mse(queries, documents, teacher).item() == pytest.approx(1.0, abs=0.05)
    assert kl(queries, documents, teacher, 1.0, 0.01).item() == pytest.approx(math.log(4), abs=0.05)


def test_a_guided_loss_starts_at_the_logarithm_of_the_candidates_that_its_guide_leaves() -> None:
    queries, documents = made(1, 64, 3, dim=512)
    forbidden = too_near(*made(2, 64, 3, dim=512), 0.0)
    left = (~forbidden).sum(dim=1)

    assert 0.3 < left.float().mean() / (64 * 3) < 0.7  # a guide that knows nothing forbids about half
    wanted = left.float().log().mean().item()
    assert info_nce(queries, documents, forbidden, 1.0).item() == pytest.approx(wanted, abs=0.05)


def test_short_widths_of_random_embeddings_cost_the_logarithm_of_the_candidates_too() -> None:
    """At 128 and 256 of 512 dimensions cosines are still near 0."""
    queries, documents = made(1, 64, 3, dim=512)
    loss = matryoshka(lambda q, d: info_nce(q, d, free(64, 3), 1.0), (128, 256))

    assert loss(queries, documents).item() == pytest.approx(math.log(64 * 3), abs=0.05)


GUIDED = too_near(*made(2, 8, 3), 0.0)
LOSSES = {
    "infonce": lambda q, d: info_nce(q, d, free(8, 3), 0.1),
    "guided": lambda q, d: info_nce(q, d, GUIDED, 0.1),
    "triplet": lambda q, d: 10 * torch.mul(*triplet(q, d, free(8, 3), 0.3)),  # of all, inactive ones counting as 0
    "margin_mse": lambda q, d: margin_mse(q, d, torch.tensor([[0.9, 0.2, 0.1]]).repeat(8, 1)),
    "kl": lambda q, d: kl(q, d, torch.tensor([[0.9, 0.2, 0.1]]).repeat(8, 1), 0.1, 0.1),
    "matryoshka": matryoshka(lambda q, d: info_nce(q, d, free(8, 3), 0.1), (2, 4)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_falls(name: str) -> None:
    queries, documents = (x.requires_grad_() for x in made(1, 8, 3))
    losses = []
    for _ in range(150):
        loss = LOSSES[name](queries, documents)
        for x, gradient in zip((queries, documents), torch.autograd.grad(loss, (queries, documents)), strict=True):
            x.data -= 0.5 * gradient
        losses.append(loss.item())

    assert losses[-1] < 0.8 * losses[0]
    assert all(math.isfinite(loss) for loss in losses)


@given(batches(), st.sets(st.integers(1, 8), max_size=3))
def test_matryoshka_is_the_mean_over_the_widths_and_the_full_one(batch, dims: set[int]) -> None:
    queries, documents, forbidden = batch
    widths = sorted({*dims, 8})
    wanted = np.mean([loop(queries[:, :w], documents[:, :w], forbidden, 0.3) for w in widths])

    found = matryoshka(lambda q, d: info_nce(q, d, forbidden, 0.3), sorted(dims))(queries, documents)
    assert found.item() == pytest.approx(wanted, rel=1e-3, abs=1e-4)


def test_learning_triplets_leaves_fewer_of_them_active() -> None:
    """The mean over active ones alone stays where it is by construction; how many there are tells whether anything is learned."""
    queries, documents = (x.requires_grad_() for x in made(1, 8, 3))
    active = []
    for _ in range(60):
        found = triplet(queries, documents, free(8, 3), 0.3)
        for x, gradient in zip((queries, documents), torch.autograd.grad(found.loss, (queries, documents)), strict=True):
            x.data -= 0.5 * gradient
        active.append(found.active)
    gaps = own_cosines(queries, documents)[:, :1].detach().numpy() - numpy_cosines(queries, documents)[:, 8:]

    assert active[-1] < 0.5 * active[0]
    assert (gaps > 0).mean() > 0.9
