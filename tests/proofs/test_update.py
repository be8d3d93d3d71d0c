"""New documents later: an update asks, mines and trains what is new, beside old examples, and says what was gained and lost."""

import json
import re
from pathlib import Path

import pytest
from proofs import project
from proofs.test_one_document import DOCUMENT, add_document, forget, rows, rows_made

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NEXT = {
    "docid": "new-2",
    "title": "승강기 정기 점검 안내",
    "content": "승강기의 관리자는 매월 한 번 승강기를 점검하여야 한다. 점검을 하지 아니한 관리자에게는 이십만 원의 과태료를 물린다. "
    "고장이 난 승강기는 수리를 마칠 때까지 운행을 멈추어야 한다.",
}


def haechi(folder: Path, *words: str, check: bool = True) -> str:
    code = f"import sys; sys.argv = ['haechi', *{list(words)!r}]; from haechi.cli.main import entry; entry()"
    return project.run(folder, project.sys.executable, "-c", code, check=check, PYTHONPATH=str(folder / "src")).stdout


@pytest.mark.timeout(1800)
def test_two_updates_one_after_the_other(finished: Path) -> None:
    first = {row["query_id"] for row in rows(finished / "data/mined/train.jsonl")}
    corpus = {row["text"] for row in rows(finished / "data/processed/merged_corpus.jsonl")}
    assert "nothing is new" in haechi(finished, "update", check=False)
    add_document(finished)
    before = snapshot(finished)
    assert "new (such as DOC_new-1)" in haechi(finished, "update", "--dry-run")
    assert snapshot(finished) == before
    forget(finished)

    log = haechi(finished, "update")

    new = {row["text"] for row in rows(finished / "data/processed/merged_corpus.jsonl")} - corpus
    assert {row["article_key"] for row in rows(finished / "data/qa/questions.jsonl")} == {"DOC_new-1"}
    assert {row["article_key"] for row in rows(finished / "data/qa/on_new.jsonl")} == {"DOC_new-1"}
    mined = list(rows(finished / "data/mined/train.jsonl"))
    assert mined
    assert not {row["query_id"] for row in mined} & first
    assert all("new-1" in id for row in mined for id in row["pos_ids"])
    facts = json.loads((finished / "reports/stages/train.json").read_text())["examples"]
    assert facts["replayed"] == len(mined)
    assert facts["used"] == 2 * len(mined)
    assert re.search(r"frozen test set, \d+ queries: ndcg@10 0\.\d+ before, 0\.\d+ after", log)
    assert "1 new or changed documents" in log
    made = rows_made(finished)
    assert made["mine", "embeddings"] <= len(new) + len(mined), "passages that the encoder had embedded were embedded again"
    base = json.loads((finished / "models/base/pointer.json").read_text())["model"]
    assert sum(1 for _ in rows(finished / base / "examples.jsonl")) == len(first)
    project.commit(finished, "updated")

    with (finished / "data/raw/docs/docs.jsonl").open("a", encoding="utf-8") as docs:
        docs.write(json.dumps(NEXT, ensure_ascii=False) + "\n")
    haechi(finished, "update")

    second = {row["query_id"] for row in rows(finished / "data/mined/train.jsonl")}
    known = json.loads((finished / "models/base/pointer.json").read_text())["model"]
    assert known != base
    assert {row["query_id"] for row in rows(finished / known / "examples.jsonl")} == first | {row["query_id"] for row in mined}
    assert second
    assert not second & (first | {row["query_id"] for row in mined})
    project.git(finished, "stash", "-q")
    project.dvc(finished, "checkout", "-q")
    assert json.loads((finished / "models/base/pointer.json").read_text())["model"] == base


def snapshot(folder: Path) -> str:
    return project.git(folder, "status", "--porcelain") + project.git(folder, "diff")


def test_what_an_update_refuses(finished: Path) -> None:
    assert DOCUMENT["docid"] == "new-1"
    add_document(finished)
    params = finished / "params.yaml"
    kept = params.read_text(encoding="utf-8")
    params.write_text(kept.replace("question_share: 0.3", "question_share: 0.2"), encoding="utf-8")
    said = haechi(finished, "update", check=False)
    assert "params.yaml: train is not as in dvc.lock" in said
    params.write_text(kept, encoding="utf-8")

    (finished / "models/encoder").rename(finished / "elsewhere")
    assert "no model to go on from" in haechi(finished, "update", check=False)
    (finished / "elsewhere").rename(finished / "models/encoder")

    (finished / "data/testset/manifest.json").unlink()
    assert "haechi testset refresh" in haechi(finished, "update", check=False)
    assert not (finished / "models/before").exists()
