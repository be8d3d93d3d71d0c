"""A comparison as people read it: tables and sentences, in the terminal or as Markdown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from haechi.comparison.compare import CONFIDENCE, Change, Compared, Comparison, Moved
from haechi.comparison.seed_noise import SeedNoise
from haechi.scoring.names import label

CORPUS = "data/processed/merged_corpus.jsonl"
EXCERPT, BRIEF = 70, 30
FEW = 3
"""Slices, and queries each way, where only what fits a screen is shown."""


@dataclass(frozen=True)
class Table:
    """Rows under columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Part = str | Table


class _Named(msgspec.Struct):
    article_key: str
    text: str
    title: str
    law_name: str
    article: str


def article_names(root: Path, comparison: Comparison) -> dict[str, str]:
    """What the shown articles are called, and how they begin, from the workspace's corpus; nothing where it isn't built."""
    changes = [change for other in comparison.others for change in (*other.gained, *other.lost)]
    wanted = {key for change in changes for keys in (*change.top, change.gold) for key in keys}
    name_of: dict[str, str] = {}
    if wanted and (root / CORPUS).is_file():
        decode = msgspec.json.Decoder(_Named).decode
        with (root / CORPUS).open("rb") as lines:
            for line in lines:
                passage = decode(line)
                if passage.article_key in wanted and passage.article_key not in name_of:
                    header, _, body = passage.text.partition("\n")
                    name = (
                        f"{passage.law_name} {passage.article}({passage.title})" if passage.law_name else passage.title or header
                    )
                    name_of[passage.article_key] = f"{name}: {_short(body or header)}"
    return name_of


def parts(comparison: Comparison, reads: str, names: Mapping[str, str] | None = None) -> list[Part]:
    """Everything to show, in order, the answers first; without names of articles only what fits a screen."""
    shown: list[Part] = [verdict(comparison, other) for other in comparison.others]
    if names is not None:
        for other in comparison.others:
            shown += _about(comparison, other, names)
    elif len(comparison.others) == 1:
        shown += _in_short(comparison, comparison.others[0])
    else:
        shown.append(_side_by_side(comparison))
    if comparison.seeds:
        shown += _seeds(comparison.seeds, comparison.metric)
    else:
        shown.append("One run each: how much a seed alone moves is unknown. Repeat with -S train.seed=8, and compare those too.")
    if comparison.left_out:
        shown.append(f"{comparison.left_out} queries were not judged in every revision and are left out.")
    if names is None:
        reads += "\n--all shows every metric, slice and query that moved, and what was found for these queries."
    return [*shown, reads]


def verdict(comparison: Comparison, other: Compared) -> str:
    """The answer in one sentence."""
    gap, metric = other.headline.gap, comparison.metric
    figures = f"{gap.value:+.4f} {metric} [{gap.low:+.4f}, {gap.high:+.4f}], p = {other.headline.p_holm:.4f}"
    counts = f"{gap.wins} queries better, {gap.ties} the same, {gap.losses} worse"
    if not gap.wins and not gap.losses:
        return f"No difference: {other.name} and {comparison.baseline} have the same {metric} on each of {gap.ties} queries."
    if other.judgement == "can't tell":
        said = f"Can't tell whether {other.name} is better or worse than {comparison.baseline}: {figures}; {counts}."
        if math.isfinite(gap.detectable):
            said += f" {comparison.n} queries of this kind show differences of {gap.detectable:.4f} or more"
            return said + (f"; one of this size would take about {gap.needed}." if gap.needed else ".")
        return said
    loud = other.judgement if other.judgement == "better" else "WORSE"
    return f"{other.name} is {loud} than {comparison.baseline}: {figures}; {counts}."


def markdown(shown: Sequence[Part]) -> str:
    """For a pull request or a report."""
    lines: list[str] = []
    for part in shown:
        if isinstance(part, str):
            lines += [part, ""]
            continue
        rule = ("---", *("---:" for _ in part.columns[1:]))
        rows = [[cell.replace("|", "\\|") for cell in row] for row in (part.columns, rule, *part.rows)]
        lines += [f"**{part.title}**", "", *(f"| {' | '.join(row)} |" for row in rows), ""]
    return "\n".join(lines)


def _about(comparison: Comparison, other: Compared, names: Mapping[str, str]) -> list[Part]:
    shown: list[Part] = [_metrics(comparison, other), _moved(comparison, other, len(other.slices))]
    for kind, changes in (("gained", other.gained), ("lost", other.lost)):
        if changes:
            heads = (f"the {len(changes)} queries that {kind} most", "before", "after", "ranks before", "ranks after")
            shown.append(Table(_against(comparison, other), heads, tuple(map(_change, changes))))
            shown.append("\n".join(line for change in changes for line in _tops(change, names)))
    return shown


def _in_short(comparison: Comparison, other: Compared) -> list[Part]:
    """What fits a screen beside the answer."""
    shown = [_metrics(comparison, other), _moved(comparison, other, FEW)]
    changes = [*other.gained[:FEW], *other.lost[:FEW]]
    if changes:
        rows = tuple((f"{c.query_id} {_short(c.text, BRIEF)}", f"{c.before:.3f}", f"{c.after:.3f}") for c in changes)
        shown.append(Table("queries that gained and lost most", ("query", comparison.baseline, other.name), rows))
    return shown


def _side_by_side(comparison: Comparison) -> Table:
    """The headline of every revision."""
    rows = tuple((other.name, *_row(other.headline, other.headline.p_holm)[1:]) for other in comparison.others)
    title = f"{comparison.metric}, {label(comparison.system)} on {comparison.n} queries"
    columns = ("revision", comparison.baseline, "its own", "difference", f"{CONFIDENCE:.0%} interval", "p (Holm)")
    return Table(title, columns, rows)


def _metrics(comparison: Comparison, other: Compared) -> Table:
    return Table(
        f"{_against(comparison, other)}: {label(comparison.system)} on {comparison.n} queries",
        ("metric", comparison.baseline, other.name, "difference", f"{CONFIDENCE:.0%} interval", "p"),
        tuple(_row(moved, moved.p_holm) for moved in other.metrics),
    )


def _moved(comparison: Comparison, other: Compared, most: int) -> Part:
    """Slices that moved beyond chance, the surest first."""
    moved = [m for m in other.slices if m.beyond_chance]
    if not moved:
        return f"None of {len(other.slices)} slices moved beyond chance."
    columns = ("slice", "queries", comparison.baseline, other.name, "difference", "interval", "p (Holm)")
    rows = tuple((m.name, str(m.n), *_row(m, m.p_holm)[1:]) for m in moved[:most])
    first = f", the first {most}" if len(moved) > most else ""
    return Table(f"slices that moved: {len(moved)} of {len(other.slices)}{first}", columns, rows)


def _against(comparison: Comparison, other: Compared) -> str:
    return f"{other.name} against {comparison.baseline}"


def _row(moved: Moved, p: float) -> tuple[str, ...]:
    gap = moved.gap
    interval = f"[{gap.low:+.4f}, {gap.high:+.4f}]"
    return (moved.name, f"{moved.before:.4f}", f"{moved.after:.4f}", f"{gap.value:+.4f}", interval, f"{p:.4f}")


def _change(change: Change) -> tuple[str, ...]:
    ranks = tuple(", ".join(map(str, one_side)) or "-" for one_side in change.ranks)
    return (f"{change.query_id} {_short(change.text)}", f"{change.before:.3f}", f"{change.after:.3f}", *ranks)


def _tops(change: Change, names: Mapping[str, str]) -> list[str]:
    """The first passages before and after; gold is marked."""
    lines = [f"{change.query_id}: gold {', '.join(change.gold)}"]
    for when, keys in zip(("before", "after "), change.top, strict=True):
        for place, key in enumerate(keys, start=1):
            mark = "*" if key in change.gold else " "
            lines.append(f"  {when} {place} {mark} {key} {names.get(key, '')}".rstrip())
    return lines


def _seeds(noise: SeedNoise, metric: str) -> list[Part]:
    rows = []
    for group in noise.groups:
        spread = "-" if group.spread is None else f"{group.spread:.4f}"
        against = "-" if group.against is None else f"{group.against:+.4f}"
        reach = "-" if group.noise is None else f"{group.noise:.4f}"
        flag = "-" if group.against is None else ("SMALLER THAN SEED NOISE" if group.within_noise else "larger than seed noise")
        rows.append((", ".join(group.names), str(len(group.seeds)), f"{group.mean:.4f}", spread, against, reach, flag))
    title = f"seeds: {metric}, spread {noise.spread:.4f} with {noise.degrees} degrees of freedom"
    columns = ("same training, other seeds", "seeds", "mean", "spread", "difference", "seed noise", "the difference is")
    return [Table(title, columns, tuple(rows))]


def _short(text: str, longest: int = EXCERPT) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"
