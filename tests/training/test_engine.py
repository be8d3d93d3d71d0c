"""The engine on ten made-up examples with a static model of a few hundred pieces."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_law import PASSAGES, pair
from training.made import PARAMS, RECIPE, VALIDATION, examples, recipe, static, train

from haechi.models.load import load_encoder
from haechi.runtime.files import sha256_folder
from haechi.scoring.validation import Validation
from haechi.training.recipe import Recipe


def trained(folder: Path, recipe: Recipe = RECIPE) -> dict[str, object]:
    return train(static(), examples(), VALIDATION, folder, recipe)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    folder = tmp_path_factory.mktemp("train") / "run"
    return folder, trained(folder)


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_only_safetensors_and_json_files_stay(run) -> None:
    files = [path for path in run[0].rglob("*") if path.is_file()]

    assert files
    assert {path.suffix for path in files} == {".safetensors", ".json", ".jsonl"}
    assert not [path for path in run[0].parent.iterdir() if path != run[0]]


def test_the_history_holds_losses_and_validation_from_before_the_first_step(run) -> None:
    rows = history(run[0])
    scored = [row for row in rows if "valid_ndcg@10" in row]

    assert scored[0]["step"] == 0
    assert scored[-1]["step"] == run[1]["steps"] == 9
    assert len(scored) == 1 + PARAMS.evaluations
    assert any("loss" in row for row in rows)
    assert not any("runtime" in name or "second" in name for row in rows for name in row)


def test_training_learns_the_words_that_it_was_shown(run) -> None:
    rows = [row["valid_ndcg@10"] for row in history(run[0]) if "valid_ndcg@10" in row]
    losses = [row["loss"] for row in history(run[0]) if "loss" in row]

    assert max(rows) > rows[0]
    assert losses[-1] < losses[0]


def test_the_best_checkpoints_are_kept_and_score_what_was_written_down(run) -> None:
    config = json.loads((run[0] / "training_config.json").read_text())
    kept = config["checkpoints"]
    scores = {row["step"]: row["valid_ndcg@10"] for row in history(run[0]) if row["step"] and "valid_ndcg@10" in row}

    assert {path.name for path in (run[0] / "checkpoints").iterdir()} == {c["name"] for c in kept} | {"average"}
    best = sorted(scores.values(), reverse=True)[: PARAMS.keep]
    assert [c["score"] for c in kept[: PARAMS.keep]] == pytest.approx(best, abs=1e-6)
    again = VALIDATION(load_encoder(run[0] / "checkpoints" / kept[0]["name"]))
    assert again["ndcg@10"] == pytest.approx(kept[0]["score"], abs=1e-9)
    assert run[1]["validation"]["best"] == pytest.approx(kept[0]["score"], abs=1e-6)  # type: ignore[index]


def test_what_is_thinned_out_and_what_is_never_shown_is_counted(tmp_path: Path) -> None:
    """Six of the ten examples have mined negatives."""
    half = trained(tmp_path / "half", recipe(epochs=1, evaluations=1, ema_decay=0.0, hard_negative_ratio=0.5))
    left = trained(tmp_path / "left", recipe(epochs=1, evaluations=1, ema_decay=0.0, weights={"precedent": 0.5}))

    assert half["examples"] == {"mined": 10, "used": 10, "rows": 10, "held_out": 0, "with_negatives": 3, "never_shown": 0}
    assert left["examples"] == {"mined": 10, "used": 10, "rows": 10, "held_out": 0, "with_negatives": 6, "never_shown": 5}


class Falling(Validation):
    """Every validation is worse than the one before."""

    def __call__(self, model: object) -> dict[str, float]:
        self.asked = getattr(self, "asked", 0) + 1
        return super().__call__(model) | {"ndcg@10": 1.0 / self.asked}  # type: ignore[arg-type]


@pytest.mark.parametrize("falling", [True, False])
def test_the_last_checkpoint_stays_beside_the_best_but_is_not_kept_twice(tmp_path: Path, falling: bool) -> None:
    """Where the score falls the first ones are the best; where it stays equal too, since an earlier step wins."""
    kind = Falling if falling else Validation
    validation = kind([pair("Q", PASSAGES[0].text, article_keys=(PASSAGES[0].article_key,))], PASSAGES)  # always found: 1.0
    train(static(), examples(), validation, tmp_path / "run", recipe(epochs=5, evaluations=5, keep=2, ema_decay=0.0))

    kept = json.loads((tmp_path / "run" / "training_config.json").read_text())["checkpoints"]
    assert [c["step"] for c in kept] == [3, 6, 15]
    assert {path.name for path in (tmp_path / "run/checkpoints").iterdir()} == {c["name"] for c in kept}


def test_two_runs_leave_the_same_bytes_and_another_seed_others(run, tmp_path: Path) -> None:
    assert trained(tmp_path / "again") == run[1]
    assert sha256_folder(tmp_path / "again") == sha256_folder(run[0])
    trained(tmp_path / "other", recipe(seed=8))
    assert sha256_folder(tmp_path / "other" / "checkpoints") != sha256_folder(run[0] / "checkpoints")


def test_an_old_run_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "run/checkpoints/step-000999").mkdir(parents=True)
    trained(tmp_path / "run", recipe(epochs=1, evaluations=1, ema_decay=0.0))

    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["step-000003"]


def test_validation_folds_passages_to_articles_and_a_perfect_model_scores_one() -> None:
    """Queries that are the passages themselves: the untuned model finds each first."""
    same = Validation([pair(f"Q_{p.id}", p.text, article_keys=(p.article_key,)) for p in PASSAGES], PASSAGES)

    assert same(static())["ndcg@10"] == pytest.approx(1.0)


def test_an_article_that_says_the_same_as_the_gold_counts_as_found() -> None:
    """Two laws with one wording share their qrels: it doesn't matter under which name the answer comes."""
    twin = replace(PASSAGES[0], id="zz", article_key="zz")
    asked = [pair("Q", PASSAGES[0].text, article_keys=("zz",))]

    found = Validation(asked, [*PASSAGES, twin])(static())

    assert found["ndcg@1"] == pytest.approx(1.0)
