"""What is trained and what isn't, and that every knob of the trainer turns something."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.made import LORA, LOSS, PARAMS, VALIDATION, examples, recipe, static, train, transformer

from haechi.models.load import load_encoder
from haechi.models.registry import ALIASES
from haechi.retrieval.dense import encode_queries
from haechi.runtime.errors import HaechiError, ParamsError
from haechi.training.adapters import add_adapters, freeze, merged
from haechi.training.checks import check_launch, check_model, check_params, check_rows
from haechi.training.examples import make_rows
from haechi.training.recipe import Recipe
from haechi.training.trainer import trained

pytestmark = pytest.mark.slow

QUERIES = [e.query for e in examples()]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return transformer(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture
def bert(saved: Any) -> Any:
    return copy.deepcopy(saved)


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def tuned(model: Any, folder: Path, recipe: Recipe, **told: Any) -> list[dict[str, float]]:
    train(model, examples(), VALIDATION, folder, recipe, **told)
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def column(rows: list[dict[str, float]], name: str) -> list[float]:
    return [row[name] for row in rows if name in row]


# --- adapters


def test_merged_and_unmerged_vectors_are_equal_and_not_those_of_the_base(bert: Any, tmp_path: Path) -> None:
    before = encode_queries(bert, QUERIES)
    tuned(bert, tmp_path / "run", recipe(rank=4, lr=1e-2))
    bert.eval()
    unmerged = encode_queries(bert, QUERIES)

    np.testing.assert_allclose(encode_queries(merged(bert), QUERIES), unmerged, atol=1e-5)
    assert np.abs(unmerged - before).max() > 1e-3


def test_adapters_alone_are_trained_and_checkpoints_are_whole_models(bert: Any, tmp_path: Path) -> None:
    before = weights(bert)
    tuned(bert, tmp_path / "run", recipe(rank=4, lr=1e-2))
    names = {name for name in trained(bert) if "position_ids" not in name and "token_type_ids" not in name}
    after = {name.replace("base_model.model.", "").replace("base_layer.", ""): w for name, w in weights(bert).items()}

    assert names
    assert all("lora_" in name for name in names)
    assert {name.split(".")[-4] for name in names} == {"query", "value"}
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    checkpoint = next((tmp_path / "run/checkpoints").iterdir())
    assert "lora" not in "".join(load_encoder(checkpoint).state_dict())


def test_without_targets_the_registry_says_where_adapters_go(bert: Any) -> None:
    add_adapters(bert, replace(LORA, rank=2, targets=()), ALIASES["bge-m3"].lora_targets)

    assert {name.split(".")[-4] for name in trained(bert) if "lora_" in name} == set(ALIASES["bge-m3"].lora_targets)


def test_layers_that_are_not_there_get_no_adapter(bert: Any) -> None:
    with pytest.raises(HaechiError, match="no layer named q_proj"):
        add_adapters(bert, replace(LORA, rank=2, targets=("query", "q_proj")))


# --- freezing


def test_what_is_frozen_stays_to_the_bit_and_the_rest_moves(bert: Any, tmp_path: Path) -> None:
    before = weights(bert)
    tuned(bert, tmp_path / "run", recipe(freeze=("embeddings", r"layer\.0\.")))
    after = weights(bert)
    still = {name for name in before if torch.equal(before[name], after[name])}
    unused = {name for name in before if "pooler" in name}

    assert still - unused == {name for name in before if "embeddings" in name or "layer.0." in name} - unused
    assert still - unused


@pytest.mark.parametrize(("patterns", "said"), [(("layer.7",), "no weight is named"), ((".",), "leaves nothing to train")])
def test_patterns_that_freeze_nothing_or_everything_are_refused(bert: Any, patterns: tuple[str, ...], said: str) -> None:
    with pytest.raises(HaechiError, match=said):
        freeze(bert, patterns)


# --- the trainer's knobs


def test_accumulated_gradients_are_the_mean_of_their_batches(tmp_path: Path) -> None:
    """Two batches for one step: with the memoryless first step of Adam the rate counts, so compare norms before clipping."""
    one = tuned(static(), tmp_path / "one", recipe(batch_size=5, epochs=1, evaluations=1, lr=1e-12, warmup_ratio=0.0))
    two = tuned(
        static(),
        tmp_path / "two",
        recipe(batch_size=5, epochs=1, evaluations=1, lr=1e-12, warmup_ratio=0.0, gradient_accumulation=2),
    )

    assert len(column(one, "loss")) == 2
    assert len(column(two, "loss")) == 1
    assert column(two, "loss")[0] == pytest.approx(np.mean(column(one, "loss")), rel=1e-4)
    assert column(two, "grad_norm")[0] < np.mean(column(one, "grad_norm"))


def test_clipping_bounds_the_step_and_reports_the_norm_from_before(tmp_path: Path) -> None:
    """Adam forgets the scale of a first gradient unless it is near its epsilon: clipped to 1e-9, the step nearly vanishes."""
    free, held = static(), static()
    start = weights(free)
    same = {"batch_size": 10, "epochs": 1, "evaluations": 1, "warmup_ratio": 0.0}
    norms = [
        column(tuned(model, tmp_path / str(bound), recipe(max_grad_norm=bound, **same)), "grad_norm")
        for model, bound in ((free, 1e9), (held, 1e-9))
    ]

    def moved(model: Any) -> float:
        return max(float((w - start[name]).abs().max()) for name, w in weights(model).items())

    assert norms[0] == pytest.approx(norms[1])
    assert norms[0][0] > 1
    assert moved(held) < moved(free) / 5


def test_checkpointing_computes_layers_twice_and_learns_the_same(saved: Any, tmp_path: Path) -> None:
    losses, calls = [], []
    for on in (False, True):
        model = copy.deepcopy(saved)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        count = [0]
        inner = model[0].model.encoder.layer[0].intermediate
        inner.register_forward_hook(lambda *_, count=count: count.__setitem__(0, count[0] + int(torch.is_grad_enabled())))
        losses.append(
            column(tuned(model, tmp_path / str(on), recipe(epochs=1, evaluations=1, gradient_checkpointing=on)), "loss")
        )
        calls.append(count[0])

    assert calls[1] > calls[0]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize("scheduler", ["linear", "cosine", "constant_with_warmup"])
def test_the_rate_rises_to_its_peak_and_follows_its_shape(tmp_path: Path, scheduler: str) -> None:
    wanted = recipe(epochs=10, batch_size=5, scheduler=scheduler, warmup_ratio=0.25, evaluations=1)
    rates = column(tuned(static(), tmp_path / "run", wanted), "learning_rate")
    rise, peak = rates[:5], wanted.params.lr

    assert rise == pytest.approx([peak * i / 5 for i in range(5)])
    done = np.arange(len(rates) - 5) / 15
    shape = {"linear": 1 - done, "cosine": (1 + np.cos(np.pi * done)) / 2, "constant_with_warmup": np.ones(len(done))}
    assert rates[5:] == pytest.approx(list(peak * shape[scheduler]), abs=1e-8)


def test_bf16_rounds_and_learns(saved: Any, tmp_path: Path) -> None:
    fine, coarse = (
        column(tuned(copy.deepcopy(saved), tmp_path / p, recipe(precision=p, epochs=1, evaluations=1)), "loss")
        for p in ("fp32", "bf16")
    )

    assert fine != coarse
    assert fine == pytest.approx(coarse, rel=0.1)


def test_without_update_everything_runs_and_no_weight_moves(bert: Any, tmp_path: Path) -> None:
    before = weights(bert)
    rows = tuned(bert, tmp_path / "run", recipe(weight_decay=0.1), update=False)

    assert min(column(rows, "grad_norm")) > 0
    assert len(column(rows, "loss")) == 9
    assert all(torch.equal(before[name], weight) for name, weight in weights(bert).items())
    assert len(set(column(rows, "valid_ndcg@10"))) == 1


def test_triplets_report_their_active_share(bert: Any, tmp_path: Path) -> None:
    rows = tuned(bert, tmp_path / "run", recipe(loss={"name": "triplet"}))

    assert all(0 <= share <= 1 for share in column(rows, "active_triplets"))
    assert len(column(rows, "active_triplets")) == len(column(rows, "loss"))


@pytest.mark.parametrize(
    "loss",
    [
        {"name": "guided", "margin": 0.0},
        {"name": "margin_mse"},
        {"name": "kl"},
        {"dims": (4, 8)},
        {"name": "triplet", "margin": 0.3},
    ],
)
def test_a_model_of_each_loss_is_better_than_before(tmp_path: Path, loss: dict[str, Any]) -> None:
    rows = tuned(static(), tmp_path / "run", recipe(loss=loss, epochs=8, evaluations=8, lr=5e-4))
    scores = column(rows, "valid_ndcg@10")

    assert max(scores[1:]) > scores[0]


# --- refusals

REFUSED = {
    "margin_mse without negatives": (recipe(loss={"name": "margin_mse"}, negatives=0), "needs mined negatives"),
    "kl with new negatives": (recipe(loss={"name": "kl"}, refresh_every=1), "new negatives"),
    "triplet without margin": (recipe(loss={"name": "triplet", "margin": 0.0}), "margin must be above 0"),
    "a guide that nobody asks": (recipe(loss={"guide": "bge-m3"}), "guided loss alone"),
    "margin_mse without some negatives": (recipe(loss={"name": "margin_mse"}, hard_negative_ratio=0.5), "from mined negatives"),
    "a share of no negatives": (recipe(hard_negative_ratio=0.5, negatives=0), "none are used"),
    "fewer negatives in flagembedding": (recipe(engine="flagembedding", hard_negative_ratio=0.5), "gives every example"),
    "fp16 without a GPU": (recipe(precision="fp16"), "needs a GPU"),
    "classes for infonce": (recipe(sampler="classes"), "infonce masks"),
    "a batch of one row": (recipe(batch_size=1, negatives=0, hard_negative_ratio=1.0), "one row without negatives"),
    "every token dropped": (recipe(token_dropout=1.0), "below 1"),
    "adapters and frozen weights": (recipe(rank=2, freeze=("x",)), "freeze everything else"),
    "an earlier run of adapters": (recipe(rank=2, resume_from="x"), "fits no adapters"),
    "adapters to go on from": (recipe(rank=2, keep_last=True), "fits nothing"),
    "triplets in flagembedding": (recipe(engine="flagembedding", loss={"name": "triplet"}), "its own loss"),
    "an earlier run of flagembedding": (recipe(engine="flagembedding", resume_from="x"), "can't go on"),
    "new negatives in flagembedding": (recipe(engine="flagembedding", refresh_every=1), "refresh_every to 0"),
    "samplers in flagembedding": (recipe(engine="flagembedding", sampler="no_duplicates"), "knows no adapters, samplers"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_contradicts_itself_is_one_sentence(what: str) -> None:
    wanted, said = REFUSED[what]
    with pytest.raises(ParamsError, match=said):
        check_params(wanted.params, wanted.loss, wanted.lora, "cpu")


@pytest.mark.parametrize("name", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_a_launch_that_shards_or_offloads_is_refused_before_any_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "true")
    with pytest.raises(HaechiError, match=f"train: {name} is set, and sharded or offloaded weights can't be trained here"):
        train(static(), examples(), VALIDATION, tmp_path / "run", recipe())
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv(name, "false")
    check_launch()


def test_the_usual_recipe_is_not_refused(bert: Any) -> None:
    check_params(PARAMS, LOSS, LORA, "cpu")
    check_model(bert, PARAMS, LOSS, LORA)
    check_model(static(), PARAMS, LOSS, LORA)
    check_rows(make_rows(examples(), 2), PARAMS, LOSS)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (recipe(loss={"mini_batch": 8}), "mini_batch"),
        (recipe(gradient_checkpointing=True), "checkpointing"),
        (recipe(rank=2), "lora.rank"),
        (recipe(loss={"dims": (4, 64)}), "16 wide"),
    ],
)
def test_what_a_static_model_cannot_do_is_refused_before_any_work(tmp_path: Path, wanted: Recipe, said: str) -> None:
    with pytest.raises(ParamsError, match=said):
        train(static(), examples(), VALIDATION, tmp_path / "run", wanted)
    assert not (tmp_path / "run").exists()


def test_what_a_transformer_cannot_do_is_refused(bert: Any) -> None:
    with pytest.raises(ParamsError, match="own dropout"):
        check_model(bert, replace(PARAMS, token_dropout=0.1), LOSS, LORA)
    bert.max_seq_length = 131
    with pytest.raises(HaechiError, match="130 tokens only"):
        check_model(bert, PARAMS, LOSS, LORA)


def test_positions_of_a_roberta_begin_behind_the_padding(tmp_path: Path) -> None:
    model = transformer(tmp_path / "xlm", "xlm-r", "cls")
    model.max_seq_length = 128
    check_model(model, PARAMS, LOSS, LORA)
    model.max_seq_length = 129

    with pytest.raises(HaechiError, match="128 tokens only"):
        check_model(model, PARAMS, LOSS, LORA)


def test_examples_without_any_negative_are_refused_where_the_loss_needs_them() -> None:
    bare = make_rows([replace(e, neg=(), neg_ids=(), neg_scores=(), neg_reasons=()) for e in examples()], 2)

    with pytest.raises(HaechiError, match="none of the 10 rows has one"):
        check_rows(bare, PARAMS, replace(LOSS, name="kl"))
