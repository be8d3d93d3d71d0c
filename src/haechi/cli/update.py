"""`haechi update`: new documents, without training from the beginning."""

from collections.abc import Mapping
from pathlib import Path

import click

from haechi.cli.project import Command
from haechi.pipeline import update as going_on
from haechi.runtime.progress import say
from haechi.scoring.evaluation import Evaluation, read_evaluation
from haechi.scoring.names import BASE, HEADLINE, TUNED
from haechi.scoring.verdict import judge

EVALUATED = Path("reports/stages/evaluate.json")


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Only say what is new, and what would be done.")
def update(dry_run: bool) -> None:
    """Take in new documents: train on from the present model, show gain and loss.

    Questions and negatives are made for what is new or changed in data/raw alone; old examples are replayed beside them
    (train.replay_share).
    """
    going_on.update(Path(), dry_run=dry_run)
    if not dry_run:
        for line in comparison(read_evaluation(EVALUATED)):
            say(line)


def comparison(found: Evaluation) -> list[str]:
    """The model after an update against the one before, on the frozen test set and on questions about the new documents."""
    gap = found.difference[f"{TUNED}-{BASE}"][HEADLINE]
    before, after = (found.primary[system][HEADLINE] for system in (BASE, TUNED))
    lines = [_line(f"frozen test set, {found.n_queries:,} queries", before, after, gap)]
    if new := found.new_documents:
        told = (
            f"{new['documents']:,} new or changed documents, {new['questions']:,} questions that training did not ask about them"
        )
        lines.append(_line(told, new[HEADLINE][BASE], new[HEADLINE][TUNED], new["difference"]))
        lines.append(
            "The new documents themselves were trained on: their figure says what was taken in, not what is yet to come."
        )
    else:
        lines.append("No question could be made about the new documents.")
    return [*lines, f"Figures: {EVALUATED}"]


def _line(what: str, before: float, after: float, gap: Mapping[str, float]) -> str:
    judgement = judge(gap["value"], gap["low"], gap["high"], gap["p_holm"])
    said = {"better": "gained", "worse": "lost"}.get(judgement, judgement)
    interval = f"{gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
    return f"{what}: {HEADLINE} {before:.3f} before, {after:.3f} after, {interval}: {said}"
