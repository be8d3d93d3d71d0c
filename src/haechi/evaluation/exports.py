"""The test set in the formats of others: TREC qrels, a BEIR folder, and a task file for MTEB.

Their unit is a document, ours the article: each article is one document, its passages joined.
Of articles that say the same the one that is judged is there. Neither format can leave a query's own decision out of
its results, so where decisions are in the corpus their figures differ from ours.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from haechi.records.passage import Passage
from haechi.records.query import TestQuery
from haechi.runtime.files import write_jsonl, write_text

TASK = '''"""The frozen test set as a task of MTEB, read from the BEIR folder beside this file.

    import mteb
    from haechi_task import HaechiRetrieval

    results = mteb.evaluate(model, HaechiRetrieval())
"""

import csv
import json
from pathlib import Path

from datasets import Dataset
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata

FOLDER = Path(__file__).resolve().parent / "beir"


def _rows(name):
    with (FOLDER / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class HaechiRetrieval(AbsTaskRetrieval):
    """Queries -> the articles or documents that answer them."""

    metadata = TaskMetadata(
        name="HaechiRetrieval",
        description="A frozen test set of haechi, @FINGERPRINT@: queries, and the articles or documents that answer them.",
        dataset={"path": "haechi/local", "revision": "@FINGERPRINT@"},
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits=["test"],
        eval_langs=["kor-Hang"],
        main_score="ndcg_at_10",
    )

    def load_data(self, **kwargs):
        """Read the folder; nothing is downloaded."""
        if self.data_loaded:
            return
        corpus = [{"id": row["_id"], "title": row["title"], "text": row["text"]} for row in _rows("corpus.jsonl")]
        queries = [{"id": row["_id"], "text": row["text"]} for row in _rows("queries.jsonl")]
        qrels = {}
        with (FOLDER / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\\t"):
                qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
        test = {
            "corpus": Dataset.from_list(corpus),
            "queries": Dataset.from_list(queries),
            "relevant_docs": qrels,
            "top_ranked": None,
        }
        self.dataset = {"default": {"test": test}}
        self.data_loaded = True
'''


def write_exports(
    folder: Path,
    queries: Sequence[TestQuery],
    gold: Mapping[str, Sequence[str]],
    corpus: Sequence[Passage],
    name: Mapping[str, str],
    fingerprint: str,
) -> None:
    """qrels.trec, beir/ and haechi_task.py; queries without gold in `gold` are left out."""
    judged = [q for q in queries if gold[q.query_id]]
    pairs = [(q.query_id, key) for q in judged for key in gold[q.query_id]]
    write_text(folder / "qrels.trec", "".join(f"{query_id} 0 {key} 1\n" for query_id, key in pairs))
    beir = folder / "beir"
    write_jsonl(beir / "corpus.jsonl", _documents(corpus, name))
    write_jsonl(beir / "queries.jsonl", [{"_id": q.query_id, "text": q.query_text} for q in judged])
    lines = "".join(f"{query_id}\t{key}\t1\n" for query_id, key in pairs)
    write_text(beir / "qrels" / "test.tsv", f"query-id\tcorpus-id\tscore\n{lines}")
    write_text(folder / "haechi_task.py", TASK.replace("@FINGERPRINT@", fingerprint))


def _documents(corpus: Sequence[Passage], name: Mapping[str, str]) -> list[dict[str, str]]:
    """One an article; its header line is the title, and the bodies of its passages follow each other."""
    found: dict[str, dict[str, str]] = {}
    for passage in corpus:
        key = passage.article_key
        if name[key] != key:
            continue
        header = passage.text.removesuffix(passage.body).strip()
        if key in found:
            found[key]["text"] += f"\n{passage.body}"
        else:
            found[key] = {"_id": key, "title": header, "text": passage.body}
    return list(found.values())
