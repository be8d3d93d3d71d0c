"""A run that is killed with SIGKILL and started again leaves the bytes of one that nobody disturbed.

Each attempt is a process of its own (forked, so that it needn't import torch again) and is killed from inside, at a chosen
call, so that every point of a step gets its turn.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training.made import VALIDATION, examples, recipe, static, train, transformer

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import sha256_folder
from haechi.scoring.validation import Validation
from haechi.training import engine, objective, session, trainer
from haechi.training.recipe import Recipe
from haechi.training.resume import Work, kept, resumable

pytestmark = pytest.mark.slow

RUNS: dict[str, Recipe] = {
    "static": recipe(token_dropout=0.2, weight_decay=0.01),
    "transformer": recipe(gradient_accumulation=2, epochs=2),
    "lora": recipe(rank=4, lr=1e-2, epochs=2),
    "cached": recipe(loss={"mini_batch": 2, "dims": (8,)}, epochs=2),
    "frozen": recipe(freeze=("embeddings", r"layer\.0\."), epochs=2),
    "triplets": recipe(loss={"name": "triplet", "margin": 0.3}, sampler="no_duplicates", epochs=2),
    "refreshed": recipe(refresh_every=1),
    "lowered": recipe(guards={"action": {"stall": "lower_lr"}, "patience": {"stall": 2}, "tolerance": {"stall": 9.0}}),
    "rolled back": recipe(
        token_dropout=0.2, guards={"action": {"collapse": "rollback"}, "bound": {"collapse": 1e-9}, "rollbacks": 2}
    ),
}
"""The last two are guarded by rules that can't but fire, again and again."""
KILLED = -signal.SIGKILL


def base(name: str, folder: Path) -> Any:
    if name in ("static", "triplets", "refreshed", "lowered", "rolled back"):
        return static()
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder / "bert"), device="cpu") if (folder / "bert").exists() else transformer(folder / "bert")


def work(name: str, recipe: Recipe) -> Work:
    return Work("train", {"name": name, **asdict(recipe)}, {}, {})


def run(name: str, folder: Path, before: Callable[[], None] = lambda: None, wanted: Recipe | None = None) -> int:
    """One attempt in a process of its own; its exit code."""

    def attempt() -> None:
        os.environ |= {"DVC_ROOT": str(folder), "HAECHI_STATE_SECONDS": "0"}
        before()
        chosen = wanted or RUNS[name]
        with resumable(work(name, chosen)) as state:
            train(base(name, folder.parent), examples(), VALIDATION, folder / "run", chosen, state=state)

    child = multiprocessing.get_context("fork").Process(target=attempt)
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def die_at(owner: Any, name: str, call: int) -> Callable[[], None]:
    """SIGKILL for this process in the given call of a function."""

    def plant() -> None:
        whole, count = getattr(owner, name), [0]

        def counted(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            if count[0] == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return whole(*args, **kwargs)

        setattr(owner, name, counted)

    return plant


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, str]]:
    root = tmp_path_factory.mktemp("resume")
    transformer(root / "bert")
    static()  # once, before anybody forks
    done: dict[str, str] = {}

    def of(name: str) -> tuple[Path, str]:
        if name not in done:
            assert run(name, root / name) == 0
            done[name] = sha256_folder(root / name / "run")
        return root, done[name]

    return of


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_is_killed_in_every_second_step_ends_as_if_nothing_had_been(undisturbed, name: str) -> None:
    root, wanted = undisturbed(name)
    folder = root / f"{name}-killed"
    attempts = 0
    while (code := run(name, folder, die_at(objective.Objective, "forward", 3))) == KILLED:
        attempts += 1
        assert attempts < 20
    assert code == 0
    assert attempts >= 2
    assert sha256_folder(folder / "run") == wanted


POINTS: dict[str, tuple[Any, str, int]] = {
    "before the first step": (objective.Objective, "forward", 1),
    "while a state is written": (trainer, "save_file", 3),
    "between two files of a state": (trainer.Trainer, "_save_rng_state", 4),
    "in a validation": (Validation, "__call__", 3),
    "while a checkpoint is saved": (engine, "save_encoder", 2),
    "when everything is trained": (session, "outcome", 1),
}


@pytest.mark.parametrize("point", POINTS)
def test_it_may_die_anywhere(undisturbed, point: str) -> None:
    root, wanted = undisturbed("static")
    folder = root / f"died {point}"

    assert run("static", folder, die_at(*POINTS[point])) == KILLED
    assert run("static", folder) == 0
    assert sha256_folder(folder / "run") == wanted
    assert not list(folder.rglob("*.safetensors.tmp"))


def test_the_second_attempt_takes_only_the_steps_that_are_left(undisturbed) -> None:
    root, _ = undisturbed("static")
    folder = root / "steps"
    assert run("static", folder, die_at(objective.Objective, "forward", 7)) == KILLED

    assert run("static", folder, die_at(objective.Objective, "forward", 4)) == 0  # 9 steps in all, 6 are done


def test_other_parameters_start_from_nothing(undisturbed) -> None:
    root, wanted = undisturbed("static")
    folder = root / "other"
    assert run("static", folder, die_at(objective.Objective, "forward", 5), recipe(lr=1e-3)) == KILLED

    assert run("static", folder) == 0
    assert sha256_folder(folder / "run") == wanted


def test_a_state_holds_tensors_and_plain_values_only(undisturbed, monkeypatch: pytest.MonkeyPatch) -> None:
    root, _ = undisturbed("lora")
    folder = root / "plain"
    assert run("lora", folder, die_at(objective.Objective, "forward", 5)) == KILLED
    monkeypatch.setenv("DVC_ROOT", str(folder))
    (state,) = kept()
    files = [path for path in state.rglob("*") if path.is_file()]

    assert {path.suffix for path in files} <= {".json", ".jsonl", ".safetensors", ".pt", ".pth"}
    for path in files:
        if path.suffix in (".pt", ".pth"):
            with torch.serialization.safe_globals(trusted()):
                torch.load(path, weights_only=True)
    facts = json.loads((state / "state.json").read_text())
    assert facts["params"]["lora"]["rank"] == 4
    weights = load_file(next(path for path in files if path.name == trainer.WEIGHTS))
    assert all("lora" in name for name in weights if "position_ids" not in name)


def trusted() -> list[Any]:
    """What transformers itself trusts in a file of random numbers: arrays of numpy."""
    import numpy as np

    return [np._core.multiarray._reconstruct, np.ndarray, np.dtype, type(np.dtype(np.uint32))]


# --- going on from an earlier run


def finished(folder: Path, **changes: Any) -> Path:
    train(static(), examples(), VALIDATION, folder, recipe(keep_last=True, **changes))
    return folder


def rates(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [row["learning_rate"] for row in rows if "learning_rate" in row]


def test_going_on_at_the_same_constant_rate_is_training_longer(tmp_path: Path) -> None:
    """Weights and the optimizer's memory come along: only the order of later epochs differs, and one batch has no order."""
    same = {"batch_size": 10, "scheduler": "constant_with_warmup", "warmup_ratio": 0.0, "evaluations": 1}
    one = finished(tmp_path / "five", epochs=5, **same)
    first = finished(tmp_path / "three", epochs=3, **same)
    second = finished(tmp_path / "two", epochs=2, resume_from=str(first), **same)
    a, b = (load_file(folder / "last" / trainer.WEIGHTS) for folder in (one, second))

    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1e-4, atol=1e-8)
    start = load_file(first / "last" / trainer.WEIGHTS)
    assert any(not torch.equal(start[name], b[name]) for name in b)


def test_the_rate_that_is_asked_for_wins_over_the_earlier_one(tmp_path: Path) -> None:
    """The earlier plan: 10 epochs, then 5 more at half the rate."""
    plan = {"scheduler": "constant_with_warmup", "warmup_ratio": 0.0, "evaluations": 1}
    first = finished(tmp_path / "first", epochs=10, lr=1e-3, **plan)
    second = finished(tmp_path / "second", epochs=5, lr=5e-4, resume_from=str(first), **plan)

    assert set(rates(first)) == {1e-3}
    assert set(rates(second)) == {5e-4}


@pytest.mark.parametrize("missing", [trainer.WEIGHTS, trainer.MOMENTS, trainer.EXTRA])
def test_a_missing_file_is_an_error_and_no_fresh_start(tmp_path: Path, missing: str) -> None:
    first = finished(tmp_path / "first", epochs=1, evaluations=1)
    (first / "last" / missing).unlink()

    with pytest.raises(HaechiError, match=missing.replace(".", r"\.")):
        finished(tmp_path / "second", resume_from=str(first))
    assert not (tmp_path / "second").exists()


def test_a_run_of_another_model_is_refused(tmp_path: Path) -> None:
    first = finished(tmp_path / "first", epochs=1, evaluations=1)

    with pytest.raises(HaechiError, match="another model"):
        train(transformer(tmp_path / "bert"), examples(), VALIDATION, tmp_path / "second", recipe(resume_from=str(first)))
