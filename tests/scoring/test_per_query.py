"""The files of per-query results: rows come back, a diff shows which one changed, and DVC keeps a run-cache entry for their stage."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline.checkout import ROOT
from ruamel.yaml import YAML

from haechi.records.validated import ValidatedQuery
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json
from haechi.scoring.per_query import read_rows, write_rows

ROWS = st.lists(st.builds(ValidatedQuery, st.text(), st.text(), st.integers(0, 9), st.lists(st.integers(1, 9)).map(tuple)))


@given(ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_come_back_from_one_json_list_with_a_row_a_line(tmp_path: Path, rows: list[ValidatedQuery]) -> None:
    write_rows(tmp_path / "rows.json", rows)
    assert read_rows(tmp_path / "rows.json", ValidatedQuery) == rows
    assert len(read_json(tmp_path / "rows.json")) == len(rows)
    assert len((tmp_path / "rows.json").read_bytes().split(b"\n")) == max(1, len(rows)) + 3


@pytest.mark.parametrize("content", ["", "{}", '[{"query_id": 1}]', '{"query_id":"a"}\n{"query_id":"b"}\n'])
def test_a_file_that_holds_anything_else_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "rows.json").write_text(content, encoding="utf-8")
    with pytest.raises(HaechiError, match=r"rows\.json: expected a list of ValidatedQuery"):
        read_rows(tmp_path / "rows.json", ValidatedQuery)


def test_whatever_a_stage_leaves_in_git_is_a_metric() -> None:
    """DVC keeps no run-cache entry for a stage with any other output in git, so a trial of a sweep would run it again."""
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    in_git = {
        (name, next(iter(out)))
        for name, stage in stages.items()
        for out in stage["outs"]
        if isinstance(out, dict) and out[next(iter(out))].get("cache") is False
    }
    assert {name for name, _ in in_git} == {"testset"}  # frozen: it is never rerun
    assert stages["testset"]["frozen"]


@pytest.mark.slow
def test_dvc_keeps_a_run_cache_entry_and_shows_no_figures_of_such_a_file(tmp_path: Path) -> None:
    def dvc(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "dvc", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    dvc("init", "-q", "--no-scm")
    (tmp_path / "stage.py").write_text(
        "from haechi.scoring.per_query import write_rows\nfrom pathlib import Path\n"
        "write_rows(Path('q.json'), [{'gain': i} for i in range(3)])\nPath('out').write_text(Path('params.yaml').read_text())\n",
        encoding="utf-8",
    )
    stage = {"cmd": f"{sys.executable} stage.py", "deps": ["stage.py"], "params": ["x"], "outs": ["out"]}
    YAML().dump({"stages": {"one": {**stage, "metrics": [{"q.json": {"cache": False}}]}}}, tmp_path / "dvc.yaml")
    for x in (1, 2, 1):
        (tmp_path / "params.yaml").write_text(f"x: {x}\n", encoding="utf-8")
        said = dvc("repro")
    assert "Stage 'one' is cached - skipping run" in said
    shown = dvc("metrics", "show", "--json")
    assert '"q.json": {"data": {}}' in shown
