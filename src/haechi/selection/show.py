"""What select shows: a table, the sentence that says why, and a plot with its data."""

from collections.abc import Iterator
from pathlib import Path

from haechi.evaluation.drawing import pyplot, save
from haechi.evaluation.names import COLOURS
from haechi.files import write_text
from haechi.progress import say, show_table
from haechi.selection.choose import BASE
from haechi.selection.stage import Selected

COLUMNS = ("candidate", "kind", "place", "score", "interval", "against the best checkpoint")
TAKEN, OTHER = COLOURS["tuned"], COLOURS["popularity"]


def show(found: Selected) -> None:
    """Print it."""
    show_table(f"select: {found.metric} on {len(found.rows)} validation queries", COLUMNS, rows(found))
    say(found.choice.why)
    if found.choice.name != BASE:
        told, owed = found.ranking[found.choice.name].score, found.optimism
        say(
            f"Its {told:.4f} flatters it, as the best of {found.scored} scored models, by about {owed:.4f} (bootstrap): "
            f"expect {found.corrected:.4f} on further queries of this kind."
        )
    if found.spot:
        say(f"Sweet spot: {found.spot.why}")
    for form, off in found.exported.items():
        say(f"The model is there for {form} too; its vectors differ by {off:.1g} of their length at most.")
    say("Places such as 1-3 are ties: the models could stand in any order there.")


def rows(found: Selected) -> Iterator[tuple[str, ...]]:
    """One row a candidate, the highest figure first; the chosen one has a star."""
    kinds = {one.name: one.kind for one in found.candidates}
    for model in found.ranking.models:
        gap = found.choice.gaps.get(model.name)
        yield (
            model.name + (" *" if model.name == found.choice.name else ""),
            kinds[model.name],
            model.place,
            f"{model.score:.4f}",
            f"[{model.low:.4f}, {model.high:.4f}]",
            f"{gap.value:+.4f} ({gap.errors:+.1f} standard errors)" if gap else "-",
        )


def draw(found: Selected, folder: Path) -> None:
    """Every candidate with its interval, as a picture and as a table."""
    kinds = {one.name: one.kind for one in found.candidates}
    models = found.ranking.models
    lines = ["candidate,kind,score,low,high,first,last,chosen"]
    lines += [
        f"{m.name},{kinds[m.name]},{m.score:.6f},{m.low:.6f},{m.high:.6f},{m.first},{m.last},{int(m.name == found.choice.name)}"
        for m in models
    ]
    write_text(folder / "candidates.csv", "\n".join(lines) + "\n")
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7.5, 0.9 + 0.32 * len(models)), layout="constrained")
    for row, model in enumerate(models):
        colour = TAKEN if model.name == found.choice.name else OTHER
        axes.plot([model.low, model.high], [row, row], color=colour, linewidth=2)
        axes.plot([model.score], [row], marker="o", color=colour)
        axes.annotate(
            f"place {model.place}", (model.high, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_yticks(range(len(models)), [model.name for model in models])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(f"{found.metric} on {len(found.rows)} validation queries, with intervals; the chosen one in blue")
    save(figure, folder / "candidates.svg")
