"""The track's stages as dvc.yaml runs them, on the village."""

import subprocess
import sys
from pathlib import Path

import pytest
from answering.settings import TRACK
from ruamel.yaml import YAML
from serving.village import QUESTIONS, settle
from small_law import pair

from haechi.pipeline.dvc_yaml import load_stages
from haechi.runtime.files import read_json, write_jsonl

ROOT = TRACK.parents[1]


def test_what_the_stages_name_is_there_or_made_by_a_stage() -> None:
    made = {out for stages in (load_stages(ROOT), load_stages(TRACK)) for stage in stages.values() for out in stage.outs}
    for stage in load_stages(TRACK).values():
        assert [dep for dep in stage.deps if dep not in made and not (ROOT / dep).exists()] == []
        words = stage.command
        assert [out for out in stage.outs if out not in words] == [], "every output is named in the command"


def test_a_stage_is_described_by_the_first_sentence_of_its_script() -> None:
    stages = YAML(typ="safe").load((TRACK / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name in ("gate", "judge"):
        script = (TRACK / "stages" / f"{name}.py").read_text(encoding="utf-8")
        assert script.startswith(f'"""{stages[name]["desc"]}"""')


@pytest.mark.slow
def test_the_gate_is_fitted_and_every_step_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    paths = settle(tmp_path)
    pairs = [pair(f"q{n}", text, article_keys=("LAW_000001_제4조",), type="synthetic") for n, text in enumerate(QUESTIONS)]
    write_jsonl(tmp_path / "pairs.jsonl", pairs)
    lines = (TRACK / "data/labelled.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "labelled.jsonl").write_text("".join(lines[::12]), encoding="utf-8")
    write_jsonl(tmp_path / "probes.jsonl", [{"query_id": "p", "query_text": "김치찌개는 어떻게 끓이나요?", "gold": []}])

    def stage(name: str, **more: str) -> None:
        given = {
            **paths,
            "settings": TRACK / "params.yaml",
            "labelled": tmp_path / "labelled.jsonl",
            "probes": tmp_path / "probes.jsonl",
        }
        given |= {"valid-pairs": tmp_path / "pairs.jsonl", "metrics": tmp_path / f"{name}_told.json"}
        given |= {key: tmp_path / value for key, value in more.items()}
        options = [part for key, path in given.items() for part in (f"--{key}", str(path))]
        done = subprocess.run(
            [sys.executable, str(TRACK / "stages" / f"{name}.py"), *options], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    stage("gate", out="gate.json", folds="folds.json")
    assert read_json(tmp_path / "gate.json")["made_of"]["model"]
    assert len(read_json(tmp_path / "folds.json")) == 5
    assert read_json(tmp_path / "gate.json")["talk"]["words"]
    stage("judge", out="report.md", folds="folds.json")
    assert "| rewrite |" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert {row["step"] for row in read_json(tmp_path / "judge_told.json")["steps"]} == {"gate", "rewrite", "queries", "fuse"}
