"""Draws every chart of a run, and gives the table that `dvc plots` draws it from.

A chart is a function of what was found; it gives None where its data are missing. Texts in pictures go through `Say`,
which remembers the Korean of each, so one SVG serves both languages.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from haechi.guards.history import HistoryRow
from haechi.report import style, translations
from haechi.report.inputs import Results
from haechi.report.slices import Slice
from haechi.report.style import FAINT, GAIN, INK, LOSS, SERIES, TIE, WIDTH, Picture, Say, colour
from haechi.scoring.facets import SMALLEST
from haechi.scoring.names import BASE, BM25, HEADLINE, HYBRID, TUNED, shown

SHOWN_LAWS = 7
"""Laws with a colour of their own on the map: as many as eyes can distinguish."""


def systems(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Headline metric of each system with its interval."""
    scores = results.evaluation
    if not scores:
        return None
    names = shown(scores.primary)
    rows = [
        (name, scores.primary[name][HEADLINE], *(scores.interval[name][HEADLINE][end] for end in ("low", "high")))
        for name in names
    ]
    figure, axes = _axes(height=0.7 + 0.42 * len(rows))
    for place, (name, value, low, high) in enumerate(rows):
        axes.barh(place, value, color=colour(name), height=0.62, alpha=0.9)
        axes.plot([low, high], [place, place], color=INK, linewidth=1.6)
        axes.text(high + 0.012, place, f"{value:.3f}", va="center", fontsize=9.5)
    axes.set_yticks(range(len(rows)), [say.words(translations.system(name)) for name in names])
    axes.invert_yaxis()
    axes.set_xlim(0, min(1.0, max(row[3] for row in rows) + 0.12))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(say("nDCG@10 (1 = every right answer on top)", "nDCG@10 (1 = 정답이 모두 최상위)"))
    return Picture(figure, ("system", HEADLINE, "low", "high"), rows)


def recall(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Recall at k of each system."""
    scores = results.evaluation
    if not scores:
        return None
    names = shown(scores.primary)
    ks = sorted(int(name.partition("@")[2]) for name in scores.primary[names[0]] if name.startswith("recall@"))
    figure, axes = _axes(height=3.6)
    for name, marker in zip(names, "soD^vPX*ph" * 4, strict=False):
        values = [scores.primary[name][f"recall@{k}"] for k in ks]
        axes.plot(ks, values, marker=marker, markersize=5, color=colour(name), label=say.words(translations.system(name)))
    axes.set_xscale("log")
    axes.set_xticks(ks, [str(k) for k in ks])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set(xlabel=say("first k results", "상위 k개"), ylabel=say("share of right answers found", "찾은 정답의 비율"))
    figure.legend(loc="outside right upper")
    return Picture(figure, ("k", *names), [(k, *(scores.primary[name][f"recall@{k}"] for name in names)) for k in ks])


def training(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Loss and validation over the steps."""
    steps = [row for row in results.history if "loss" in row.figures]
    checks = [row for row in results.history if f"valid_{HEADLINE}" in row.figures]
    if not steps and not checks:
        return None
    figure, (left, right) = style.pyplot().subplots(1, 2, figsize=(WIDTH, 2.8), layout="constrained")
    left.plot([row.step for row in steps], [row.figures["loss"] for row in steps], color=colour(TUNED))
    right.plot(
        [row.step for row in checks],
        [row.figures[f"valid_{HEADLINE}"] for row in checks],
        marker="o",
        markersize=4,
        color=colour(HYBRID),
    )
    chosen = _step(str(results.stage("select").get("chosen", "")))
    if chosen is not None:
        for axes in (left, right):
            axes.axvline(chosen, color=LOSS, linestyle="--", linewidth=1.2)
        right.annotate(
            say("chosen", "선택"),
            (chosen, 0.03),
            xycoords=("data", "axes fraction"),
            xytext=(5, 0),
            textcoords="offset points",
            fontsize=9,
            color=LOSS,
        )
    left.set(xlabel=say("step", "스텝"), title=say("Training loss", "학습 손실"))
    right.set(xlabel=say("step", "스텝"), title=say("nDCG@10 on validation", "검증 nDCG@10"))
    right.set_ylim(bottom=0)
    rows = [(step, of.get("loss", ""), of.get(f"valid_{HEADLINE}", "")) for step, of in _by_step(results.history)]
    return Picture(figure, ("step", "loss", HEADLINE), rows)


def rate(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Learning rate and gradient norm over the steps; of a triplet loss, the share of active triplets too."""
    titles = {
        "learning_rate": (say("Learning rate", "학습률"), colour(BM25)),
        "grad_norm": (say("Gradient norm (log)", "기울기 크기 (로그)"), SERIES[3]),
        "active_triplets": (say("Active triplets", "활성 트리플릿의 비율"), colour(TUNED)),
    }
    given = {key: [(row.step, row.figures[key]) for row in results.history if key in row.figures] for key in titles}
    shown = [key for key in titles if given[key] or key != "active_triplets"]
    if not any(given.values()):
        return None
    figure, panels = style.pyplot().subplots(1, len(shown), figsize=(WIDTH, 2.6), layout="constrained")
    for axes, key in zip(panels, shown, strict=True):
        title, shade = titles[key]
        axes.plot([step for step, _ in given[key]], [value for _, value in given[key]], color=shade)
        axes.set(xlabel=say("step", "스텝"), title=title)
        if key == "grad_norm" and any(value and value > 0 for _, value in given[key]):
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.minorticks_off()
    columns = tuple(shown)
    rows = [
        (row.step, *(row.figures.get(key, "") for key in columns))
        for row in results.history
        if any(key in row.figures for key in columns)
    ]
    return Picture(figure, ("step", *columns), rows)


def by_slice(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Untuned, BM25 and tuned per slice, the tuned one with its interval."""
    kept = [s for s in slices if s.n >= SMALLEST and s.name.partition("/")[0] not in ("year", "passage_length", "query_length")]
    if not kept:
        return None
    figure, axes = _axes(height=0.9 + 0.27 * len(kept))
    for system, marker, size in ((BASE, "D", 22), (BM25, "s", 26), (TUNED, "o", 44)):
        points = [(s.means[system], place) for place, s in enumerate(kept) if system in s.means]
        axes.scatter(*zip(*points, strict=True), marker=marker, s=size, color=colour(system), zorder=3, label=system)
    for place, s in enumerate(kept):
        axes.plot([s.low, s.high], [place, place], color=colour(TUNED), linewidth=2, alpha=0.55)
    axes.set_yticks(range(len(kept)), [_short(say, s) for s in kept], fontsize=8.5)
    axes.set_ylim(len(kept) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(say("nDCG@10; line: interval of the tuned model", "nDCG@10, 선은 학습한 모델의 신뢰구간"))
    marks = axes.get_legend_handles_labels()[0]
    labels = [say.words(translations.system(name)) for name in (BASE, BM25, TUNED)]
    figure.legend(marks, labels, loc="outside upper center", ncols=3)
    rows = [(s.name, s.n, s.means.get(BASE, ""), s.means.get(BM25, ""), s.means[TUNED], s.low, s.high) for s in slices]
    return Picture(figure, ("slice", "n", BASE, BM25, TUNED, "low", "high"), rows)


def gains(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Gain or loss of each query against the untuned model, sorted."""
    gaps = sorted(_gaps(results), key=lambda gap: (-gap[1], gap[0]))
    if not gaps:
        return None
    values = np.array([value for _, value in gaps])
    figure, axes = _axes(height=2.9)
    shades = np.where(values > 1e-12, GAIN, np.where(values < -1e-12, LOSS, TIE))
    for shade in (GAIN, TIE, LOSS):
        at = np.flatnonzero(shades == shade)
        if len(at):
            axes.fill_between(at, values[at], step="mid", color=shade, linewidth=0 if shade != TIE else 1)
    up, down = int((values > 1e-12).sum()), int((values < -1e-12).sum())
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.set(xlim=(-1, len(values)), ylim=(-1.05, 1.05))
    axes.set_xlabel(say("test queries, from largest gain to largest loss", "평가 질의 (가장 나아진 것부터 가장 나빠진 것까지)"))
    axes.set_ylabel(say("change in nDCG@10", "nDCG@10 변화"))
    told = (
        (0.98, GAIN, say(f"{up} better", f"{up}개 나아짐")),
        (0.88, FAINT, say(f"{len(values) - up - down} as before", f"{len(values) - up - down}개 그대로")),
        (0.78, LOSS, say(f"{down} worse", f"{down}개 나빠짐")),
    )
    for height, shade, text in told:
        axes.text(0.99, height, text, transform=axes.transAxes, color=shade, ha="right", va="top", fontsize=10.5)
    rows = [(place, query, round(value, 6)) for place, (query, value) in enumerate(gaps, start=1)]
    return Picture(figure, ("place", "query", "gain"), rows)


def scores(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """How the scores of positives and of mined negatives are spread."""
    table = results.tables.get("mine/scores.csv")
    if not table:
        return None
    at = [float(row["score"]) for row in table]
    width = at[1] - at[0] if len(at) > 1 else 1.0
    edges = [at[0] - width / 2, *(a + width / 2 for a in at)]
    figure, axes = _axes(height=2.7)
    for key, shade, label in (
        ("positives", GAIN, say("positives", "정답")),
        ("negatives", colour(BM25), say("negatives", "하드 네거티브")),
    ):
        axes.stairs([float(row[key]) for row in table], edges, fill=True, alpha=0.55, color=shade, label=label)
    axes.set(xlabel=say("score before training", "학습 전 점수"), ylabel=say("share", "비율"))
    axes.legend()
    return Picture(
        figure, ("score", "positives", "negatives"), [(r["score"], float(r["positives"]), float(r["negatives"])) for r in table]
    )


def abstention(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """What a threshold on the best score answers and refuses."""
    if not (table := results.tables.get("evaluate/gating.csv")):
        return None
    figure, axes = _axes(height=2.9)
    at = [float(row["threshold"]) for row in table]
    answered, refused = say("legal queries answered", "답한 법률 질의"), say("everyday questions refused", "거절한 일상 질문")
    axes.plot(at, [float(row["answered"]) for row in table], color=GAIN, label=answered)
    axes.plot(at, [float(row["refused"]) for row in table], color=LOSS, linestyle="--", label=refused)
    chosen = results.evaluation.gating.get("threshold")
    if chosen is not None:
        axes.axvline(chosen, color=FAINT, linewidth=1.2, linestyle=":")
    axes.set(xlabel=say("least score for an answer", "답을 내는 최소 점수"), ylabel=say("share", "비율"), ylim=(-0.02, 1.02))
    figure.legend(loc="outside upper center", ncols=2)
    return Picture(
        figure,
        ("threshold", "answered", "refused"),
        [(r["threshold"], float(r["answered"]), float(r["refused"])) for r in table],
    )


def rerank_depth(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """What reranking gains on validation the more articles it sees."""
    if not (depths := results.evaluation.reranker.get("depths")):
        return None
    figure, axes = _axes(height=2.9)
    points = [(int(depth), value) for depth, value in depths.items()]
    axes.plot(*zip(*points, strict=True), color=GAIN, marker="o")
    axes.set(xlabel=say("articles reranked", "재순위화한 조문 수"), ylabel=say("validation ndcg@10", "검증 ndcg@10"))
    return Picture(figure, ("depth", "ndcg@10"), points)


def questions(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Written questions beside real ones: length, style, words shared with their passage, and how soon BM25 finds that."""
    table, told = results.tables.get("generate_qa/lengths.csv"), results.stage("generate_qa").get("report", {})
    if not table:
        return None
    figure, ((lengths, overlaps), (ranks, styles)) = style.pyplot().subplots(
        2, 2, figsize=(WIDTH, 4.9), layout="constrained", gridspec_kw={"width_ratios": [3, 2]}
    )
    names = [name for name in table[0] if name != "chars"]
    at = [int(row["chars"]) for row in table]
    edges = [*at, at[-1] + (at[1] - at[0] if len(at) > 1 else 1)]
    for name, shade, line in zip(names, SERIES, ("-", "--", ":", "-.") * 4, strict=False):
        label = say.words(translations.known(translations.LENGTHS, name))
        lengths.stairs(
            [float(r[name]) for r in table], edges, baseline=None, color=shade, linestyle=line, linewidth=1.8, label=label
        )
    share = say("share", "비율")
    lengths.set(xlabel=say("characters", "글자 수"), ylabel=share, title=say("Length", "길이"))
    lengths.legend()
    for axes, key, title in (
        (overlaps, "overlap", say("Words shared with the passage", "청크와 겹치는 단어")),
        (styles, "share", say("Style", "형식")),
    ):
        shares = {name: value for name, value in told.get(key, {}).items() if name != "all"}
        styled = [say.words(translations.known(translations.QUESTION_STYLES, name)) for name in shares]
        axes.barh(styled, list(shares.values()), color=SERIES[4])
        axes.set(xlim=(0, 1), xlabel=share, title=title)
        axes.grid(visible=False, axis="y")
    places = {name.partition("_")[2]: value for name, value in told.get("bm25_rank", {}).items()}
    places = dict(sorted(places.items(), key=lambda place: int(place[0])))
    ranks.bar(list(places), list(places.values()), width=0.62, color=SERIES[1])
    ranks.set(ylim=(0, 1), xlabel=say("first k results", "상위 k개"), ylabel=share)
    ranks.set_title(say("Passage found by BM25", "BM25가 출처 청크를 찾음"))
    ranks.grid(visible=False, axis="x")
    return Picture(figure, ("chars", *names), [(int(r["chars"]), *(float(r[name]) for name in names)) for r in table])


def mining(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """What became of every candidate for a negative."""
    told = results.stage("mine").get("train", {})
    if not told:
        return None
    fates = {"chosen": told.get("negatives", {}).get("kept", 0), "spare": told.get("spare", 0), **told.get("dropped", {})}
    rows = sorted(((name, count) for name, count in fates.items() if count), key=lambda row: (-row[1], row[0]))
    if not rows:
        return None
    figure, axes = _axes(height=0.7 + 0.36 * len(rows))
    for place, (name, count) in enumerate(rows):
        axes.barh(place, count, color=GAIN if name == "chosen" else TIE, height=0.65)
        axes.text(count * 1.08, place, f"{count:,}", va="center", fontsize=9)
    axes.set_yticks(range(len(rows)), [say.words(translations.known(translations.FATES, name)) for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.minorticks_off()
    axes.set_xlim(0.8, max(count for _, count in rows) * 6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(say("candidates (log scale)", "후보 수 (로그 눈금)"))
    return Picture(figure, ("fate", "candidates"), rows)


def selection(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Validation score of each candidate with its interval, and which was chosen."""
    told = results.stage("select")
    candidates = told.get("candidates", {})
    if not candidates:
        return None
    ranked = sorted(candidates, key=lambda name: (-candidates[name]["score"], name))
    columns = ("score", "low", "high")
    rows = [(name, *(float(candidates[name][column]) for column in columns)) for name in ranked]
    figure, axes = _axes(height=0.8 + 0.38 * len(rows))
    furthest = max(high for *_, high in rows)
    for place, (name, value, low, high) in enumerate(rows):
        taken = name == told.get("chosen")
        axes.barh(place, value, color=GAIN if taken else TIE, height=0.62)
        axes.plot([low, high], [place, place], color=INK, linewidth=1.6)
        text = say(f"{value:.3f}  chosen", f"{value:.3f}  선택") if taken else f"{value:.3f}"
        axes.text(high + furthest * 0.015, place, text, va="center", fontsize=9)
    axes.set_yticks(
        range(len(rows)),
        [say.words(translations.system(name) if name == BASE else translations.candidate(name)) for name in ranked],
    )
    axes.invert_yaxis()
    axes.set_xlim(0, furthest * 1.25 or 1)
    axes.grid(visible=False, axis="y")
    metric = told.get("metric", HEADLINE)
    axes.set_xlabel(say(f"{metric} on validation, with intervals", f"검증 {metric}와 신뢰구간"))
    return Picture(figure, ("candidate", *columns), rows)


def passage_map(results: Results, slices: Sequence[Slice], say: Say) -> Picture | None:
    """Passages on a plane, before and after, by law."""
    table = results.tables.get("evaluate/map.csv")
    if not table:
        return None
    laws: dict[str, int] = {}
    for row in table:
        laws[row["law"]] = laws.get(row["law"], 0) + 1
    first = [law for law, _ in sorted(laws.items(), key=lambda law: (-law[1], law[0])) if law][:SHOWN_LAWS]
    figure, panels = style.pyplot().subplots(1, 2, figsize=(WIDTH, 4.7), layout="constrained")
    sides = ((BASE, panels[0]), (TUNED, panels[1]))
    for model, axes in sides:
        for number, law in [(-1, ""), *enumerate(first)]:
            rows = [row for row in table if (row["law"] == law if number >= 0 else row["law"] not in first)]
            axes.scatter(
                [float(row[f"{model}_x"]) for row in rows],
                [float(row[f"{model}_y"]) for row in rows],
                s=13,
                marker="osD^vPX*"[number] if number >= 0 else ".",
                color=SERIES[number] if number >= 0 else TIE,
                linewidths=0,
                label=law if number >= 0 else say("others", "그 밖"),
                zorder=3 if number >= 0 else 2,
            )
        axes.set_title(say.words(translations.system(model)))
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8.5)
    columns = tuple(table[0])
    return Picture(figure, columns, [tuple(row[column] for column in columns) for row in table])


def _axes(height: float) -> tuple[Any, Any]:
    figure, axes = style.pyplot().subplots(figsize=(WIDTH, height), layout="constrained")
    return figure, axes


def _step(checkpoint: str) -> int | None:
    """The step that a checkpoint is named by."""
    number = checkpoint.rpartition("-")[2]
    return int(number) if checkpoint.startswith("step-") and number.isdigit() else None


def _by_step(history: Sequence[HistoryRow]) -> list[tuple[int, dict[str, Any]]]:
    """Step -> the figures of its rows together, of the log and of validation."""
    rows: dict[int, dict[str, Any]] = {}
    for row in history:
        rows.setdefault(row.step, {}).update(row.figures)
    return sorted(rows.items())


def _gaps(results: Results) -> list[tuple[str, float]]:
    """Change of the headline metric of each headline query."""
    from haechi.scoring.score_queries import values

    rows = [row for row in results.rows if row.headline and {BASE, TUNED} <= row.ranks.keys()]
    if not rows:
        return []
    scored = values(rows, [BASE, TUNED], (10,))[HEADLINE]
    return [(row.query_id, float(after - before)) for row, (before, after) in zip(rows, scored, strict=True)]


def _short(say: Say, s: Slice) -> str:
    """A slice's name and size, cut to fit: a Hangul syllable is as wide as two letters."""
    en, ko = (f"{_cut(name, 44)} ({s.n})" for name in translations.slice_name(s.name))
    return say(en, ko)


def _cut(text: str, columns: int) -> str:
    wide = 0
    for place, letter in enumerate(text):
        wide += 2 if letter >= "\u1100" else 1
        if wide > columns:
            return text[:place] + "…"
    return text
