"""What select prints: a table, and the sentence that says why."""

from collections.abc import Iterator

from haechi.progress import say, show_table
from haechi.selection.choose import BASE
from haechi.selection.stage import Selected

COLUMNS = ("candidate", "kind", "place", "score", "interval", "against the best checkpoint")


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
