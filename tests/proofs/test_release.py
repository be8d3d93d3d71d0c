"""`haechi release` on the miniature: trained on what was held out, found by search, scored by nobody, with its twin's figures."""

import json
from pathlib import Path

import pytest
from proofs import project
from proofs.test_one_document import rows
from proofs.test_update import haechi

from haechi.models.load import folder_hash, open_encoder
from haechi.models.released import seen_query
from haechi.pipeline.dvc_yaml import stage_command
from haechi.serving.engine import open_engine

CORPUS = Path("data/processed/merged_corpus.jsonl")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_release(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = project.git(finished, "status", "--porcelain")
    said = haechi(finished, "release")

    folder = finished / "models/release"
    seen = set((folder / "trained_on.txt").read_text().split())
    tests = [q["query_text"] for q in rows(finished / "data/testset/queries.jsonl") if q["suite"] in ("precedent", "user")]
    valid = [pair["query_text"] for pair in rows(finished / "data/processed/pairs_train_valid.jsonl")]
    train = [pair["query_text"] for pair in rows(finished / "data/processed/pairs_train.jsonl")]
    assert tests
    assert valid
    assert {seen_query(text) for text in (*tests, *valid, *train)} <= seen
    record = json.loads((folder / "release.json").read_text())
    twin = json.loads((finished / "metrics/evaluate.json").read_text())
    assert record["twin"] == twin["encoder"] == folder_hash(finished / "models/encoder")
    assert record["testset"] == twin["testset"]
    assert f"Trained on {record['pairs']} pairs, {record['more']} of which the evaluated twin never saw." in " ".join(
        said.split()
    )
    assert f"ended after step {record['steps']} of {record['of_steps']}" in " ".join(said.split())
    card = (folder / "README.md").read_text()
    assert "**This model has no score of its own**" in card
    assert record["twin"] in card
    assert str(tmp_path) not in card
    mixture, fitted = (json.loads((finished / file).read_text()) for file in ("models/release/fusion.json", "models/fusion.json"))
    assert mixture["weights"] == fitted["weights"]
    assert mixture["made_of"] == {**fitted["made_of"], "tuned": folder_hash(folder)}
    assert sum(mixture["cited"].values()) > sum(fitted["cited"].values())
    assert (
        open_encoder(folder).encode_query(["보증금"]).shape
        == open_encoder(finished / "models/encoder").encode_query(["보증금"]).shape
    )
    assert project.git(finished, "status", "--porcelain") == clean
    assert not (finished / ".haechi/release").exists()

    monkeypatch.chdir(finished)
    monkeypatch.setenv("DVC_ROOT", str(finished))
    engine = open_engine(folder, CORPUS, Path("params.yaml"), tmp_path / "none.json")
    assert engine.fusion.mixture.weights == fitted["weights"]
    assert not engine.fusion.note
    assert engine.ask("보증금은 언제 돌려받나요?", 3).lists["hybrid"]

    command = stage_command(finished, "evaluate", tmp_path, {"--encoder": folder})
    refused = project.run(finished, *command, check=False, PYTHONPATH=str(finished / "src"))
    assert refused.returncode
    assert f"queries of test set {record['testset']} (`haechi release`)" in " ".join(refused.stdout.split())
    assert "Traceback" not in refused.stdout


def test_a_release_begins_where_a_run_has_ended(finished: Path) -> None:
    params = finished / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("question_share: 0.3", "question_share: 0.2"), encoding="utf-8")

    assert "train is not as in dvc.lock; a release begins where `dvc repro` has ended" in haechi(finished, "release", check=False)
