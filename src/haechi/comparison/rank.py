"""Checkpoints, models and experiments ranked by one figure on the validation queries.

Choosing is what validation is for; the test set is for reporting, by `haechi compare`. Folders are scored now, revisions are
read from what their select stage left in git.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import orjson

from haechi.comparison.rank_params import RankParams
from haechi.comparison.revisions import LOCK, WORKSPACE, read_lock, read_objects, resolve
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.validated import ValidatedQuery
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import read_records
from haechi.scoring.per_query import parse_rows
from haechi.scoring.significance import Resampler
from haechi.scoring.validation import Validation
from haechi.selection.ranking import K_VALUES, Ranking, composite, metrics_of, rank, results_of
from haechi.selection.scorer import ModelScorer

PAIRS, CORPUS = "data/processed/pairs_train_valid.jsonl", "data/processed/merged_corpus.jsonl"
PER_QUERY = "metrics/per_query_valid.json"
BASE, RUN = "models/base", "models/run"


@dataclass(frozen=True)
class Board:
    """A ranking and what it was made of."""

    ranking: Ranking
    metrics: Mapping[str, Mapping[str, float]]
    """Model -> the mean of each metric of the composite."""
    carried: Mapping[str, float]
    """Metric -> its share of what moves the composite between these models, whatever its weight."""
    queries: int


def board(rows: Mapping[str, Sequence[ValidatedQuery]], params: RankParams, unseen_weight: float) -> Board:
    """Rank models by the composite of the parameters."""
    first = check_same(rows)
    metrics = {name: metrics_of(own, K_VALUES, unseen_weight) for name, own in rows.items()}
    weights: dict[str, float] = {metric: weight for metric, weight in params.weights.items() if weight}
    columns = {name: composite(by_metric, weights) for name, by_metric in metrics.items()}
    sample = Resampler([row.group for row in first], params.resamples, params.confidence, params.seed)
    moved = {
        metric: weight * float(np.std([by_metric[metric].mean() for by_metric in metrics.values()]))
        for metric, weight in weights.items()
    }
    total = sum(moved.values())
    return Board(
        rank(columns, sample),
        {name: {metric: float(by_metric[metric].mean()) for metric in weights} for name, by_metric in metrics.items()},
        {metric: share / total if total else 0.0 for metric, share in moved.items()},
        len(first),
    )


def check_same(rows: Mapping[str, Sequence[ValidatedQuery]]) -> Sequence[ValidatedQuery]:
    """Refuse models that were validated on different queries; the rows of the first."""
    (one, first), *others = rows.items()
    validated = [(row.query_id, row.group, row.n_gold, row.slice) for row in first]
    for name, own in others:
        if [(row.query_id, row.group, row.n_gold, row.slice) for row in own] != validated:
            raise UsageError(f"{name}: was validated on other queries than {one}, so their figures can't be ranked together")
    return first


def defaults(root: Path) -> list[str]:
    """The base and the checkpoints of the workspace."""
    checkpoints = [
        folder.relative_to(root).as_posix() for folder in sorted((root / RUN / "checkpoints").glob("*")) if folder.is_dir()
    ]
    if not checkpoints:
        raise UsageError(
            f"{root / RUN / 'checkpoints'}: holds no checkpoint; name model folders or revisions, or run `dvc repro train`"
        )
    return [BASE, *checkpoints]


def read(root: Path, names: Sequence[str]) -> dict[str, list[ValidatedQuery]]:
    """Every model's rows, in the order of their query ids."""
    if len(set(names)) != len(names):
        raise UsageError(f"{max(names, key=list(names).count)}: is named twice")
    folders = [name for name in names if name != WORKSPACE and (root / name).is_dir()]
    rows_of = {name: rows_of_revision(root, name) for name in names if name not in folders}
    if folders:
        scorer = ModelScorer(
            Validation(list(read_records(root / PAIRS, Pair)), list(read_records(root / CORPUS, Passage)), K_VALUES)
        )
        for name in folders:
            scorer.score(name, root / name, "ndcg@10")
            rows_of[name] = results_of(scorer.places[name], scorer.validation)
    return {name: sorted(rows_of[name], key=lambda row: row.query_id) for name in names}


def rows_of_revision(root: Path, name: str) -> list[ValidatedQuery]:
    """What the select stage of a revision left in git, or in the workspace."""
    commit = resolve(root, name)
    if commit:
        text, lock = read_objects(root, [f"{commit}:./{file}" for file in (PER_QUERY, LOCK)])
        _check_lock(name, text, lock)
    else:
        text = (root / PER_QUERY).read_bytes() if (root / PER_QUERY).is_file() else None
    if text is None:
        raise HaechiError(f"{name}: has no {PER_QUERY}; make it with `dvc repro select` and commit it, or name its model folder")
    try:
        rows = parse_rows(text, ValidatedQuery)
    except (orjson.JSONDecodeError, msgspec.ValidationError) as error:
        raise HaechiError(f"{name}: {PER_QUERY} is in another form than today's ({error}); run its select stage again") from error
    if not rows:
        raise HaechiError(f"{name}: {PER_QUERY} is empty; run its select stage again")
    return rows


def _check_lock(name: str, text: bytes | None, lock: bytes | None) -> None:
    """A trial that stopped before select carries the figures of the commit that it began from."""
    stages = read_lock(lock)
    train, select = (stages.get(stage, {}) for stage in ("train", "select"))
    made = {out["path"]: out.get("md5") for part in (train, select) for out in part.get("outs", ())}
    read = {dep["path"]: dep.get("md5") for dep in select.get("deps", ())}
    recorded = made.get(PER_QUERY)
    if text is not None and recorded and recorded != hashlib.md5(text, usedforsecurity=False).hexdigest():
        raise HaechiError(f"{name}: {PER_QUERY} is not the file that its dvc.lock recorded; run `dvc repro select`, then rank")
    if made.get(RUN) != read.get(RUN):
        raise HaechiError(f"{name}: its {PER_QUERY} belongs to another {RUN} than it trained; run its select stage")
