"""How much data do I need? Train, select and evaluate on nested parts of the training examples, beside the pipeline's outputs."""

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from haechi.comparison import test_reads
from haechi.comparison.revisions import METRICS, PER_QUERY
from haechi.comparison.test_reads import Read
from haechi.evaluation.params import EvaluateParams
from haechi.evaluation.summary import summarise
from haechi.pipeline.dvc_yaml import stage_command
from haechi.records.mined import MinedExample
from haechi.records.result import QueryResult
from haechi.report.style import pyplot, save
from haechi.runtime import locks
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import read_json, read_records, remove, write_jsonl, write_text
from haechi.runtime.params import load_section
from haechi.runtime.progress import say, show_table
from haechi.scoring.names import COLOURS, HEADLINE, TUNED
from haechi.scoring.per_query import read_rows
from haechi.scoring.score_queries import values
from haechi.scoring.significance import Resampler
from haechi.scoring.verdict import Judgement, judge

EXAMPLES = "data/mined/train.jsonl"
STAGES = ("train", "select", "evaluate")
Of = Literal["decisions", "questions"]
Sized = tuple[int, Sequence[QueryResult]]
"""How many there were in training, and what the model scored query by query."""


MEANT: Mapping[Judgement, str] = {
    "better": "more {of} helped, so even more may help",
    "can't tell": "whether more {of} help is open, since the interval holds 0",
    "worse": "more {of} made it worse; look at them before you add any",
}


@dataclass(frozen=True)
class Point:
    """One size and what came of it."""

    n: int
    value: float
    low: float
    high: float


def unit_of(example: MinedExample) -> str:
    """What is added or left out as a whole: a decision with all its issues and holdings, or one question."""
    return example.query_id if example.source == "question" else re.sub(r"_s\d+(_h)?$", "", example.query_id)


def part(examples: Sequence[MinedExample], of: Of, share: float, seed: int) -> tuple[list[MinedExample], int]:
    """The examples with a share of the decisions or questions, and how many these are; a larger share holds the smaller one.

    Whether a unit is in depends on its own name and the seed alone, so parts are nested and stay so when data are added.
    """
    mine = [e for e in examples if (e.source == "question") == (of == "questions") and (of == "questions" or _decided(e))]
    units = sorted({unit_of(e) for e in mine}, key=lambda unit: hashlib.sha256(f"{seed} {unit}".encode()).hexdigest())
    if not units:
        raise HaechiError(f"learning-curve: there are no {of} among the training examples")
    kept = set(units[: round(share * len(units))])
    theirs = {id(e) for e in mine}
    return [e for e in examples if id(e) not in theirs or unit_of(e) in kept], len(kept)


def draw_curve(points: Sequence[Point], of: Of, folder: Path) -> None:
    """The curve with its intervals, as a picture and as a table."""
    figure, axes = pyplot().subplots(figsize=(7, 3.6), layout="constrained")
    sizes, values = [p.n for p in points], [p.value for p in points]
    axes.plot(sizes, values, marker="o", color=COLOURS["tuned"])
    axes.fill_between(sizes, [p.low for p in points], [p.high for p in points], color=COLOURS["tuned"], alpha=0.2)
    axes.set(xlabel="labelled decisions in training" if of == "decisions" else "synthetic questions in training", ylabel=HEADLINE)
    save(figure, folder / f"{of}.png")
    rows = "".join(f"{p.n},{p.value},{p.low},{p.high}\n" for p in points)
    write_text(folder / f"{of}.csv", f"{of},{HEADLINE},low,high\n{rows}")


def conclusion(few: Sized, many: Sized, of: Of, params: EvaluateParams) -> str:
    """Whether the last step up in size helped, query by query, in a sentence."""
    (rows, before), (_, after) = (_headline(results, params) for _, results in (few, many))
    sample = Resampler([row.group for row in rows], params.resamples, params.confidence, params.seed)
    [gap] = sample.differences(after, before)
    step = f"From {few[0]:,} to {many[0]:,} {of}: {gap.value:+.3f} {HEADLINE} [{gap.low:+.3f}, {gap.high:+.3f}]"
    judgement = judge(gap.value, gap.low, gap.high, gap.p)
    return f"{step}: {MEANT[judgement].format(of=of)}."


def _headline(results: Sequence[QueryResult], params: EvaluateParams) -> tuple[list[QueryResult], npt.NDArray[np.float64]]:
    """The rows that count, and what the tuned model scored on them.  # (rows, 1)"""
    rows = [row for row in results if row.headline] or list(results)
    return rows, values(rows, [TUNED], params.k_values)[HEADLINE]


def _decided(example: MinedExample) -> bool:
    return "precedent" in example.source or "holding" in example.source


def measure_curve(root: Path, of: Of | None, shares: Sequence[float], seed: int) -> None:
    """One point a share; the stages' own scripts run, so a point is what `dvc repro` would give on that part."""
    if not shares or any(not 0.0 <= share <= 1.0 for share in shares):
        raise UsageError(
            f"haechi learning-curve: shares should lie between 0 and 1, found {', '.join(map(str, shares)) or 'none'}"
        )
    examples = list(read_records(root / EXAMPLES, MinedExample))
    of = of or ("decisions" if any(map(_decided, examples)) else "questions")
    work = root / ".haechi" / "curve"
    with locks.writing(work):
        try:
            results = []
            for share in sorted(set(shares)):
                remove(work)  # a killed run's too
                chosen, n = part(examples, of, share, seed)
                results.append((n, _results(root, work, chosen, n, of)))
        finally:
            remove(work)
    params = load_section(root / "params.yaml", "evaluate", EvaluateParams)
    points = [_point(scored, n, params) for n, scored in results]
    draw_curve(points, of, root / "plots" / "learning_curve")
    rows = [(str(p.n), f"{p.value:.3f}", f"[{p.low:.3f}, {p.high:.3f}]") for p in points]
    show_table("learning curve: tuned on the test queries", (of, "ndcg@10", "interval"), rows)
    if len(results) > 1:
        say(conclusion(results[-2], results[-1], of, params))
    say(f"picture and table: plots/learning_curve/{of}.png, .csv")


def _results(root: Path, work: Path, examples: Sequence[MinedExample], n: int, of: Of) -> list[QueryResult]:
    """Train, select and evaluate in a folder that nobody keeps; the model counts among those that the test set was read for."""
    write_jsonl(work / EXAMPLES, examples)
    say(f"{n} {of}, {len(examples)} training examples")
    for stage in STAGES:
        _run(root, work, stage)
    scored = read_json(work / METRICS)
    test_reads.add(root, {Read(scored["testset"], scored["encoder"], "learning-curve")})
    return list(read_rows(work / PER_QUERY, QueryResult))


def _point(results: Sequence[QueryResult], n: int, params: EvaluateParams) -> Point:
    figures = summarise(results, params)
    bounds = figures["interval"][TUNED][HEADLINE]
    return Point(n, figures["primary"][TUNED][HEADLINE], bounds["low"], bounds["high"])


def _run(root: Path, work: Path, stage: str) -> None:
    command = stage_command(root, stage, work)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=root, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise HaechiError(f"learning-curve: stage {stage} failed: {said[-1] if said else done.returncode}")
