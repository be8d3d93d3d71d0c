"""The select stage on a tiny run: every kind of candidate, what is written, and what is refused."""

import gc
import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from export.test_formats import given
from safetensors.torch import load_file, save_file
from selection.made import SELECT, VOTERS
from small_law import PASSAGES, pair
from training.made import VALIDATION, examples, recipe, static, train, transformer

from haechi.cli.main import main
from haechi.comparison.rank import board, check_same
from haechi.comparison.rank_params import RankParams
from haechi.export import formats
from haechi.export.formats import Encode, Format
from haechi.export.trace import Graph
from haechi.models.load import LIGHT, folder_hash, load_encoder, open_encoder, save_encoder, save_pointer
from haechi.records.validated import ValidatedQuery
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import sha256_folder, write_json
from haechi.scoring.metrics import mean, score
from haechi.scoring.names import HEADLINE
from haechi.scoring.per_query import read_rows, write_rows
from haechi.scoring.validation import Validation
from haechi.selection import scorer as scorer_module
from haechi.selection.merges import MergeBuilder
from haechi.selection.ranking import metrics_of
from haechi.selection.scorer import ModelScorer
from haechi.selection.stage import facts_of, select
from haechi.selection.summary import rows, show_candidates
from haechi.training.static_learner import plain

RANK = RankParams({"ndcg@10": 0.5, "recall@10": 0.5}, 7, 200, 0.95)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("select")
    save_encoder(plain(static()), root / "base")
    train(static(), examples(), VALIDATION, root / "run", recipe(evaluations=9, keep=3, epochs=3))
    return root


def test_every_kind_of_candidate_is_scored_and_the_winner_is_saved_whole(project: Path, tmp_path: Path) -> None:
    found = select(project / "run", project / "base", VALIDATION, tmp_path / "encoder", SELECT)

    kinds = {one.kind for one in found.candidates}
    assert {"base", "checkpoint", "average", "soup", "interpolation"} <= kinds
    again = VALIDATION(load_encoder(tmp_path / "encoder"))[SELECT.metric]
    assert again == pytest.approx(found.ranking[found.choice.name].score, abs=1e-9)
    assert found.encoder == folder_hash(tmp_path / "encoder")
    assert not [path for path in tmp_path.iterdir() if path.name != "encoder"], "nothing is left of the merges"


@pytest.mark.usefixtures("project", "without_torch")
def test_a_static_model_is_chosen_without_torch(project: Path, tmp_path: Path) -> None:
    """Scored, mixed and saved."""
    assert select(project / "run", project / "base", VALIDATION, tmp_path / "encoder", SELECT).scored > 4


def test_what_the_candidates_score_is_what_their_folders_score_elsewhere(project: Path, tmp_path: Path) -> None:
    """Without the memory for tokens, from the folder alone."""
    fresh = Validation([pair(f"v{i}", e.query, article_keys=e.pos_ids) for i, e in enumerate(examples())], PASSAGES)
    found = select(project / "run", project / "base", VALIDATION, tmp_path / "encoder", SELECT)

    for one in found.candidates:
        if one.kind in ("base", "checkpoint", "average"):
            folder = project / "base" if one.kind == "base" else project / "run" / "checkpoints" / one.name
            assert fresh(load_encoder(folder))[SELECT.metric] == pytest.approx(found.ranking[one.name].score, abs=1e-12)


def test_no_model_outlives_its_score(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten checkpoints would be ten models in memory if they waited for the garbage collector."""
    loaded: list[weakref.ref[Any]] = []

    def load(folder: Path) -> Any:
        model = open_encoder(folder)
        loaded.append(weakref.ref(model if isinstance(model, LIGHT) else model[0]))
        return model

    monkeypatch.setattr(scorer_module, "open_encoder", load)
    save_encoder(transformer(tmp_path / "bert"), tmp_path / "transformer")
    scorer = ModelScorer(VALIDATION)
    gc.disable()
    try:
        for place, folder in enumerate(
            [project / "base", *(project / "run/checkpoints").glob("step-*"), tmp_path / "transformer"]
        ):
            scorer.score(str(place), folder, SELECT.metric)
            assert not [one for one in loaded if one() is not None]
    finally:
        gc.enable()
    assert len(loaded) >= 4


def test_a_merge_that_is_taken_is_made_once_more_with_the_same_weights(project: Path, tmp_path: Path) -> None:
    """Forced by asking for no lead at all, on a metric on which the interpolation is ahead or not: then nothing is shown."""
    best = select(project / "run", project / "base", VALIDATION, tmp_path / "a", SELECT).choice.single
    scorer = ModelScorer(VALIDATION)
    builder = MergeBuilder(
        {"base": project / "base", best: project / "run" / "checkpoints" / best}, scorer, SELECT.metric, tmp_path
    )
    (made,) = builder.between(best, [0.5])
    builder.make(made.name, tmp_path / "made")

    whole = load_file(tmp_path / "made" / "model.safetensors")["embedding.weight"]
    parts = [
        load_file(place / "model.safetensors")["embedding.weight"]
        for place in (project / "base", project / "run/checkpoints" / best)
    ]
    torch.testing.assert_close(whole, (parts[0] + parts[1]) / 2)
    assert VALIDATION(load_encoder(tmp_path / "made"))[SELECT.metric] == pytest.approx(
        scorer.score(made.name, Path(), SELECT.metric)
    )


def test_the_same_inputs_give_the_same_bytes(project: Path, tmp_path: Path) -> None:
    one, two = (select(project / "run", project / "base", VALIDATION, tmp_path / name, SELECT) for name in ("one", "two"))

    assert facts_of(one) == facts_of(two)
    assert sha256_folder(tmp_path / "one") == sha256_folder(tmp_path / "two")
    shown = [row[0] for row in rows(facts_of(one))]
    assert sorted(name.removesuffix(" *") for name in shown) == sorted(facts_of(one)["candidates"])
    assert [name for name in shown if name.endswith(" *")] == [f"{one.choice.name} *"]


def test_the_count_of_scored_models_agrees_with_the_table_above_it(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = facts_of(select(project / "run", project / "base", VALIDATION, tmp_path / "one", SELECT))
    n = len(facts["candidates"])
    for scored, said in ((n, False), (n + 2, True)):
        show_candidates(facts | {"scored": scored})
        told = " ".join(capsys.readouterr().out.split())
        assert (f"{n + 2} models were scored: these, and 2 on the way to a merge." in told) == said


class Spoiled(ModelScorer):
    """Scores a folder by a number planted in it."""

    def score(self, name: str, folder: Path, metric: str) -> float:
        if name not in self.planted:
            self.planted[name] = float(load_file(folder / "model.safetensors")["embedding.weight"][0, 0])
        return self.planted[name]

    planted: dict[str, float]


def planted(folder: Path, **values: float) -> tuple[MergeBuilder, dict[str, Path]]:
    scorer = Spoiled(VALIDATION)
    scorer.planted = {}
    folders = {}
    for name, value in values.items():
        save_encoder(plain(static()), folder / name)
        save_file({"embedding.weight": torch.full((2, 2), value)}, folder / name / "model.safetensors")
        folders[name] = folder / name
    return MergeBuilder(folders, scorer, HEADLINE, folder), folders


def test_the_greedy_soup_leaves_out_what_makes_it_worse(tmp_path: Path) -> None:
    """Scores are the mean of what is in the pot, so whatever is worse than the pot stays out."""
    builder, folders = planted(tmp_path, a=0.9, b=0.9, c=0.1)

    assert builder.greedy(list(folders)) == []
    assert builder.uniform(list(folders))[0].parts == {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}
    assert builder.uniform(["a"]) == []


def test_a_crossover_needs_more_than_one_module(project: Path, tmp_path: Path) -> None:
    with pytest.raises(HaechiError, match="one module"):
        select(project / "run", project / "base", VALIDATION, tmp_path / "encoder", replace(SELECT, crossover=4))
    assert not list(tmp_path.iterdir())


def test_a_crossover_of_a_transformer_is_never_worse_than_its_best_epoch(tmp_path: Path) -> None:
    save_encoder(transformer(tmp_path / "bert"), tmp_path / "base")
    train(load_encoder(tmp_path / "base"), examples(), VALIDATION, tmp_path / "run", recipe(evaluations=3, keep=3, lr=1e-2))
    scorer = ModelScorer(VALIDATION)
    folders = {folder.name: folder for folder in sorted((tmp_path / "run/checkpoints").glob("step-*"))}
    builder = MergeBuilder(folders, scorer, SELECT.metric, tmp_path)
    best = max(builder.score(name) for name in folders)

    for one in builder.crossover(list(folders), 3):
        assert scorer.score(one.name, Path(), SELECT.metric) > best
        assert sum(one.parts.values()) == pytest.approx(1.0)
    assert len(scorer.places) >= len(folders) + 3, "each block was tried with each other checkpoint"


def test_a_base_that_only_points_to_a_model_is_followed(project: Path, tmp_path: Path) -> None:
    save_pointer(load_encoder(project / "base"), str(project / "base"), 64, tmp_path / "pointer")
    found = select(project / "run", tmp_path / "pointer", VALIDATION, tmp_path / "encoder", SELECT)

    assert any(one.kind == "interpolation" for one in found.candidates)


def test_a_model_is_exported_whole_or_not_at_all(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without the extra: a form that keeps what it was given, one that gives something else, and one that can't be made."""
    wrong = 0.0
    kept: list[Graph] = []

    def read(folder: Path) -> Encode:
        return lambda texts: given(kept[-1], texts) + np.float32(wrong)

    monkeypatch.setattr(formats, "FORMATS", {"onnx": Format("onnx", (), lambda graph, _: kept.append(graph), read)})
    asked = replace(SELECT, export=("onnx",))
    found = select(project / "run", project / "base", VALIDATION, tmp_path / "encoder", asked)

    assert facts_of(found)["export"]["onnx"]["difference"] < 1e-6
    assert (tmp_path / "encoder/onnx/tokenizer.json").is_file()
    assert found.encoder == folder_hash(tmp_path / "encoder")
    assert VALIDATION(load_encoder(tmp_path / "encoder"))[SELECT.metric] == pytest.approx(found.ranking[found.choice.name].score)
    assert "export" not in facts_of(replace(found, exported={}))

    wrong = 1e-3
    with pytest.raises(HaechiError, match="gives other vectors"):
        select(project / "run", project / "base", VALIDATION, tmp_path / "other", asked)
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]

    monkeypatch.setattr(formats, "FORMATS", {"onnx": Format("onnx", ("no_such_package",), lambda *_: None, read)})
    with pytest.raises(HaechiError, match=r"needs no_such_package: pip install -e '\.\[onnx\]'"):
        select(tmp_path / "nothing is read", project / "base", VALIDATION, tmp_path / "other", asked)


def test_the_vote_is_told_and_counts(project: Path, tmp_path: Path) -> None:
    found = select(project / "run", project / "base", VALIDATION, tmp_path / "encoder", replace(SELECT, voters=VOTERS))
    told = facts_of(found)["sweet_spot"]

    assert set(told["votes"]) == set(VOTERS)
    assert told["step"] is None or isinstance(told["step"], int)


def test_an_empty_run_a_base_of_another_shape_and_a_lost_checkpoint_are_refused(project: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HaechiError, match="holds no checkpoint"):
        select(tmp_path / "empty", project / "base", VALIDATION, tmp_path / "encoder", SELECT)

    shutil.copytree(project / "base", tmp_path / "other")
    table = load_file(tmp_path / "other/model.safetensors")["embedding.weight"]
    save_file({"embedding.weight": torch.cat([table, table], dim=1)}, tmp_path / "other/model.safetensors")
    with pytest.raises(HaechiError, match="has the shape"):
        select(project / "run", tmp_path / "other", VALIDATION, tmp_path / "encoder", SELECT)

    shutil.copytree(project / "run", tmp_path / "run")
    lost = sorted((tmp_path / "run/checkpoints").glob("step-*"))[0]
    (lost / "model.safetensors").unlink()
    with pytest.raises(HaechiError, match=lost.name):
        select(tmp_path / "run", project / "base", VALIDATION, tmp_path / "encoder", SELECT)
    assert not (tmp_path / "encoder").exists()


# --- what is kept for ranking runs


def test_the_rows_give_the_figures_again(project: Path, tmp_path: Path) -> None:
    found = select(project / "run", project / "base", VALIDATION, tmp_path / "encoder", SELECT)
    write_rows(tmp_path / "rows.json", found.rows)
    kept = read_rows(tmp_path / "rows.json", ValidatedQuery)
    told = mean(score(VALIDATION.places(load_encoder(tmp_path / "encoder")), VALIDATION.k_values))

    again = metrics_of(kept, VALIDATION.k_values)
    assert {name: pytest.approx(float(column.mean())) for name, column in again.items()} == told


def validated(seed: int, gain: int = 0) -> list[ValidatedQuery]:
    rng = np.random.default_rng(seed)
    return [ValidatedQuery(f"q{i:02}", f"g{i // 2}", 1, (max(1, int(rng.integers(2, 8)) - gain),)) for i in range(40)]


def test_runs_are_ranked_by_the_declared_weights() -> None:
    found = board({"worse": validated(1), "better": validated(2, gain=5)}, RANK, 0.3)

    assert [model.name for model in found.ranking.models] == ["better", "worse"]
    assert found.ranking.verdict("better", "worse") == "better"
    assert sum(found.carried.values()) == pytest.approx(1.0)
    assert found.carried["recall@10"] == 0.0, "all find everything among ten, so it moves nothing"


def test_runs_on_unlike_queries_are_not_ranked() -> None:
    with pytest.raises(UsageError, match="other queries"):
        check_same({"a": validated(1), "b": validated(1)[:-1]})


def ranked(root: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> Any:
    monkeypatch.chdir(root)
    return CliRunner().invoke(main, ["rank", *names])


def test_the_command_ranks_the_workspace_and_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    from pipeline.checkout import ROOT

    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    write_rows(tmp_path / "metrics/per_query_valid.json", validated(1))
    git = ["git", "-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    write_rows(tmp_path / "metrics/per_query_valid.json", validated(2, gain=5))
    done = ranked(tmp_path, monkeypatch, "HEAD", "workspace")

    assert done.exit_code == 0, done.output
    assert done.output.index("workspace") < done.output.index("HEAD")
    assert "better" in done.output


def test_the_command_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.checkout import ROOT

    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for names, says in (((), "holds no checkpoint"), (("workspace",), "has no metrics/per_query_valid.json")):
        assert says in str(ranked(tmp_path, monkeypatch, *names).exception)
    write_json(tmp_path / "metrics/per_query_valid.json", {})
    assert "another form" in str(ranked(tmp_path, monkeypatch, "workspace").exception)
    assert "named twice" in str(ranked(tmp_path, monkeypatch, "workspace", "workspace").exception)


# --- test data


def test_select_is_given_no_test_data() -> None:
    """Neither as a dependency nor by what its modules can name."""
    from pipeline.checkout import ROOT, SRC
    from ruamel.yaml import YAML

    stage = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["select"]
    read = [*map(str, stage["deps"]), stage["cmd"]]
    assert not [name for name in read if "testset" in name or "data/probes" in name]
    for file in (SRC / "selection").glob("*.py"):
        assert "testset" not in file.read_text(encoding="utf-8"), file.name
