"""What evaluation writes for BEIR and MTEB, read by BEIR and MTEB themselves where they are installed (`pip install beir mteb`)."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from small_law import PASSAGES, key, passage

from haechi.evaluation.exports import write_exports
from haechi.evaluation.forgetting import load_beir
from haechi.records.query import TestQuery

TWIN = passage("LAW_9_제1조", "다른법 제1조\n같은 말", source="x")
PIECES = [passage("A_1", "법 제1조\n앞부분", article_key="A"), passage("A_2", "법 제1조\n뒷부분", article_key="A")]
CORPUS = [*PASSAGES, TWIN, *PIECES]
NAME = {p.article_key: p.article_key for p in CORPUS} | {"LAW_9_제1조": key(1)}
QUERIES = [
    TestQuery("q1", "마을의 나무", (key(3), "A"), "precedent", "g", "", "s", False, False),
    TestQuery("q2", "답이 없는 물음", ("gone",), "precedent", "g", "", "s", False, False),
]
GOLD = {"q1": (key(3), "A"), "q2": ()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_exports(tmp_path, QUERIES, GOLD, CORPUS, NAME, "abc")
    return tmp_path


def test_our_own_reader_of_beir_folders_reads_it(folder: Path) -> None:
    probe = load_beir(folder / "beir")

    assert [q.gold for q in probe.queries] == [(key(3), "A")]
    assert len(probe.passages) == len(PASSAGES) + 1, "one document an article, twins once"
    assert next(p.text for p in probe.passages if p.id == "A") == "법 제1조 앞부분\n뒷부분"


def test_qrels_are_trecs_four_columns(folder: Path) -> None:
    assert (folder / "qrels.trec").read_text(encoding="utf-8").splitlines() == [f"q1 0 {key(3)} 1", "q1 0 A 1"]


def test_beir_loads_the_folder(folder: Path) -> None:
    loader = pytest.importorskip("beir.datasets.data_loader", reason="beir is not installed")
    corpus, queries, qrels = loader.GenericDataLoader(str(folder / "beir")).load(split="test")

    assert queries == {"q1": "마을의 나무"}
    assert qrels == {"q1": {key(3): 1, "A": 1}}
    assert corpus["A"] == {"title": "법 제1조", "text": "앞부분\n뒷부분"}


def test_mteb_scores_a_model_on_the_task_file(folder: Path) -> None:
    mteb = pytest.importorskip("mteb", reason="mteb is not installed")
    spec = importlib.util.spec_from_file_location("haechi_task", folder / "haechi_task.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    class Letters(mteb.models.abs_encoder.AbsEncoder):
        """One number a letter: enough for the query that shares its words with its article."""

        def __init__(self) -> None:
            self.model_card_data = None

        def encode(self, inputs, **kwargs):
            texts = [text for batch in inputs for text in batch["text"]]
            vectors = np.zeros((len(texts), 4096), np.float32)
            for row, text in enumerate(texts):
                for letter in text:
                    vectors[row, ord(letter) % 4096] += 1
            return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    result = mteb.evaluate(Letters(), module.HaechiRetrieval(), cache=None, overwrite_strategy="always")

    scores = result.task_results[0].scores["test"][0]
    assert 0.0 < scores["ndcg_at_10"] <= 1.0
    assert scores["recall_at_100"] == 1.0
