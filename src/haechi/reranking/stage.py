"""Everything that train_reranker does where there is a base to train."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from sentence_transformers import CrossEncoder

from haechi.guards import status
from haechi.guards.params import GuardsParams
from haechi.inference.cached import Stored
from haechi.models.load import load_reranker_base, open_encoder
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.reranking.engine import advised, in_our_words, keep_best, train_reranker
from haechi.reranking.params import RerankerParams
from haechi.reranking.recipe import recipe_of
from haechi.reranking.validation import RerankValidation, drawn, found
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import open_store
from haechi.runtime.files import read_records
from haechi.runtime.progress import say
from haechi.scoring.names import HEADLINE
from haechi.training import trackers
from haechi.training.memory import statistics_of
from haechi.training.recipe import running
from haechi.training.resume import Work, hashes, resumable
from haechi.training.session import Listeners, TrainingInputs


def run_stage(  # wide: four sections of parameters and three places
    paths: Mapping[str, Path],
    params: RerankerParams,
    guards: GuardsParams,
    retrieval: RetrievalParams,
    unseen_weight: float,
    out: Path,
    details: Path,
) -> status.TrainingStatus:
    """Tune, keep the best of base and checkpoints, and say how it did."""
    recipe = recipe_of(params, guards)
    given = {**recipe.asdict(), "retrieval": asdict(retrieval), "unseen_weight": unseen_weight}
    names = trackers.trackers_named()
    with (
        in_our_words(),
        resumable(Work("train_reranker", given, hashes(paths), running())) as state,
        status.reporting(details, state.again) as report,
        trackers.tracking(names, given) as tracked,
        TemporaryDirectory() as scratch,
    ):
        validation = _validation(paths, params, retrieval, unseen_weight)
        before, reachable = round(validation.before[HEADLINE], 6), round(validation.reachable, 6)
        say(f"train: validation reranks {params.depth} articles, {before:.4f} as they come; {reachable:.0%} have all answers")
        mined, held_out = (list(read_records(paths[name], MinedExample)) for name in ("examples", "held_out"))
        inputs = TrainingInputs(_base(params), mined, validation, recipe, params.base, held_out)
        run = Path(scratch) / "run"
        ended = train_reranker(inputs, recipe, run, state=state, listeners=Listeners(report, statistics_of(out), tracked))
        ended = advised(keep_best(ended, run, lambda: _base(params), out))
    return replace(ended, validation={**ended.validation, "before": before, "reachable": reachable})


def _base(params: RerankerParams) -> CrossEncoder:
    torch.manual_seed(params.seed)  # a new head is drawn
    return load_reranker_base(params.base, params.max_length)


def _validation(
    paths: Mapping[str, Path], params: RerankerParams, retrieval: RetrievalParams, unseen_weight: float
) -> RerankValidation:
    asked = drawn(list(read_records(paths["valid_pairs"], Pair)), params.valid_queries)
    corpus = list(read_records(paths["corpus"], Passage))
    with open_store() as store:
        searcher, lists = found(asked, corpus, open_encoder(paths["encoder"]), Stored(store), retrieval, params.depth)
    return RerankValidation(asked, corpus, searcher, lists, unseen_weight)
