"""Row numbers to losses through real models: a static one and a BERT of two layers."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from training.made import LOSS, PARAMS, examples, static, transformer

from haechi.retrieval.dense import encode_passages, encode_queries
from haechi.training.examples import make_rows
from haechi.training.loss_params import LossParams
from haechi.training.losses import info_nce
from haechi.training.objective import CachedObjective, Guide, Objective, token_dropout

ROWS = make_rows(examples(), 2)
BATCH = torch.tensor([3, 8, 1, 5, 9])
KINDS = {
    "infonce": LOSS,
    "guided": replace(LOSS, name="guided", margin=0.0),
    "triplet": replace(LOSS, name="triplet", margin=0.3),
    "margin_mse": replace(LOSS, name="margin_mse"),
    "kl": replace(LOSS, name="kl"),
    "matryoshka": replace(LOSS, dims=(4, 8)),
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return transformer(tmp_path_factory.mktemp("models") / "bert")


def guide(model: Any, loss: LossParams) -> Guide | None:
    return Guide(model, ROWS, loss.margin) if loss.name == "guided" else None


def gradients(objective: Objective, seed: int = 5) -> tuple[float, dict[str, torch.Tensor]]:
    objective.model.zero_grad()
    torch.manual_seed(seed)
    loss = objective([], BATCH)
    loss.backward()
    return loss.item(), {name: w.grad.clone() for name, w in objective.model.named_parameters() if w.grad is not None}


@pytest.mark.parametrize("make", [static, None])
def test_the_loss_is_that_of_the_vectors_that_the_model_gives_to_everybody(make: Any, bert: Any) -> None:
    """Through `encode`, with the prompts of the model: nothing of the way through the trainer changes a vector."""
    model = make() if make else deepcopy(bert)
    model.prompts = {"query": "뜻 ", "document": "숲 "}
    if not make:
        model[0].query_length = 4  # shorter than its passages
    objective = Objective(model, ROWS, LOSS, PARAMS).eval()
    rows = BATCH.tolist()
    queries = torch.from_numpy(encode_queries(model, [ROWS.queries[row] for row in rows]))
    texts = [ROWS.texts[number] if number >= 0 else "x" for number in ROWS.columns(rows)]
    documents = torch.from_numpy(encode_passages(model, texts))

    assert objective([], BATCH).item() == pytest.approx(
        info_nce(queries, documents, ROWS.forbidden(rows), PARAMS.temperature).item(), rel=1e-4
    )


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("size", [0, 2, 64])
def test_gradients_in_groups_equal_the_plain_form(bert: Any, name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cached ones, and at 0 those of texts of like length together."""
    monkeypatch.setattr("haechi.training.objective.GROUP", 2)
    model = deepcopy(bert).eval()  # dropout draws differently in groups; the next test has it
    one = Objective(model, ROWS, KINDS[name], PARAMS, guide(model, KINDS[name])).eval()
    cached = CachedObjective(model, ROWS, replace(KINDS[name], mini_batch=size), PARAMS, guide(model, KINDS[name])).eval()
    loss, plain = gradients(one)
    cached_loss, other = gradients(cached)

    assert cached_loss == pytest.approx(loss, rel=1e-5)
    assert plain.keys() == other.keys()
    assert max(float(g.norm()) for g in plain.values()) > 1e-4
    for key, gradient in plain.items():
        torch.testing.assert_close(other[key], gradient, rtol=1e-3, atol=1e-6)


def test_the_second_pass_of_the_cached_form_drops_what_the_first_dropped(bert: Any) -> None:
    """With dropout, the gradient is that of the loss: a small step along it changes the loss by what it says."""
    model = deepcopy(bert).double()
    cached = CachedObjective(model, ROWS, replace(LOSS, mini_batch=2), PARAMS).train()
    loss, found = gradients(cached)
    size = 1e-4
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name in found:
                weight -= size * found[name]
    torch.manual_seed(5)
    after = cached([], BATCH).item()
    expected = size * sum(float((g**2).sum()) for g in found.values())

    assert loss - after == pytest.approx(expected, rel=0.05)


def test_what_the_guide_finds_too_near_is_no_negative(bert: Any) -> None:
    """A guide that finds everything near leaves nothing but the positive: the loss is 0."""
    model = deepcopy(bert)
    blind = Guide(model, ROWS, 2.1)
    asks = Objective(model, ROWS, KINDS["guided"], PARAMS, blind).eval()
    free = Objective(model, ROWS, KINDS["guided"], PARAMS, Guide(model, ROWS, -2.1)).eval()

    assert asks([], BATCH).item() == 0.0
    assert free([], BATCH).item() == pytest.approx(Objective(model, ROWS, LOSS, PARAMS).eval()([], BATCH).item())


def test_triplets_leave_their_active_share_behind(bert: Any) -> None:
    objective = Objective(deepcopy(bert), ROWS, KINDS["triplet"], PARAMS)
    objective([], BATCH)

    assert 0 < objective.measured()["active_triplets"] <= 1
    assert objective.measured() == {}


def test_tokens_are_dropped_while_learning_alone_and_about_as_many_as_asked() -> None:
    objective = Objective(static(), ROWS, LOSS, replace(PARAMS, token_dropout=0.3))

    def losses() -> set[float]:
        return {objective([], BATCH).item() for _ in range(4)}

    objective.eval()
    assert len(losses()) == 1
    objective.train()
    assert len(losses()) == 4

    torch.manual_seed(1)
    texts = [torch.arange(40) for _ in range(200)]
    kept = token_dropout(texts, 0.3)
    assert sum(map(len, kept)) / 8000 == pytest.approx(0.7, abs=0.02)
    assert all(set(k.tolist()) <= set(range(40)) and sorted(k.tolist()) == k.tolist() for k in kept)
    assert len({tuple(k.tolist()) for k in kept}) == 200


def test_a_text_that_would_lose_more_than_half_stays_whole() -> None:
    torch.manual_seed(1)

    assert {len(kept) for kept in token_dropout([torch.arange(1)] * 50, 0.5)} == {1}
    assert {len(kept) for kept in token_dropout([torch.arange(2)] * 50, 0.5)} == {1, 2}
