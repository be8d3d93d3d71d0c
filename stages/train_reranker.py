"""Tune a cross-encoder on the mined examples to rerank what search finds; off where reranker.base is empty."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.guards.params import GuardsParams
from haechi.guards.status import write_status
from haechi.guards.summary import key_figures, summary
from haechi.reranking.params import RerankerParams
from haechi.retrieval.params import RetrievalParams
from haechi.runtime.params import load_section, load_value
from haechi.selection.params import SelectParams


@click.command(help=__doc__)
@options.file("--examples")
@options.file("--held-out")
@options.file("--valid-pairs")
@options.file("--corpus")
@options.folder("--encoder")
@options.folder("--out")
@options.file("--metrics")
@options.file("--details")
@options.params
def main(
    examples: Path,
    held_out: Path,
    valid_pairs: Path,
    corpus: Path,
    encoder: Path,
    out: Path,
    metrics: Path,
    details: Path,
    params: Path,
) -> None:
    settings = load_section(params, "reranker", RerankerParams)
    guards = load_section(params, "guards", GuardsParams)
    retrieval = load_section(params, "retrieval", RetrievalParams)
    unseen_weight = load_value(params, "select.unseen_weight", SelectParams)
    with locks.writing(out, metrics, details):
        if not settings.base:
            with files.atomic_folder(out) as folder:
                files.write_json(folder / "off.json", {"reranker.base": ""})
            for file in (metrics, details):
                files.write_json(file, {"state": "off"})
            progress.say("train_reranker: off, since reranker.base names no model")
            return

        from haechi.reranking.stage import run_stage  # torch, where there is something to train

        paths = {"examples": examples, "held_out": held_out, "valid_pairs": valid_pairs, "corpus": corpus, "encoder": encoder}
        ended = run_stage(paths, settings, guards, retrieval, unseen_weight, out, details)
        write_status(details, ended)
        files.write_json(metrics, key_figures(ended) | {"validation": ended.validation})
        progress.show_summary("train_reranker", *summary(ended))


run(main)
