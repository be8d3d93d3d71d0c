"""The script of the stage: nothing heavy and a marker where it is off; a model that others load where it is on."""

from dataclasses import replace
from pathlib import Path

import pytest
from pipeline.checkout import STAGES, python
from ruamel.yaml import YAML
from small_law import PASSAGES
from small_params import MINI, small

from haechi.mining.params import MineParams
from haechi.retrieval.params import RetrievalParams
from haechi.runtime.files import read_json, write_jsonl

HEAVY = {"torch", "transformers", "sentence_transformers", "numpy"}
MADE = {"out": "reranker", "metrics": "metrics.json", "details": "details.json"}
READ = {"examples": "examples.jsonl", "held-out": "held.jsonl", "valid-pairs": "pairs.jsonl", "corpus": "corpus.jsonl"}


def told(folder: Path, **changed: object) -> list[str]:
    """The options of the script, with some parameters of `reranker` changed."""
    params = YAML(typ="safe").load(MINI.read_text(encoding="utf-8"))
    params["reranker"] |= changed
    YAML().dump(params, folder / "params.yaml")
    for file in READ.values():
        (folder / file).touch()
    (folder / "encoder").mkdir(exist_ok=True)
    paths = {**READ, **MADE, "encoder": "encoder", "params": "params.yaml"}
    return [word for name, path in paths.items() for word in (f"--{name}", str(folder / path))]


def test_off_it_leaves_a_marker_and_imports_nothing_heavy(tmp_path: Path) -> None:
    arguments = told(tmp_path, lr=0.5)
    done = python("-X", "importtime", STAGES / "train_reranker.py", *arguments, DVC_ROOT=str(tmp_path))

    assert done.returncode == 0, done.stderr
    imported = {line.split("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "haechi" in imported
    assert not imported & HEAVY
    assert [file.name for file in (tmp_path / "reranker").iterdir()] == ["off.json"]
    assert read_json(tmp_path / "details.json") == read_json(tmp_path / "metrics.json") == {"state": "off"}


@pytest.mark.slow
def test_on_it_leaves_a_reranker_and_says_how_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from reranking.made import PAIRS, PARAMS, encoder
    from training.made import GUARDS, examples, static

    from haechi.models.load import load_reranker, save_encoder
    from haechi.reranking.stage import run_stage
    from haechi.training.static_learner import plain

    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    paths = {name.replace("-", "_"): tmp_path / file for name, file in READ.items()} | {"encoder": tmp_path / "encoder"}
    for name, records in (("examples", examples()), ("held_out", examples()), ("valid_pairs", PAIRS), ("corpus", PASSAGES)):
        write_jsonl(paths[name], records)
    save_encoder(plain(static()), paths["encoder"])
    params = replace(PARAMS, base=str(encoder(tmp_path / "bert")))

    ended = run_stage(paths, params, GUARDS, small(RetrievalParams), 0.3, tmp_path / "reranker", tmp_path / "details.json")

    assert "train: " not in capsys.readouterr().out
    assert ended.state == "finished"
    assert {"before", "reachable", "base", "best", "chosen", "metric"} == ended.validation.keys()
    assert all("train." not in text for text in (*ended.reasons, *ended.reasons_ko, *ended.next))
    assert load_reranker(str(tmp_path / "reranker")).num_labels == 1
    assert not list((tmp_path / ".haechi").rglob("state.json")), "a run that ended well leaves nothing to go on from"


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        ("static table", "is no transformer, and only a transformer reads two texts together"),
        ("two labels", "it gives 2 outputs for a pair where one score is wanted"),
        ("no pad", "its tokenizer has no pad token"),
        ("nowhere", "can't be used: looked for it in folder"),
    ],
)
def test_a_base_that_can_not_rerank_is_one_sentence(base: str, sentence: str, tmp_path: Path) -> None:
    from tiny_models import bare
    from training.made import static

    from haechi.models.load import load_reranker_base, save_encoder
    from haechi.runtime.errors import HaechiError
    from haechi.runtime.files import write_json
    from haechi.training.static_learner import plain

    folder = tmp_path / "nowhere"
    if base == "static table":
        save_encoder(plain(static()), folder)
    if base in ("two labels", "no pad"):
        folder = bare(1, cross=True, outputs=2 if base == "two labels" else 1)
    if base == "no pad":
        settings = read_json(folder / "tokenizer_config.json")
        write_json(folder / "tokenizer_config.json", {k: v for k, v in settings.items() if k != "pad_token"})

    with pytest.raises(HaechiError) as refused:
        load_reranker_base(str(folder), 100)
    assert sentence in str(refused.value)


def test_a_reranker_is_no_judge_of_what_it_is_trained_on_but_a_copy_is() -> None:
    """DVC would go round in a circle."""
    with pytest.raises(ValueError, match="is trained on what mine writes; let a copy mine again: cp -r models/reranker"):
        small(MineParams, reranker="models/reranker/")
    assert small(MineParams, reranker="models/judge").reranker == "models/judge"
