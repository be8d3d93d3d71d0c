"""`haechi rank`: the ranking of models on validation as tables, and how it is to be read."""

from collections.abc import Sequence
from pathlib import Path

import click

from haechi.cli.project import Command, FolderOrName
from haechi.comparison.rank import board, defaults, read
from haechi.comparison.rank_params import RankParams
from haechi.runtime.params import load_section, load_value
from haechi.runtime.progress import say, show_table
from haechi.selection.params import SelectParams

WIDEST = 12
"""More models than this are shown without the table of pairs."""


@click.command(cls=Command, epilog="Example: haechi rank workspace HEAD~1")
@click.argument("models", nargs=-1, metavar="[MODEL ...]", type=FolderOrName())
def rank(models: tuple[str, ...]) -> None:
    """Which run is best on validation? A ranking with intervals and ties.

    The score is the composite of params.yaml (section `rank`). A MODEL is a model folder, a git revision, the name of an
    experiment, or `workspace`; without any, the base and the checkpoints of this workspace are ranked.
    """
    show_ranking(Path(), models)


def show_ranking(root: Path, names: Sequence[str]) -> None:
    """Print the ranking of model folders and revisions; without names, of the base and the checkpoints of this workspace."""
    params = load_section(root / "params.yaml", "rank", RankParams)
    weight = load_value(root / "params.yaml", "select.unseen_weight", SelectParams)
    found = board(read(root, names or defaults(root)), params, weight)
    by = " + ".join(f"{weight:g} {metric}" for metric, weight in params.weights.items() if weight)
    metrics = [metric for metric, weight in params.weights.items() if weight]
    show_table(
        f"by {by} on {found.queries} validation queries",
        ("model", "place", "score", "interval", *metrics),
        (
            (
                m.name,
                m.place,
                f"{m.score:.4f}",
                f"[{m.low:.4f}, {m.high:.4f}]",
                *(f"{found.metrics[m.name][x]:.4f}" for x in metrics),
            )
            for m in found.ranking.models
        ),
    )
    models = [model.name for model in found.ranking.models]
    if len(models) <= WIDEST:
        head = ("is ... than", *(str(number) for number in range(1, len(models) + 1)))
        rows = (
            (f"{number} {one}", *("-" if one == other else found.ranking.verdict(one, other) for other in models))
            for number, one in enumerate(models, start=1)
        )
        show_table("pair by pair", head, rows)
    say("Places such as 1-3 are ties: the models could stand in any order there.")
    if len(metrics) > 1:
        say("What moves the score here: " + ", ".join(f"{metric} {share:.0%}" for metric, share in found.carried.items()) + ".")
    say(f"{len(models)} models were scored on the same queries, so the best score is a little too high; report on the test set.")
