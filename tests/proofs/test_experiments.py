"""Experiments: only what changed reruns, each runs its own code, and nobody trains on an edited test set."""

import json
import re
import shlex
from pathlib import Path

import pytest
from proofs import project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_new_rate_reruns_train_and_what_follows_and_really_trains(finished: Path) -> None:
    done = project.dvc(finished, "exp", "run", "-S", "train.lr=5e-5")

    assert project.stages_run(done.stdout) == ["train", "select", "train_reranker", "evaluate", "report"]
    config = json.loads((finished / "models/run/training_config.json").read_text(encoding="utf-8"))
    assert config["params"]["lr"] == 5e-5
    validation = json.loads((finished / "reports/stages/train.json").read_text(encoding="utf-8"))["validation"]
    assert validation["best"] > validation["base"]

    diff = json.loads(project.dvc(finished, "metrics", "diff", "--json").stdout)
    assert "ndcg@10.tuned" in diff["metrics/evaluate.json"]
    assert "ndcg@10.bm25" not in diff["metrics/evaluate.json"]
    table = project.dvc(finished, "metrics", "diff", COLUMNS="120").stdout.rstrip().splitlines()
    assert 2 < len(table) <= 31  # a line of names first
    assert max(map(len, table)) <= 120
    (asked,) = re.findall(
        r"^dvc (exp show .*)$", (project.ROOT / "docs" / "recipes.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    shown = project.dvc(finished, *shlex.split(asked), "--no-pager", COLUMNS="120").stdout
    assert max(map(len, shown.splitlines())) <= 120
    assert all(name in shown for name in ("Experiment", "ndcg@10.tuned", "unseen.tuned", "validation.chosen", "train.lr"))
    assert (finished / "dvc_plots").exists() is False
    page = project.dvc(finished, "plots", "show").stdout
    assert "index.html" in page
    assert (finished / "dvc_plots" / "index.html").is_file()


def test_a_queued_experiment_runs_the_code_it_was_queued_with(finished: Path) -> None:
    """With the library installed from the main checkout, as an editable install does, and edited while the task waits."""
    module = finished / "src/haechi/scoring/names.py"
    original = module.read_text(encoding="utf-8")
    (present,) = re.findall(r"VERSION = \d+\n", original)
    module.write_text(original.replace(present, "VERSION = 41\n"), encoding="utf-8")
    installed = {"PYTHONPATH": str(finished / "src")}
    project.dvc(finished, "exp", "run", "--queue", "-n", "queued", **installed)
    module.write_text(original.replace(present, "VERSION = 42\n"), encoding="utf-8")

    log = project.dvc(finished, "exp", "run", "--run-all", **installed).stdout

    diff = json.loads(project.dvc(finished, "metrics", "diff", "HEAD", "queued", "--json").stdout)
    assert diff["metrics/evaluate.json"]["evaluator"]["new"] == 41, log[-3000:]


def test_an_edited_test_set_is_refused_with_one_sentence(finished: Path) -> None:
    queries = finished / "data/testset/queries.jsonl"
    queries.write_text(queries.read_text(encoding="utf-8").replace("여부", "與否", 1), encoding="utf-8")

    for stage in ("evaluate", "make_pairs"):  # in this order: a failed stage leaves no outputs for the next
        done = project.dvc(finished, "repro", "-s", stage, check=False)
        assert done.returncode != 0
        errors = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert "the frozen test set was edited" in errors[0]
        assert "haechi testset refresh" in errors[0]
        assert "Traceback" not in done.stdout


def test_a_new_raw_file_leaves_the_test_set_alone_and_its_young_decisions_out_of_training(finished: Path) -> None:
    """Tomorrow's decision waits for a refresh: it is counted, and it neither trains nor tests."""
    before = (finished / "data/testset/queries.jsonl").read_bytes()
    young = sorted((finished / "data/raw/precedents").glob("*.json"))[0]
    value = json.loads(young.read_text(encoding="utf-8"))
    value |= {"판례일련번호": "999999", "선고일자": "20991231", "사건번호": "2099다1"}
    value["판시사항"] = value["판시사항"].replace("여부", "지의 여부 및 그 판단 기준")
    (young.parent / "999999.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")

    done = project.dvc(finished, "repro", "make_pairs")

    assert "testset" not in project.stages_run(done.stdout)
    assert (finished / "data/testset/queries.jsonl").read_bytes() == before
    counts = json.loads((finished / "reports/stages/make_pairs.json").read_text(encoding="utf-8"))["pairs"]
    assert counts["dropped.after_cutoff"] > 0
    train = (finished / "data/processed/pairs_train.jsonl").read_text(encoding="utf-8")
    assert "PREC_999999" not in train
