"""`haechi learning-curve`: train, select and evaluate on nested parts of the training examples, beside the pipeline's outputs."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from haechi.comparison.learning_curve import Of, Point, draw_curve, part
from haechi.comparison.revisions import PER_QUERY
from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.summary import summarise
from haechi.pipeline.dvc_yaml import stage_command
from haechi.records.mined import MinedExample
from haechi.records.result import QueryResult
from haechi.runtime import locks
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import read_records, remove, write_jsonl
from haechi.runtime.params import load_section
from haechi.runtime.progress import say, show_table
from haechi.scoring.names import HEADLINE, TUNED
from haechi.scoring.per_query import read_rows

EXAMPLES = "data/mined/train.jsonl"
STAGES = ("train", "select", "evaluate")


def learning_curve(root: Path, of: Of, shares: Sequence[float], seed: int) -> None:
    """One point a share; the stages' own scripts run, so a point is what `dvc repro` would give on that part."""
    if not shares or any(not 0.0 <= share <= 1.0 for share in shares):
        raise UsageError(f"learning-curve: shares should lie between 0 and 1, found {', '.join(map(str, shares)) or 'none'}")
    examples = list(read_records(root / EXAMPLES, MinedExample))
    work = root / ".haechi" / "curve"
    with locks.writing(work):
        try:
            points = []
            for share in sorted(set(shares)):
                remove(work)  # a killed run's too
                points.append(_point(root, work, *part(examples, of, share, seed), of))
        finally:
            remove(work)
    draw_curve(points, of, root / "plots" / "learning_curve")
    rows = [(str(p.n), f"{p.value:.3f}", f"[{p.low:.3f}, {p.high:.3f}]") for p in points]
    show_table("learning curve: tuned on the test queries", (of, "ndcg@10", "interval"), rows)
    say(f"picture and table: plots/learning_curve/{of}.png, .csv")


def _point(root: Path, work: Path, examples: Sequence[MinedExample], n: int, of: Of) -> Point:
    """Train, select and evaluate in a folder that nobody keeps."""
    write_jsonl(work / EXAMPLES, examples)
    say(f"{n} {of}, {len(examples)} training examples")
    for stage in STAGES:
        _run(root, work, stage)
    params = load_section(root / "params.yaml", "evaluate", EvaluateParams)
    told = summarise(list(read_rows(work / PER_QUERY, QueryResult)), params)
    bounds = told["interval"][TUNED][HEADLINE]
    return Point(n, told["primary"][TUNED][HEADLINE], bounds["low"], bounds["high"])


def _run(root: Path, work: Path, stage: str) -> None:
    command = stage_command(root, stage, work)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=root, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise HaechiError(f"learning-curve: stage {stage} failed: {said[-1] if said else done.returncode}")
