"""Score popularity, BM25, the untuned base, the tuned model and their hybrid on the frozen test set."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from dataclasses import asdict, replace
from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.evaluation.forgetting import load_probes
from haechi.evaluation.inputs import Inputs, heads_of, load_mixed, load_others, named_sources, open_reranker
from haechi.evaluation.key_figures import key_figures
from haechi.evaluation.stage import evaluate
from haechi.models.load import folder_hash, name_of, open_encoder, weight_hash
from haechi.models.released import refuse_released
from haechi.evaluation.params import EvaluateParams
from haechi.fusion.params import FusionParams
from haechi.runtime.params import load_section
from haechi.retrieval.params import RetrievalParams
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.inference.cached_reranker import Reranker
from haechi.inference.cached import Stored
from haechi.reranking.gate import cost, sentence
from haechi.scoring.names import BASE, TUNED
from haechi.rowstore.store import open_store
from haechi.testset.manifest import load_testset


@click.command(help=__doc__)
@options.folder("--encoder")
@options.folder("--base")
@options.file("--corpus")
@options.file("--train-pairs")
@options.file("--valid-pairs")
@options.file("--on-new")
@options.folder("--testset")
@options.folder("--probes")
@options.folder("--runs")
@options.folder("--plots")
@options.file("--per-query")
@options.file("--metrics")
@options.file("--details")
@options.file("--mixture")
@options.params
def main(
    encoder: Path,
    base: Path,
    corpus: Path,
    train_pairs: Path,
    valid_pairs: Path,
    on_new: Path,
    testset: Path,
    probes: Path,
    runs: Path,
    plots: Path,
    per_query: Path,
    metrics: Path,
    details: Path,
    mixture: Path,
    params: Path,
) -> None:
    settings = load_section(params, "evaluate", EvaluateParams)
    retrieval = load_section(params, "retrieval", RetrievalParams)
    fusion = load_section(params, "fusion", FusionParams)
    with locks.writing(runs, plots, per_query, metrics, details, mixture):
        frozen = load_testset(testset)
        scored = [encoder, name_of(base), *(source for _, source in named_sources(settings.others)), *fusion.encoders]
        refuse_released(scored, frozen.fingerprint, [query.query_text for query in frozen.queries])
        mixed, missing = load_mixed(fusion.encoders, fusion.max_length)
        inputs = Inputs(
            encoder=open_encoder(encoder),
            base=open_encoder(base),
            encoder_hash=folder_hash(encoder),
            corpus=list(files.read_records(corpus, Passage)),
            train_pairs=list(files.read_records(train_pairs, Pair)),
            valid_pairs=list(files.read_records(valid_pairs, Pair)),
            testset=frozen,
            probes=load_probes(probes),
            others=load_others(settings.others),
            heads=heads_of(encoder),
            on_new=list(files.read_records(on_new, Question)),
            mixed=mixed,
            missing=missing,
            hashes={
                TUNED: folder_hash(encoder),
                BASE: folder_hash(base),
                **{name: weight_hash(model)[:16] for name, model in mixed.items()},
                "corpus": files.sha256_file(corpus)[:16],
                "params": files.sha256_value(asdict(fusion) | asdict(retrieval))[:16],
            },
            places={BASE: str(base), **{name: name for name in mixed}},
        )
        judge = open_reranker(settings.reranker, settings.rerank_length)
        with open_store() as store:
            reranker = Reranker(judge, store) if judge else None
            if judge and reranker:
                inputs = replace(inputs, reranker=reranker.logits, reranker_hash=weight_hash(judge)[:16])
            found = evaluate(inputs, settings, retrieval, fusion, Stored(store))
        if reranker:
            said = found.evaluation.reranker
            progress.say(f"evaluate: {sentence(said).en}{cost(said, reranker.made, reranker.seconds)}")
        found.write(inputs, runs, plots, per_query, details, mixture)
        files.write_json(metrics, key_figures(found.evaluation))
        progress.show_summary(
            "evaluate",
            f"{len(found.rows):,} test queries, {len(inputs.corpus):,} passages",
            f"ranks of {', '.join(found.runs)} in {per_query}",
            {},
        )


run(main)
