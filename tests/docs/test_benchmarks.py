"""Benchmarks are programs that anyone can start: each tells what it takes, and those of documents end in the figures they promise."""

import re
import runpy
import sys
from pathlib import Path

import made_documents as made
import pytest
from proofs import project

HEAVY = re.compile(r"^from (haechi\.(training|models|export|selection|sweeps)|sentence_transformers)|^import torch", re.MULTILINE)
TEXTS = {script: script.read_text(encoding="utf-8") for script in sorted((project.ROOT / "benchmarks").glob("*.py"))}
SCRIPTS = [
    pytest.param(script, id=script.stem, marks=[pytest.mark.slow] * bool(HEAVY.search(text)))
    for script, text in TEXTS.items()
    if "__main__" in text
]
"""Those that import torch take seconds to say anything."""


def started(monkeypatch: pytest.MonkeyPatch, script: Path, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
    monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert not ended.value.code


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_says_what_it_takes(script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    started(monkeypatch, script, "--help")

    assert "usage:" in capsys.readouterr().out.lower()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_folder_alone_gives_the_table_time_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "documents").mkdir()
    for seed in range(40):
        (tmp_path / "documents" / f"{seed}.docx").write_bytes(made.docx(made.made_up(seed)))

    started(monkeypatch, project.ROOT / "benchmarks/documents.py", "folder", tmp_path / "documents")

    told = capsys.readouterr().out
    assert "questions that haechi wrote itself" in told
    assert "hybrid" in told
    assert "GB at most" in told


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_laws_alone_are_asked_issues_of_decisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sample's decisions stand apart from its laws: the run has none of them."""
    raw = project.ROOT / "data/raw"

    started(monkeypatch, project.ROOT / "benchmarks/documents.py", "laws", raw / "laws", raw / "precedents")

    run, _, asked = capsys.readouterr().out.partition("issues of decisions")
    assert "questions that haechi wrote itself" in run
    assert "tuned-base" in asked
    assert int(asked.split()[0]) > 100
