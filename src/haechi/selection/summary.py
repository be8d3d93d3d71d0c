"""What select prints: which model and why; and the table of candidates for who wants to see it."""

from collections.abc import Iterator, Mapping
from typing import Any

from haechi.runtime.progress import say, show_summary, show_table
from haechi.selection.choose import BASE
from haechi.selection.stage import Selected

COLUMNS = ("candidate", "kind", "place", "score", "interval", "against the best checkpoint")


def show(selected: Selected) -> None:
    """Print it."""
    chosen = selected.ranking[selected.choice.name]
    read = f"{selected.scored} models, scored on {len(selected.rows):,} validation queries"
    show_summary("select", read, f"{chosen.name}: {selected.metric} {chosen.score:.4f}", {}, "\n".join(_said(selected)))


def _said(selected: Selected) -> Iterator[str]:
    yield selected.choice.why.en
    if selected.choice.name != BASE:
        yield (
            f"The best of {selected.scored} models scores too high by chance, by about {selected.optimism:.4f} (bootstrap): "
            f"expect {selected.corrected:.4f} on further queries of this kind."
        )
    if selected.spot:
        yield f"Sweet spot: {selected.spot.why}"
    for form, off in selected.exported.items():
        yield f"The model is there for {form} too; its vectors differ by {off:.1g} of their length at most."


def show_candidates(facts: Mapping[str, Any]) -> None:
    """The table of candidates, from all figures of select."""
    show_table(f"{facts['metric']} on {facts['queries']} validation queries", COLUMNS, rows(facts))
    if more := facts["scored"] - len(facts["candidates"]):
        say(f"{facts['scored']} models were scored: these, and {more} on the way to a merge.")
    say("Places such as 1-3 are ties: the models could stand in any order there.")


def rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """One row a candidate, the highest figure first; the chosen one has a star."""
    for name, one in sorted(facts["candidates"].items(), key=lambda pair: (-pair[1]["score"], pair[0])):
        (first, last), gap = one["places"], one["against_single"]
        errors = f" ({gap['value'] / gap['error']:+.1f} standard errors)" if gap and gap["error"] else ""
        yield (
            name + (" *" if name == facts["chosen"] else ""),
            one["kind"],
            f"{first}" if first == last else f"{first}-{last}",
            f"{one['score']:.4f}",
            f"[{one['low']:.4f}, {one['high']:.4f}]",
            f"{gap['value']:+.4f}{errors}" if gap else "-",
        )
