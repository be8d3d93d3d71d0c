"""benchmarks/new_law.py on the miniature: the law that it leaves out is nowhere in what the stages made, and every system is scored."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from proofs import project

from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.runtime.files import read_records

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_law_that_is_left_out_is_scored_and_trains_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)  # and back at the end
    spec = importlib.util.spec_from_file_location("new_law", project.ROOT / "benchmarks/new_law.py")
    assert spec
    assert spec.loader
    benchmark = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "new_law", benchmark)
    spec.loader.exec_module(benchmark)
    law, work, asked = "LAW_990503", tmp_path / "work", tmp_path / "asked.jsonl"
    asked.write_text(
        json.dumps({"qid": "1", "text": "보증금은 언제 돌려받나요?", "gold": [f"{law}_제3조"]}) + "\n", encoding="utf-8"
    )
    monkeypatch.setenv("COLUMNS", "200")  # a wide terminal
    monkeypatch.setattr(benchmark, "choose_laws", lambda *told: frozenset({law}))
    done = CliRunner().invoke(benchmark.main, [str(finished), "--questions", str(asked), "--keep", str(work)])

    assert done.exit_code == 0, done.output
    for part in (
        "new laws (",
        "recent issues (",
        "questions (1)",
        "│ BM25",
        "│ untuned base",
        "│ tuned",
        "│ hybrid ",
        "paired differences",
    ):
        assert part in done.output
    key_of = {p.id: p.article_key for p in read_records(finished / "data/processed/merged_corpus.jsonl", Passage)}
    pairs = list(read_records(work / "data/processed/pairs_train.jsonl", Pair))
    mined = [e for name in ("train", "valid") for e in read_records(work / f"data/mined/{name}.jsonl", MinedExample)]
    questions = list(read_records(work / "data/qa/questions.jsonl", Question))
    assert pairs
    assert mined
    assert questions
    named = [key for pair in pairs for key in pair.meta.article_keys] + [q.article_key for q in questions]
    named += [key_of[id] for example in mined for id in (*example.pos_ids, *example.neg_ids)]
    assert not [key for key in named if key.startswith(f"{law}_")]
    assert [key for key in key_of.values() if key.startswith(f"{law}_")], "it stays in the corpus"


def test_too_few_laws_is_one_sentence(finished: Path) -> None:
    done = project.run(finished, sys.executable, str(project.ROOT / "benchmarks/new_law.py"), ".", "--laws", "9", check=False)

    assert done.returncode == 1
    assert "lower --laws or --min-issues, or raise --most-share" in done.stdout
    assert "Traceback" not in done.stdout
