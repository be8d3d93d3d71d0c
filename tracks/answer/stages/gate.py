"""Fit the gate on labelled talk, everyday questions and validation questions, and judge it by folds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "stages"))
import _here  # noqa: F401, I001  (it decides whose library runs)

import click

from haechi.answering.answerer import Answerer
from haechi.answering.fitting import Labelled, by_folds, examples, figures
from haechi.answering.params import AnswerParams, GateParams
from haechi.answering.regression import fit
from haechi.evaluation.forgetting import ProbeQuery
from haechi.records.pair import Pair
from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.runtime.params import load_section
from haechi.serving.engine import open_engine


@click.command(help=__doc__)
@options.folder("--model")
@options.file("--corpus")
@options.file("--params")
@options.file("--details")
@options.file("--mixture")
@options.file("--settings")
@options.file("--labelled")
@options.file("--probes")
@options.file("--valid-pairs")
@options.file("--out")
@options.file("--folds")
@options.file("--metrics")
def main(
    model: Path,
    corpus: Path,
    params: Path,
    details: Path,
    mixture: Path,
    settings: Path,
    labelled: Path,
    probes: Path,
    valid_pairs: Path,
    out: Path,
    folds: Path,
    metrics: Path,
) -> None:
    answering = load_section(settings, "answer", AnswerParams)
    costs = load_section(settings, "gate", GateParams)
    with locks.writing(out, folds, metrics):
        engine = open_engine(model, corpus, params, details, mixture)
        turns = list(files.read_records(labelled, Labelled))
        asked = {query.query_id: query.query_text for query in files.read_records(probes, ProbeQuery)}
        found = examples(
            Answerer(engine, answering, costs, None), turns, asked, list(files.read_records(valid_pairs, Pair)), costs
        )
        made_of = {"model": engine.index.model}
        gates = by_folds(found, costs, made_of)
        told = figures(found, gates, costs, {turn.eval_id: turn.kind for turn in turns})
        files.write_json(out, fit(found, costs, made_of))
        files.write_json(folds, gates)
        files.write_json(metrics, told)
        progress.say(f"gate: {told['talk_caught']} of {told['talk']} turns of talk caught, by folds")
        progress.say(f"  missed: {progress.listed(told['talk_missed'])}")
        progress.say(f"  {told['false_skips']} of {told['questions']} questions skipped")
        progress.say(
            f"  {told['absent_refused']} of {told['absent']} questions without an answer here refused, "
            f"and {told['answerable_refused']} of {told['answerable']} that have one"
        )


run(main)
