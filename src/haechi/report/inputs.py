"""What a run left, as far as it is there: the report shows what it finds, and says of the rest how to make it."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from haechi.guards.history import HistoryRow, read_history
from haechi.guards.status import TrainingStatus, status_of
from haechi.pipeline.stage_details import FOLDER, IN_GIT, STAGES
from haechi.records.passage import Passage
from haechi.records.query import TestQuery
from haechi.records.result import QueryResult
from haechi.runtime.files import read_json, read_records, read_text
from haechi.scoring.evaluation import Evaluation, evaluation_of
from haechi.scoring.per_query import read_rows

TABLES = {
    "evaluate/gating.csv": "evaluate",
    "evaluate/map.csv": "evaluate",
    "generate_qa/lengths.csv": "generate_qa",
    "mine/scores.csv": "mine",
}
"""Tables below the folder of plots -> the stage that writes them."""


@dataclass(frozen=True)
class Places:
    """Where a run's files lie."""

    details: Path
    metrics: Path
    """Holds what stands in git: the test set's figures and the results query by query."""
    plots: Path
    params: Path
    run: Path
    testset: Path
    corpus: Path

    @classmethod
    def below(cls, root: Path) -> "Places":
        """Of a project."""
        return cls(
            details=root / FOLDER,
            metrics=root / "metrics",
            plots=root / "plots",
            params=root / "params.yaml",
            run=root / "models/run",
            testset=root / "data/testset",
            corpus=root / "data/processed/merged_corpus.jsonl",
        )


@dataclass(frozen=True)
class Missing:
    """A file that the report would show."""

    file: str
    remedy: str
    """The command that makes it."""


@dataclass(frozen=True)
class Results:
    """Everything that was there."""

    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Stage -> all of its figures."""
    rows: Sequence[QueryResult] = ()
    queries: Mapping[str, TestQuery] = field(default_factory=dict)
    passages: Sequence[Passage] = ()
    history: Sequence[HistoryRow] = ()
    tables: Mapping[str, Sequence[dict[str, str]]] = field(default_factory=dict)
    params: str = ""
    missing: Sequence[Missing] = ()

    @property
    def evaluation(self) -> Evaluation:
        """The figures on the test set; empty where there are none."""
        return evaluation_of(self.stage("evaluate"))

    @property
    def training(self) -> TrainingStatus:
        """What training says of itself; empty where there was none."""
        return status_of(self.stage("train"))

    def stage(self, name: str) -> Mapping[str, Any]:
        """A stage's figures; empty where there are none."""
        results: Mapping[str, Any] = self.metrics.get(name, {})
        return results


def gather(places: Places) -> Results:
    """Read what is there; a file that is there and can't be read is an error."""
    missing: list[Missing] = []

    def read(file: Path, stage: str, reader: Callable[[Path], Any], instead: Any) -> Any:
        if file.exists():
            return reader(file)
        missing.append(Missing(_short(file, places), f"dvc repro {stage}" if stage else "git checkout " + file.name))
        return instead

    files = {name: (places.metrics if name in IN_GIT else places.details) / f"{name}.json" for name in STAGES}
    metrics = {name: read(file, name, read_json, None) for name, file in files.items()}
    tables = {name: read(places.plots / name, stage, _table, None) for name, stage in TABLES.items()}
    queries = read(places.testset / "queries.jsonl", "testset", lambda file: list(read_records(file, TestQuery)), [])
    return Results(
        metrics={name: value for name, value in metrics.items() if value is not None},
        rows=read(places.metrics / "per_query.json", "evaluate", lambda file: read_rows(file, QueryResult), []),
        queries={query.query_id: query for query in queries},
        passages=read(places.corpus, "merge_corpus", lambda file: list(read_records(file, Passage)), []),
        history=read(places.run / "history.jsonl", "train", read_history, []),
        tables={name: rows for name, rows in tables.items() if rows is not None},
        params=read(places.params, "", read_text, ""),
        missing=missing,
    )


def _short(file: Path, places: Places) -> str:
    """A file by its path below the project."""
    return file.relative_to(places.params.parent).as_posix() if file.is_relative_to(places.params.parent) else file.as_posix()


def _table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
