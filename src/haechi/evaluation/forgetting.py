"""The probes of other domains: has tuning cost what the model knew before?

`data/probes` holds one probe of everyday questions; every subfolder in BEIR's format is one more.
The question is not whether the figure fell but whether it fell by more than a margin: tuned must be shown to be
not inferior. With few queries neither can be shown, and then the answer is INCONCLUSIVE, never PASS.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haechi.evaluation.params import EvaluateParams
from haechi.retrieval.dense import Vectors, search
from haechi.runtime.errors import BadRecord, HaechiError
from haechi.runtime.files import read_records, read_text
from haechi.scoring.metrics import Scores, evaluate_run
from haechi.scoring.names import HEADLINE
from haechi.scoring.significance import Difference, difference

GENERAL = "general"
LOOKED_AT = 10


@dataclass(frozen=True, slots=True)
class ProbePassage:
    """A passage of a probe."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class ProbeQuery:
    """A question with the passages that answer it."""

    query_id: str
    query_text: str
    gold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """Questions over passages of another domain."""

    passages: tuple[ProbePassage, ...]
    queries: tuple[ProbeQuery, ...]


def load_probes(folder: Path) -> dict[str, Probe]:
    """All probes by name, the general one first."""
    found = {GENERAL: _load(folder)}
    for sub in sorted(path for path in folder.iterdir() if path.is_dir()):
        found[sub.name] = load_beir(sub)
    return found


def load_beir(folder: Path) -> Probe:
    """BEIR's three files: corpus.jsonl, queries.jsonl, qrels/test.tsv."""
    passages = [
        ProbePassage(row["_id"], " ".join(filter(None, (row.get("title", ""), row["text"]))))
        for row in _rows(folder / "corpus.jsonl")
    ]
    gold: dict[str, list[str]] = defaultdict(list)
    qrels = folder / "qrels" / "test.tsv"
    for number, line in enumerate(read_text(qrels).splitlines()[1:], start=2):
        parts = line.split("\t")
        if len(parts) != 3:
            raise BadRecord(qrels, number, "query-id, corpus-id and score between tabs", f"{len(parts)} columns")
        if float(parts[2]) > 0:
            gold[parts[0]].append(parts[1])
    rows = _rows(folder / "queries.jsonl")
    queries = [ProbeQuery(row["_id"], row["text"], tuple(gold[row["_id"]])) for row in rows if row["_id"] in gold]
    return _checked(folder, passages, queries)


def compare_probe(
    probe: Probe, before: tuple[Vectors, Vectors], after: tuple[Vectors, Vectors], params: EvaluateParams
) -> dict[str, Any]:
    """Base against tuned, each as vectors of queries and passages."""
    scores = [probe_scores(probe, *vectors) for vectors in (before, after)]
    ids = [query.query_id for query in probe.queries]
    old, new = ([table[id][HEADLINE] for id in ids] for table in scores)
    gap = difference(new, old, ids, params.resamples, params.confidence, params.seed)
    return {
        "n": len(ids),
        "base": round(sum(old) / len(old), 6),
        "tuned": round(sum(new) / len(new), 6),
        "difference": {"value": round(gap.value, 6), "low": round(gap.low, 6), "high": round(gap.high, 6)},
        "margin": params.probe_margin,
        **not_inferior(gap, len(ids), params.probe_margin),
    }


def probe_scores(probe: Probe, queries: Vectors, passages: Vectors) -> Scores:
    """A model's metrics on a probe, from its vectors."""
    run = search([q.query_id for q in probe.queries], queries, [p.id for p in probe.passages], passages, LOOKED_AT)
    return evaluate_run(run, {q.query_id: q.gold for q in probe.queries}, (LOOKED_AT,))


def not_inferior(gap: Difference, n: int, margin: float) -> dict[str, Any]:
    """PASS, FAIL, or INCONCLUSIVE with the number of queries that would decide it, should the difference stay as it is."""
    if gap.low > -margin:
        return {"verdict": "PASS"}
    if gap.high < -margin:
        return {"verdict": "FAIL"}
    room = abs(gap.value + margin)
    found: dict[str, Any] = {"verdict": "INCONCLUSIVE"}
    if room > 1e-9 and math.isfinite(gap.detectable):
        found["needed"] = max(n + 1, math.ceil(n * (gap.detectable / room) ** 2))
    return found


def _load(folder: Path) -> Probe:
    passages = list(read_records(folder / "corpus.jsonl", ProbePassage))
    return _checked(folder, passages, list(read_records(folder / "queries.jsonl", ProbeQuery)))


def _checked(folder: Path, passages: Sequence[ProbePassage], queries: Sequence[ProbeQuery]) -> Probe:
    known = {passage.id for passage in passages}
    for query in queries:
        if not query.gold or not known.issuperset(query.gold):
            raise HaechiError(f"{folder / 'queries.jsonl'}: {query.query_id} has gold that is not in corpus.jsonl")
    if not queries:
        raise HaechiError(f"{folder / 'queries.jsonl'}: no question has an answer in the corpus")
    return Probe(tuple(passages), tuple(queries))


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = list(read_records(path, dict))
    for number, row in enumerate(rows, start=1):
        if not isinstance(row.get("_id"), str) or not isinstance(row.get("text"), str):
            raise BadRecord(path, number, "`_id` and `text`", ", ".join(map(str, row)))
    return rows
