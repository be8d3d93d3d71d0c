"""Everything that select does between reading and writing.

Test data are never read here: candidates are compared on validation queries alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from haechi.export.formats import add_forms, require
from haechi.guards.history import read_history
from haechi.models.load import folder_hash, folder_of, name_of, save_again
from haechi.models.m3_heads import copy_heads, has_heads
from haechi.records.pair import Slice
from haechi.records.validated import ValidatedQuery
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder
from haechi.scoring.significance import Resampler
from haechi.scoring.validation import Validation
from haechi.selection.choose import BASE, Candidate, Choice, choose
from haechi.selection.merges import MergeBuilder
from haechi.selection.params import SelectParams
from haechi.selection.ranking import Ranking, rank, results_of
from haechi.selection.scorer import ModelScorer
from haechi.selection.sweet_spot import Spot, find_spot

AVERAGE, HISTORY = "average", "history.jsonl"


@dataclass(frozen=True)
class Selected:
    """What select found."""

    candidates: tuple[Candidate, ...]
    ranking: Ranking
    choice: Choice
    spot: Spot | None
    optimism: float
    """How much the best of all scored models owes to having been chosen on these queries."""
    scored: int
    encoder: str
    metric: str
    rows: tuple[ValidatedQuery, ...]
    """The chosen model, query by query."""
    slices: Mapping[str, Mapping[Slice, float]]
    """Candidate -> slice -> ndcg@10; empty where validation has one slice only."""
    unseen_weight: float
    exported: Mapping[str, float]
    """Forms for other runtimes, and how far their vectors lie from the model's own at most, as a share of a vector's length."""

    @property
    def corrected(self) -> float:
        """The chosen model's figure, less that; the base was not chosen for its figure."""
        score = self.ranking[self.choice.name].score
        return score if self.choice.name == BASE else score - self.optimism


def select(run: Path, base: Path, validation: Validation, out: Path, params: SelectParams) -> Selected:
    """Score the base, all checkpoints and their merges, and save the winner."""
    require(params.export)
    checkpoints = {folder.name: folder for folder in sorted((run / "checkpoints").glob("step-*"))}
    if not checkpoints:
        raise HaechiError(f"{run}: holds no checkpoint; run the train stage")
    spot = find_spot(read_history(run / HISTORY), params, run / HISTORY) if params.voters else None
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.", suffix=".tmp") as place:
        scratch = Path(place)
        folders = {BASE: whole_base(base, scratch / BASE, with_heads=all(map(has_heads, checkpoints.values()))), **checkpoints}
        if (run / "checkpoints" / AVERAGE).is_dir():
            folders[AVERAGE] = run / "checkpoints" / AVERAGE
        scorer = ModelScorer(validation)
        builder = MergeBuilder(folders, scorer, params.metric, scratch)
        candidates = _candidates(builder, list(checkpoints), params, averaged=AVERAGE in folders)
        sample = Resampler(scorer.groups, params.resamples, params.confidence, params.seed)
        columns = {one.name: scorer.column(one.name, params.metric) for one in candidates}
        voted = spot.checkpoint(list(checkpoints)) if spot else ""
        choice = choose(candidates, columns, sample, params, voted)
        everything = np.stack([scorer.column(name, params.metric) for name in sorted(scorer.places)], axis=1)
        with atomic_folder(out) as whole:
            if choice.name in folders:
                save_again(folders[choice.name], whole)
                copy_heads(_source(base) if choice.name == BASE else folders[choice.name], whole)
            else:
                builder.make(choice.name, whole)
            texts = [passage.text for passage in validation.corpus]
            exported = add_forms(whole, params.export, texts, params.seed) if params.export else {}
    return Selected(
        tuple(candidates),
        rank(columns, sample),
        choice,
        spot,
        sample.optimism(everything),
        len(scorer.places),
        folder_hash(out),
        params.metric,
        tuple(results_of(scorer.places[choice.name], validation)),
        {one.name: slices for one in candidates if (slices := scorer.slices(one.name))},
        params.unseen_weight,
        exported,
    )


def _candidates(builder: MergeBuilder, checkpoints: Sequence[str], params: SelectParams, *, averaged: bool) -> list[Candidate]:
    """All of them, scored: what training left, then what can be made of it, the simpler before the more elaborate."""
    candidates = [Candidate(BASE, "base", {BASE: 1.0})]
    candidates += [Candidate(name, "checkpoint", {name: 1.0}) for name in checkpoints]
    if params.min_gain < 0:  # an update takes a checkpoint
        averaged, params = False, replace(params, soups=(), interpolations=(), crossover=0)
    candidates += [Candidate(AVERAGE, "average", {AVERAGE: 1.0})] if averaged else []
    scores = {one.name: builder.score(one.name) for one in candidates}
    best = max(checkpoints, key=scores.__getitem__)
    soups = {"uniform": builder.uniform, "greedy": builder.greedy}
    for kind in params.soups:
        candidates += [one for one in soups[kind](checkpoints) if one.parts not in [other.parts for other in candidates]]
    candidates += builder.between(best, params.interpolations)
    return candidates + (builder.crossover(checkpoints, params.crossover) if params.crossover else [])


def whole_base(base: Path, place: Path, *, with_heads: bool) -> Path:
    """The base as a folder with weights, also where it only points to a model of the hub.

    Its further heads come along where training has tuned them: they are mixed with those of the checkpoints, or not at all.
    """
    if not name_of(base):
        return base
    save_again(base, place)
    if with_heads:
        copy_heads(_source(base), place)
    return place


def _source(base: Path) -> Path:
    return folder_of(name) if (name := name_of(base)) else base


def facts_of(selected: Selected) -> dict[str, Any]:
    """All figures of select."""
    facts: dict[str, Any] = {
        "chosen": selected.choice.name,
        "why": selected.choice.why.en,
        "why_ko": selected.choice.why.ko,
        "metric": selected.metric,
        "encoder": selected.encoder,
        "queries": len(selected.rows),
        "validation": {model.name: _round(model.score) for model in selected.ranking.models},
        "candidates": {one.name: _candidate(one, selected) for one in selected.candidates},
        "scored": selected.scored,
        "optimism": _round(selected.optimism),
        "corrected": _round(selected.corrected),
    }
    if selected.slices:
        sizes = Counter(row.slice for row in selected.rows)
        facts["slices"] = {name: {"n": sizes[name], **_scores(selected, name)} for name in selected.slices[BASE]}
        facts["unseen_weight"] = selected.unseen_weight
    if selected.exported:
        facts["export"] = {form: {"difference": float(f"{off:.1g}")} for form, off in selected.exported.items()}
    return facts | ({"sweet_spot": selected.spot.facts()} if selected.spot else {})


def key_figures(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in metrics/select.json: the few of them that people and sweeps compare."""
    scores = {BASE: facts["validation"][BASE], "chosen": facts["validation"][facts["chosen"]]}
    slices = {name: one[facts["chosen"]] for name, one in facts.get("slices", {}).items()}
    kept = {name: facts[name] for name in ("chosen", "metric", "encoder")}
    return kept | {"validation": scores} | ({"slice": slices} if slices else {})


def _scores(selected: Selected, name: Slice) -> dict[str, float | None]:
    return {candidate: _round(slices[name]) for candidate, slices in selected.slices.items()}


def _candidate(one: Candidate, selected: Selected) -> Mapping[str, Any]:
    model = selected.ranking[one.name]
    gap = selected.choice.gaps.get(one.name)
    return {
        "kind": one.kind,
        "parts": {name: _round(part) for name, part in one.parts.items()},
        "score": _round(model.score),
        "low": _round(model.low),
        "high": _round(model.high),
        "places": [model.first, model.last],
        "against_single": {"value": _round(gap.value), "error": _round(gap.error)} if gap else None,
    }


def _round(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
