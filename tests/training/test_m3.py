"""FlagEmbedding's own trainer on an XLM-R of two layers with the heads of BGE-M3."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from selection.made import SELECT
from training.made import TEXTS, VALIDATION, examples, recipe, transformer

from haechi.models.load import folder_of, load_encoder
from haechi.models.registry import HEADS
from haechi.runtime.errors import HaechiError, ModelUnreachable, ParamsError
from haechi.runtime.files import read_json, sha256_folder
from haechi.selection.stage import select
from haechi.training.m3 import train_m3
from haechi.training.session import Listeners, TrainingInputs

pytestmark = pytest.mark.slow

QUERIES = [e.query for e in examples()]
RECIPE = recipe(engine="flagembedding", epochs=2, lr=1e-3)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved with mean pooling: what FlagEmbedding leaves behind is read like that."""
    folder = tmp_path_factory.mktemp("m3") / "base"
    transformer(folder, "xlm-r", "mean")
    torch.manual_seed(3)
    for name, width in zip(HEADS, (16, 1), strict=True):
        torch.save(torch.nn.Linear(16, width).state_dict(), folder / name)
    return folder


def tuned(base: Path, folder: Path, wanted: Any = RECIPE) -> dict[str, object]:
    return train_m3(TrainingInputs(load_encoder(base), examples(), VALIDATION, wanted, str(base)), folder).as_json()


@pytest.fixture(scope="module")
def run(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "run"
    tuned(base, folder)
    return folder


def best(run: Path) -> Path:
    return run / "checkpoints" / read_json(run / "training_config.json")["checkpoints"][0]["name"]


def test_it_trains_all_three_ways_to_match(run: Path, base: Path) -> None:
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]

    assert len(losses) == 4  # six of ten examples have a negative; batches of four; two epochs
    assert losses[-1] < losses[0]
    for name in HEADS:
        before, after = (torch.load(folder / name, weights_only=True) for folder in (base, best(run)))
        assert before.keys() == after.keys()
        assert not torch.equal(before["weight"], after["weight"])


def test_it_starts_at_the_logarithm_of_the_candidates(base: Path, tmp_path: Path) -> None:
    """At a temperature that makes all candidates alike, each of its parts costs ln(candidates).

    Its mean of dense, ensemble, multi-vector and a tenth of the sparse one, and its mean of what they learn from the ensemble.
    """
    tuned(base, tmp_path / "run", recipe(engine="flagembedding", epochs=1, evaluations=1, ema_decay=0.0, temperature=1e4))
    rows = [json.loads(line) for line in (tmp_path / "run/history.jsonl").read_text().splitlines()]
    share = ((1 + 1 + 0.1 + 1) / 4 + (1 + 0.1 + 1) / 3) / 2

    found = [row["loss"] / share for row in rows if "loss" in row]
    assert found == pytest.approx([np.log(4 * 3), np.log(2 * 3)], rel=0.01)  # of four and of two examples with two negatives


def test_flagembedding_and_sentence_transformers_load_it_with_equal_dense_vectors(run: Path) -> None:
    from FlagEmbedding import BGEM3FlagModel
    from sentence_transformers import SentenceTransformer

    texts = [*QUERIES, *TEXTS.values()]
    theirs = BGEM3FlagModel(str(best(run)), use_fp16=False, devices="cpu", query_max_length=64, passage_max_length=64)
    found = theirs.encode(texts, return_dense=True, return_sparse=True, return_colbert_vecs=True)
    ours = SentenceTransformer(str(best(run)), device="cpu").encode(texts)

    np.testing.assert_allclose(found["dense_vecs"], ours, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1.0, atol=1e-5)
    assert any(weights for weights in found["lexical_weights"])
    assert found["colbert_vecs"][0].shape[1] == 16


def test_the_folder_says_cls_and_normalised(run: Path) -> None:
    modules = [entry["type"].rpartition(".")[2] for entry in read_json(best(run) / "modules.json")]

    assert modules == ["Transformer", "Pooling", "Normalize"]
    assert load_encoder(best(run))[1].pooling_mode == "cls"


def test_two_runs_leave_the_same_bytes_and_another_seed_others(run: Path, base: Path, tmp_path: Path) -> None:
    tuned(base, tmp_path / "again")
    assert sha256_folder(tmp_path / "again") == sha256_folder(run)
    tuned(base, tmp_path / "other", recipe(engine="flagembedding", epochs=2, lr=1e-3, seed=8))
    assert sha256_folder(tmp_path / "other") != sha256_folder(run)


def test_scores_of_the_mined_file_are_followed(run: Path, base: Path, tmp_path: Path) -> None:
    taught = recipe(engine="flagembedding", epochs=2, lr=1e-3, loss={"name": "kl"})
    tuned(base, tmp_path / "taught", taught)

    assert (tmp_path / "taught/history.jsonl").read_text() != (run / "history.jsonl").read_text()


def test_checkpointing_and_bf16_run(base: Path, tmp_path: Path) -> None:
    tuned(
        base,
        tmp_path / "run",
        recipe(engine="flagembedding", epochs=1, evaluations=1, gradient_checkpointing=True, precision="bf16"),
    )

    assert best(tmp_path / "run").is_dir()


@pytest.mark.parametrize("missing", HEADS)
def test_a_head_that_is_missing_is_never_drawn(base: Path, tmp_path: Path, missing: str) -> None:
    import shutil

    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "base" / missing).unlink()

    with pytest.raises(HaechiError, match=f"{missing} missing"):
        tuned(tmp_path / "base", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_chosen_model_keeps_its_heads(run: Path, base: Path, tmp_path: Path) -> None:
    forced = replace(SELECT, min_gain=-1.0, soups=(), interpolations=(), errors=1e9)
    select(run, base, VALIDATION, tmp_path / "encoder", forced)
    last = max((run / "checkpoints").glob("step-*"))

    assert [(tmp_path / "encoder" / name).read_bytes() for name in HEADS] == [(last / name).read_bytes() for name in HEADS]


def test_examples_without_negatives_cannot_be_used(base: Path, tmp_path: Path) -> None:
    bare = [replace(e, neg=(), neg_ids=(), neg_scores=(), neg_reasons=()) for e in examples()]

    with pytest.raises(HaechiError, match="no example has one"):
        train_m3(TrainingInputs(load_encoder(base), bare, VALIDATION, RECIPE, str(base)), tmp_path / "run")


def test_going_on_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="its resume fails"):
        tuned(base, tmp_path / "run", recipe(engine="flagembedding", resume_from="models/earlier"))


def test_a_model_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ModelUnreachable, match="local hub cache"):
        folder_of("nobody/no-such-model")


# --- the same guards, monitors and memory as the other engine's


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without dropout, which groups of another size would draw otherwise."""
    folder = tmp_path_factory.mktemp("steady") / "base"
    transformer(folder, "xlm-r", "mean", dropout=0.0)
    torch.manual_seed(3)
    for name, width in zip(HEADS, (16, 1), strict=True):
        torch.save(torch.nn.Linear(16, width).state_dict(), folder / name)
    return folder


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_memory_that_runs_out_leaves_the_result_of_an_undisturbed_run(
    steady: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from FlagEmbedding.finetune.embedder.encoder_only.m3.modeling import EncoderOnlyEmbedderM3Model
    from safetensors.torch import load_file

    tuned(steady, tmp_path / "plain")
    embed = EncoderOnlyEmbedderM3Model._encode

    def refuse(gradient: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    def limited(self: Any, features: Any) -> Any:
        large = len(features["input_ids"]) > 3
        if large and where == "forward":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        found = embed(self, features)
        if large and found[0].requires_grad:
            found[0].register_hook(refuse)
        return found

    monkeypatch.setattr(EncoderOnlyEmbedderM3Model, "_encode", limited)
    inputs = TrainingInputs(load_encoder(steady), examples(), VALIDATION, RECIPE, str(steady))
    train_m3(inputs, tmp_path / "small", listeners=Listeners(memory_file=tmp_path / "memory.json"))
    facts = read_json(tmp_path / "memory.json")

    assert {event["where"] for event in facts["events"]} == {where}
    assert facts["mini_batch"]["end"] == 2
    plain, small = (load_file(tmp_path / name / "checkpoints/step-000004/model.safetensors") for name in ("plain", "small"))
    for name, weight in plain.items():
        torch.testing.assert_close(small[name], weight, rtol=1e-3, atol=3e-4)


def test_its_steps_are_guarded_and_its_modules_looked_at(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step is fine; from the second on nothing is finite."""
    from FlagEmbedding.finetune.embedder.encoder_only.m3.modeling import EncoderOnlyEmbedderM3Model

    forward, count = EncoderOnlyEmbedderM3Model.forward, [0]

    def broken(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = forward(self, *args, **kwargs)
        count[0] += 1
        if count[0] > 1:
            found.loss = found.loss * float("nan")
        return found

    monkeypatch.setattr(EncoderOnlyEmbedderM3Model, "forward", broken)
    inputs = TrainingInputs(load_encoder(base), examples(), VALIDATION, RECIPE, str(base), held_out=examples())
    facts = train_m3(inputs, tmp_path / "run").as_json()
    rows = [json.loads(line) for line in (tmp_path / "run/history.jsonl").read_text().splitlines()]
    skipped = [row for row in rows if "skipped" in row]

    assert (facts["state"], facts["verdict"]) == ("stopped", "failed")
    assert [row["step"] for row in skipped] == [2, 3, 4]
    assert len(skipped[0]["batch"]) == 2  # six examples in batches of four
    assert all("valid_loss" in row for row in rows if "valid_ndcg@10" in row)
    assert {"colbert_linear", "sparse_linear", "model.encoder.layer.0"} <= facts["health"]["modules"].keys()
    assert facts["health"]["modules"]["colbert_linear"]["moved"]
