"""`haechi learning-curve`: train, select and evaluate on nested parts of the training examples, beside the pipeline's outputs."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from haechi.errors import HaechiError, UsageError
from haechi.evaluation.learning import Of, Point, draw_curve, part
from haechi.evaluation.reeval import stage_command
from haechi.files import read_json, read_records, write_jsonl
from haechi.progress import say, show_table
from haechi.records.mined import MinedExample

EXAMPLES = "data/mined/train.jsonl"


def learning_curve(root: Path, of: Of, shares: Sequence[float], seed: int) -> None:
    """One point a share; the stages' own scripts run, so a point is what `dvc repro` would give on that part."""
    if not shares or any(not 0.0 <= share <= 1.0 for share in shares):
        raise UsageError(f"learning-curve: shares should lie between 0 and 1, found {', '.join(map(str, shares)) or 'none'}")
    examples = list(read_records(root / EXAMPLES, MinedExample))
    points = []
    for share in sorted(set(shares)):
        chosen, n = part(examples, of, share, seed)
        work = root / ".haechi" / "curve" / of / f"{share:g}"
        write_jsonl(work / "train.jsonl", chosen)
        say(f"{n} {of}, {len(chosen)} training examples")
        _run(
            root,
            work,
            "train",
            {
                "--examples": "train.jsonl",
                "--out": "run",
                "--plots": "train-plots",
                "--metrics": "train.json",
                "--details": "train-details.json",
            },
        )
        selected = {
            "--plots": "select-plots",
            "--per-query": "per_query_valid.json",
            "--metrics": "select.json",
            "--details": "select-details.json",
        }
        _run(root, work, "select", {"--run": "run", "--out": "encoder", **selected})
        outputs = {
            "--runs": "runs",
            "--plots": "plots",
            "--per-query": "per_query.json",
            "--metrics": "metrics.json",
            "--details": "evaluate.json",
        }
        _run(root, work, "evaluate", {"--encoder": "encoder", **outputs})
        found = read_json(work / "evaluate.json")
        bounds = found["interval"]["tuned"]["ndcg@10"]
        points.append(Point(n, found["primary"]["tuned"]["ndcg@10"], bounds["low"], bounds["high"]))
    draw_curve(points, of, root / "plots" / "learning_curve")
    rows = [(str(p.n), f"{p.value:.3f}", f"[{p.low:.3f}, {p.high:.3f}]") for p in points]
    show_table("learning curve: tuned on the test queries", (of, "ndcg@10", "interval"), rows)
    say(f"picture and table: plots/learning_curve/{of}.png, .csv")


def _run(root: Path, work: Path, stage: str, changed: dict[str, str]) -> None:
    command = stage_command(root, stage, {option: work / name for option, name in changed.items()})
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=root, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise HaechiError(f"learning-curve: stage {stage} failed: {(done.stderr.strip() or done.stdout.strip())[-500:]}")
