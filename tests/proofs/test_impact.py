"""The impact table: touch this module, parameter or file, and exactly these stages are out of date.

`dvc status` names the stages that are touched directly; what stands behind them in the graph reruns if their outputs change.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from proofs.conftest import Mini
from ruamel.yaml import YAML

from haechi.pipeline.dvc_yaml import overlap

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PARAMS = {
    "preprocess.max_chars=900": {"preprocess"},
    "testset.seed=8": set(),  # frozen: only `haechi testset refresh` reads it
    "make_pairs.hn_per_q=3": {"make_pairs"},
    "merge_corpus.precedents=true": {"merge_corpus"},
    "model.dim=48": {"base"},
    "retrieval.bm25_b=0.5": {"generate_qa", "mine", "train_reranker", "evaluate"},
    "generate_qa.round_trip_k=5": {"generate_qa"},
    "llm.temperature=0.3": {"generate_qa", "mine"},
    "mine.margin=0.9": {"mine"},
    "train.lr=5.0e-5": {"train"},
    "loss.margin=0.4": {"train"},
    "lora.alpha=8": {"train"},
    "guards.rollbacks=1": {"train", "train_reranker"},
    "select.min_gain=0.01": {"select"},
    "select.unseen_weight=0.5": {"train", "select", "train_reranker"},
    "reranker.lr=5.0e-5": {"train_reranker"},
    "rank.seed=8": set(),  # only `haechi rank` reads it
    "evaluate.seed=8": {"evaluate"},
    "fusion.penalty=2.0": {"evaluate"},
}
REPORT = {"report"}  # shows params.yaml whole
EVERY = {
    "preprocess", "make_pairs", "merge_corpus", "base", "generate_qa", "mine", "train", "select", "train_reranker", "evaluate", "report"
}  # fmt: skip
MODULES = {
    "src/haechi/runtime/files.py": EVERY,
    "src/haechi/text/morphemes.py": {"base", "generate_qa", "mine", "train_reranker", "evaluate"},
    "src/haechi/records/passage.py": EVERY,
    "src/haechi/parsing/statutes.py": {"preprocess", "make_pairs"},
    "src/haechi/citations/resolve.py": {"make_pairs"},
    "src/haechi/corpus/merge.py": {"merge_corpus"},
    "src/haechi/pairs/build.py": {"make_pairs"},
    "src/haechi/testset/build.py": set(),
    "src/haechi/testset/manifest.py": {"make_pairs", "generate_qa", "mine", "evaluate"},
    "src/haechi/models/registry.py": {"base", "generate_qa", "mine", "train", "select", "train_reranker", "evaluate"},
    "src/haechi/inference/cached_encoder.py": {"generate_qa", "mine", "train_reranker", "evaluate"},
    "src/haechi/static_model/build.py": {"base"},
    "src/haechi/rowstore/store.py": {"preprocess", "make_pairs", "generate_qa", "mine", "train_reranker", "evaluate"},
    "src/haechi/retrieval/bm25.py": {"generate_qa", "mine", "train_reranker", "evaluate"},
    "src/haechi/llm/client.py": {"generate_qa", "mine"},
    "src/haechi/question_writer/write.py": {"generate_qa"},
    "src/haechi/questions/filters.py": {"generate_qa"},
    "src/haechi/questions/prompts/fact.md": {"generate_qa"},
    "src/haechi/mining/candidates.py": {"mine"},
    "src/haechi/training/losses.py": {"train", "train_reranker"},
    "src/haechi/training/params.py": {"train", "train_reranker"},
    "src/haechi/guards/decide.py": {"train", "train_reranker"},
    "src/haechi/scoring/metrics.py": {"train", "select", "train_reranker", "evaluate", "report"},
    "src/haechi/scoring/significance.py": {"select", "train_reranker", "evaluate", "report"},
    "src/haechi/selection/choose.py": {"select"},
    "src/haechi/export/formats.py": {"select"},
    "src/haechi/reranking/engine.py": {"train_reranker"},
    "src/haechi/evaluation/summary.py": {"evaluate"},
    "src/haechi/fusion/fit.py": {"evaluate"},
    "src/haechi/report/charts.py": REPORT,
    "src/haechi/comparison/compare.py": set(),
    "src/haechi/pipeline/deps.py": set(),
    "src/haechi/serving/app.py": set(),
    "src/haechi/sweeps/engine/study.py": set(),
    "src/haechi/cli/main.py": set(),
    "stages/mine.py": {"mine"},
}
"""A module of every room that a stage could run, and the stages that name it."""


@pytest.fixture(scope="module")
def project(mini: Mini) -> Iterator[Path]:
    """The finished run itself: each test restores what it touched, and the next one would see it if it didn't."""
    assert _stale(mini.folder) == set()
    yield mini.folder
    assert _stale(mini.folder) == set()


@pytest.fixture(scope="module")
def blamed(project: Path) -> dict[str, set[str]]:
    """What `dvc status` blames, with everything in both tables touched at once: section of the parameters or file -> stages.

    A stage is out of date if and only if something is blamed for it, so this is what touching each alone would do.
    """
    parameters = project / "params.yaml"
    before = {file: file.read_bytes() for file in (parameters, *(project / module for module in MODULES))}
    yaml = YAML()
    params = yaml.load(before[parameters].decode())
    for setting in PARAMS:
        name, _, value = setting.partition("=")
        section, key = name.split(".")
        params[section][key] = yaml.load(value)
    try:
        for module in MODULES:
            (project / module).write_bytes(before[project / module] + b"\n# touched\n")
        yaml.dump(params, parameters)
        changes = _changes(project)
    finally:
        for file, data in before.items():
            file.write_bytes(data)
    found: dict[str, set[str]] = {}
    for stage, deps in changes.items():
        for dep, what in deps.items():
            for name in what if isinstance(what, dict) else (dep,):  # parameters are told section by section
                found.setdefault(name, set()).add(stage)
    return found


@pytest.mark.parametrize("setting", PARAMS)
def test_a_parameter_touches_the_stages_that_read_it(blamed: dict[str, set[str]], setting: str) -> None:
    """A stage may name a section or, of another stage's section, one key."""
    key = setting.partition("=")[0]
    assert blamed.get(section_of(setting), set()) | blamed.get(key, set()) == PARAMS[setting]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_touches_the_stages_that_run_it(blamed: dict[str, set[str]], module: str) -> None:
    stages = [found for dep, found in blamed.items() if overlap(dep, module)]
    assert set().union(*stages) == MODULES[module]


def test_nothing_else_is_blamed(blamed: dict[str, set[str]]) -> None:
    known = {*map(section_of, PARAMS), *(setting.partition("=")[0] for setting in PARAMS), "params.yaml"}
    assert not [dep for dep in blamed if dep not in known and not any(overlap(dep, module) for module in MODULES)]
    assert blamed["params.yaml"] == REPORT


def test_a_parameter_touched_alone_makes_its_stages_and_the_report_stale(project: Path) -> None:
    file = project / "params.yaml"
    before = file.read_text(encoding="utf-8")
    try:
        file.write_text(before.replace("bm25_b: 0.75", "bm25_b: 0.5"), encoding="utf-8")
        assert _stale(project) == PARAMS["retrieval.bm25_b=0.5"] | REPORT
    finally:
        file.write_text(before, encoding="utf-8")


def test_a_new_raw_file_touches_only_the_stages_that_read_raw_files(project: Path) -> None:
    new = project / "data/raw/docs/new.txt"
    try:
        new.write_text("새 안내문이다.", encoding="utf-8")
        assert _stale(project) == {"preprocess", "make_pairs"}
    finally:
        new.unlink()


def test_mining_depends_on_the_encoder_that_its_parameters_name(project: Path) -> None:
    """An earlier encoder mines again: its weights are a dependency like any other, beside the base."""
    earlier, file = project / "models/earlier", project / "params.yaml"
    before = file.read_bytes()
    shutil.copytree(project / "models/base", earlier)
    try:
        file.write_bytes(before.replace(b"encoder: models/base", b"encoder: models/earlier"))
        assert "models/earlier" in _changes(project)["mine"]
    finally:
        file.write_bytes(before)
        shutil.rmtree(earlier)


def test_every_section_of_the_parameters_stands_in_the_table() -> None:
    from proofs.project import MINI_PARAMS

    sections = YAML(typ="safe").load(MINI_PARAMS.read_text(encoding="utf-8"))

    named = [setting for setting in PARAMS if not setting.startswith("select.unseen_weight")]  # a key that a stage names alone
    assert sorted(map(section_of, named)) == sorted(sections), "each once: DVC tells sections apart, not keys"


def section_of(setting: str) -> str:
    return setting.partition(".")[0]


def _status(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Stage -> what is out of date about it."""
    with Repo(str(folder)) as repo:
        status: dict[str, list[dict[str, Any]]] = repo.status()
    return {name.split(":")[-1]: parts for name, parts in status.items()}


def _stale(folder: Path) -> set[str]:
    return set(_status(folder))


def _changes(folder: Path) -> dict[str, dict[str, Any]]:
    """Stage -> dependency -> what DVC says of it; nothing but dependencies has changed."""
    changed: dict[str, dict[str, Any]] = {}
    for stage, parts in _status(folder).items():
        assert all(set(part) == {"changed deps"} for part in parts)
        changed[stage] = {path: what for part in parts for path, what in part["changed deps"].items()}
    return changed
