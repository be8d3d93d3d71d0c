"""One new document costs one document: the second run calls models only for what that document touches."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from proofs import project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DOCUMENT = {
    "docid": "new-1",
    "title": "옥상 물탱크 점검 안내",
    "content": "옥상 물탱크의 소유자는 해마다 두 번 물탱크를 청소하여야 한다. 청소를 하지 아니한 소유자에게는 십만 원의 과태료를 물린다. "
    "청소한 날부터 열흘 안에 그 결과를 관리사무소에 알려야 한다.",
}


def test_a_second_run_after_one_new_document_calls_models_for_that_document_alone(finished: Path) -> None:
    """With a base that stays (a static base is made of the corpus: another corpus is another model, and every vector is new)."""
    (finished / "models" / "base").rename(finished / "kept")
    parameters = (finished / "params.yaml").read_text(encoding="utf-8")
    (finished / "params.yaml").write_text(parameters.replace("base: static", f"base: {finished}/kept"), encoding="utf-8")
    project.dvc(finished, "repro", "mine")
    before = texts_of(finished)
    forget(finished)

    add_document(finished)
    log = project.dvc(finished, "repro", "mine").stdout

    new = texts_of(finished) - before
    passages = [text for text in new if "물탱크" in text]
    assert {"preprocess", "merge_corpus", "generate_qa", "mine"} <= set(project.stages_run(log))
    assert passages, "the new document is not in the corpus"
    made = rows_made(finished)
    assert made["mine", "embeddings"] == len(new)
    assert made["generate_qa", "tokens"] + made["mine", "tokens"] <= len(new) + questions_dropped(finished)
    assert len(new) <= 3 * (1 + len(passages)), f"one document made {len(new)} new texts"


def test_a_language_model_is_asked_about_the_new_document_alone(finished: Path, kills: ModuleType) -> None:
    parameters = (finished / "params.yaml").read_text(encoding="utf-8")
    (finished / "params.yaml").write_text(parameters.replace("generator: offline", "generator: openai"), encoding="utf-8")
    with kills.endpoint() as model:
        project.dvc(finished, "repro", "generate_qa", **model.environment)
        before = set(model.answered)
        add_document(finished)
        project.dvc(finished, "repro", "generate_qa", **model.environment)

    asked = set(model.answered) - before
    assert before
    assert 1 <= len(asked) <= 3, f"one document made {len(asked)} calls"
    assert model.repeated() == (0, 0)
    assert all(len(times) == 1 for times in model.answered.values())


def test_changed_thresholds_call_no_model_at_all(finished: Path) -> None:
    forget(finished)

    project.dvc(finished, "exp", "run", "-S", "mine.margin=0.8", "mine")

    made = rows_made(finished)
    assert made.keys() >= {("mine", "tokens"), ("mine", "embeddings")}
    assert sum(made.values()) == 0


def add_document(folder: Path) -> None:
    with (folder / "data" / "raw" / "docs" / "docs.jsonl").open("a", encoding="utf-8") as docs:
        docs.write(json.dumps(DOCUMENT, ensure_ascii=False) + "\n")


def texts_of(folder: Path) -> set[str]:
    """Every text that mine gives to a model: passages, and the queries of pairs and questions."""
    found = {row["text"] for row in rows(folder / "data" / "processed" / "merged_corpus.jsonl")}
    found |= {row["question"] for row in rows(folder / "data" / "qa" / "questions.jsonl")}
    for name in ("pairs_train", "pairs_train_valid"):
        found |= {row["query_text"] for row in rows(folder / "data" / "processed" / f"{name}.jsonl")}
    return found


def questions_dropped(folder: Path) -> int:
    """Written questions that a filter took away after their tokens had been counted."""
    return sum(
        int(n)
        for n in re.findall(
            r"\d+", json.dumps(json.loads((folder / "reports/stages/generate_qa.json").read_text())["questions"]["dropped"])
        )
    )


def rows_made(folder: Path) -> Counter[tuple[str, str]]:
    """(stage, namespace) -> rows that were not in the store."""
    made: Counter[tuple[str, str]] = Counter()
    for line in rows(folder / ".haechi" / "rows.log.jsonl"):
        for namespace, tally in line["rows"].items():
            made[line["by"].removesuffix(".py"), namespace] += tally["computed"]
    return made


def forget(folder: Path) -> None:
    (folder / ".haechi" / "rows.log.jsonl").unlink()


def rows(file: Path) -> Iterator[dict[str, object]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
