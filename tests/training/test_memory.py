"""Memory that runs out: the same samples again, in smaller groups, with the result of an undisturbed run."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from training.made import VALIDATION, examples, recipe, static, train, transformer

from haechi.runtime.errors import HaechiError
from haechi.scoring import validation as validation_module
from haechi.training.memory import MiniBatch, out_of_memory, probed, retried, wanted_size
from haechi.training.trainer import Trainer

pytestmark = pytest.mark.slow

PLAIN = recipe(epochs=2, gradient_accumulation=2, evaluations=2)
NO_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB."


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    folder = tmp_path_factory.mktemp("memory") / "bert"
    transformer(folder, dropout=0.0)  # groups of another size would draw other dropouts
    return lambda: SentenceTransformer(str(folder), device="cpu")


@pytest.fixture(scope="module")
def undisturbed(bert: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    train(bert(), examples(), VALIDATION, folder, PLAIN, held_out=examples())
    return folder


@contextmanager
def small_memory(monkeypatch: pytest.MonkeyPatch, where: str, most: int) -> Iterator[None]:
    """More than `most` texts at once don't fit: into the forward pass, the backward pass, or an evaluation."""
    forward = SentenceTransformer.forward

    def refuse(gradient: torch.Tensor) -> None:
        raise torch.OutOfMemoryError(NO_MEMORY)

    def limited(self: Any, features: dict[str, Any], **kwargs: Any) -> Any:
        number, learning = len(features["input_ids"]), torch.is_grad_enabled() or self.training
        if number > most and where == ("forward" if learning else "evaluation"):
            raise torch.OutOfMemoryError(NO_MEMORY)
        found = forward(self, features, **kwargs)
        if number > most and where == "backward" and found["sentence_embedding"].requires_grad:
            found["sentence_embedding"].register_hook(refuse)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(SentenceTransformer, "forward", limited)
        yield


def final(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / "step-000003" / "model.safetensors")


def figures(run: Path, *keys: str) -> list[float]:
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [row[key] for row in rows for key in keys if key in row]


@pytest.mark.parametrize("where", ["forward", "backward", "evaluation"])
def test_an_injected_lack_of_memory_leaves_the_result_of_an_undisturbed_run(
    bert: Any, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Losses see every negative of the batch, or they would differ; every row makes its step exactly once an epoch."""
    seen: Counter[int] = Counter()
    clip = Trainer._clip_grad_norm

    def counted(self: Any, model: Any) -> Any:
        seen.update(row for batch in self.record.batches for row in batch["label"].tolist())
        return clip(self, model)

    monkeypatch.setattr(Trainer, "_clip_grad_norm", counted)
    with small_memory(monkeypatch, where, 3):
        train(bert(), examples(), VALIDATION, tmp_path / "run", PLAIN, held_out=examples(), memory_file=tmp_path / "memory.json")
    facts = json.loads((tmp_path / "memory.json").read_text())

    assert {event["where"] for event in facts["events"]} == {where}
    assert where == "evaluation" or facts["mini_batch"] == {"start": 0, "end": 2}
    assert seen == Counter(dict.fromkeys(range(10), 2))
    assert figures(tmp_path / "run", "loss", "valid_loss") == pytest.approx(figures(undisturbed, "loss", "valid_loss"), rel=1e-4)
    for name, weight in final(undisturbed).items():
        torch.testing.assert_close(final(tmp_path / "run")[name], weight, rtol=1e-3, atol=3e-4)


def test_an_undisturbed_run_shrinks_nothing_and_leaves_statistics(bert: Any, tmp_path: Path) -> None:
    train(bert(), examples(), VALIDATION, tmp_path / "run", PLAIN, memory_file=tmp_path / "memory.json")
    facts = json.loads((tmp_path / "memory.json").read_text())

    assert facts["events"] == []
    assert facts["mini_batch"] == {"start": 0, "end": 0}
    assert [row["step"] for row in facts["series"]][:3] == [1, 2, 3]
    assert facts["peak"]["process_peak_mb"] > 100


def test_a_memory_too_small_for_one_text_is_one_sentence_and_leaves_no_run(
    bert: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        small_memory(monkeypatch, "backward", 0),
        pytest.raises(HaechiError, match="out of memory in backward at step 1 with one text at a time"),
    ):
        train(bert(), examples(), VALIDATION, tmp_path / "run", PLAIN, memory_file=tmp_path / "memory.json")
    assert not (tmp_path / "run").exists()
    assert len(json.loads((tmp_path / "memory.json").read_text())["events"]) == 4  # of 12: 8, 4, 2, 1


def test_an_evaluation_that_never_fits_is_one_sentence(bert: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_memory(monkeypatch, "evaluation", 0), pytest.raises(HaechiError, match="out of memory in evaluation at step 0"):
        train(bert(), examples(), VALIDATION, tmp_path / "run", PLAIN)
    VALIDATION._batch = validation_module.BATCH


def test_a_static_model_has_nothing_to_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, *args: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")

    monkeypatch.setattr("haechi.training.objective.Objective._of_vectors", refuse)
    with pytest.raises(HaechiError, match=r"out of memory in forward at step 1.*lower train\.batch_size"):
        train(static(), examples(), VALIDATION, tmp_path / "run", recipe())


def test_another_error_is_not_taken_for_a_lack_of_memory(bert: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, *args: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("haechi.training.objective.Objective._of_vectors", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        train(bert(), examples(), VALIDATION, tmp_path / "run", PLAIN)
    assert not out_of_memory(RuntimeError("a bug"))
    assert out_of_memory(RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"))
    assert out_of_memory(MemoryError())


def test_a_step_that_is_made_again_counts_its_triplets_once(bert: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = recipe(epochs=2, gradient_accumulation=2, evaluations=1, loss={"name": "triplet", "margin": 0.5})
    train(bert(), examples(), VALIDATION, tmp_path / "plain", told)
    with small_memory(monkeypatch, "backward", 2):
        train(bert(), examples(), VALIDATION, tmp_path / "small", told)

    plain, small = (figures(tmp_path / name, "active_triplets") for name in ("plain", "small"))
    assert len(plain) > 1
    assert small == pytest.approx(plain, rel=1e-3)


@pytest.mark.parametrize(("fits", "found"), [(99, 0), (16, 16), (9, 8), (5, 4), (1, 1)])
def test_probing_finds_the_largest_power_of_two_that_fits(fits: int, found: int) -> None:
    sizes: list[int] = []
    mini_batch = MiniBatch(0, 24, sizes.append)

    def attempt() -> None:
        if (mini_batch.size or 24) > fits:
            raise torch.OutOfMemoryError(NO_MEMORY)

    assert probed(attempt, mini_batch, 24) == found
    assert (mini_batch.size, mini_batch.start, sizes[-1]) == (found, found, found)


def test_probing_gives_up_below_one() -> None:
    def attempt() -> None:
        raise torch.OutOfMemoryError(NO_MEMORY)

    with pytest.raises(HaechiError, match="not even one text at a time"):
        probed(attempt, MiniBatch(0, 24, lambda size: None), 24)


def test_auto_probes_before_the_first_step_and_learns_nothing_by_it(
    bert: Any, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAECHI_MINI_BATCH", "auto")
    monkeypatch.setattr("haechi.training.engine._probes", lambda: True)  # as on a GPU
    with small_memory(monkeypatch, "forward", 5):
        train(bert(), examples(), VALIDATION, tmp_path / "run", PLAIN, held_out=examples(), memory_file=tmp_path / "memory.json")
    facts = json.loads((tmp_path / "memory.json").read_text())

    assert facts["mini_batch"] == {"start": 4, "end": 4}
    assert facts["events"] == []
    assert figures(tmp_path / "run", "loss") == pytest.approx(figures(undisturbed, "loss"), rel=1e-4)


@pytest.mark.parametrize("value", ["0", "-1", "some", "1.5"])
def test_a_mini_batch_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HAECHI_MINI_BATCH", value)
    with pytest.raises(HaechiError, match="HAECHI_MINI_BATCH should be a whole number, 1 or more, or `auto`"):
        wanted_size()


def test_nothing_of_a_failed_attempt_stays_when_it_is_tried_again() -> None:
    """While an error is handled its frames hold every tensor; so nobody may shrink or try before it is gone."""
    import weakref

    alive: list[weakref.ref[torch.Tensor]] = []

    def work() -> str:
        if not alive:
            large = torch.zeros(10)
            alive.append(weakref.ref(large))
            raise torch.OutOfMemoryError(NO_MEMORY)
        return "done"

    def shrink() -> None:
        assert alive[0]() is None

    assert retried(work, shrink) == "done"
