"""The general-domain probe: has tuning cost what the model knew before?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from haechi.errors import HaechiError
from haechi.evaluation.metrics import Scores, evaluate_run
from haechi.files import read_records
from haechi.retrieval.dense import encode_passages, encode_queries, search

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True, slots=True)
class GuardPassage:
    """An everyday passage."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class GuardQuery:
    """An everyday question with the passage that answers it."""

    query_id: str
    query_text: str
    gold: tuple[str, ...]


def load_guard(folder: Path) -> tuple[list[GuardPassage], list[GuardQuery]]:
    """corpus.jsonl and queries.jsonl; a question whose answer is missing is an error."""
    passages = list(read_records(folder / "corpus.jsonl", GuardPassage))
    queries = list(read_records(folder / "queries.jsonl", GuardQuery))
    known = {passage.id for passage in passages}
    for query in queries:
        if not query.gold or not known.issuperset(query.gold):
            raise HaechiError(f"{folder / 'queries.jsonl'}: {query.query_id} has gold that is not in corpus.jsonl")
    return passages, queries


def guard_scores(model: "SentenceTransformer", passages: Sequence[GuardPassage], queries: Sequence[GuardQuery]) -> Scores:
    """The model's metrics on the probe."""
    run = search(
        [q.query_id for q in queries],
        encode_queries(model, [q.query_text for q in queries]),
        [p.id for p in passages],
        encode_passages(model, [p.text for p in passages]),
        10,
    )
    return evaluate_run(run, {q.query_id: q.gold for q in queries}, (10,))
