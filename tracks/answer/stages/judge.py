"""Say what each step of an answer is worth on validation, with intervals."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "stages"))
import _here  # noqa: F401, I001  (it decides whose library runs)

from collections import Counter
from dataclasses import asdict

import click

from haechi.answering.answerer import Answerer
from haechi.answering.fitting import Labelled
from haechi.answering.gate import read_gates
from haechi.answering.judging import QUESTIONS, Judge, ablation, items, report, support
from haechi.answering.params import AnswerParams, GateParams
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
@options.file("--folds")
@options.file("--out")
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
    folds: Path,
    out: Path,
    metrics: Path,
) -> None:
    answering = load_section(settings, "answer", AnswerParams)
    costs = load_section(settings, "gate", GateParams)
    with locks.writing(out, metrics):
        answerer = Answerer(open_engine(model, corpus, params, details, mixture), answering, costs, None)
        pairs, turns = list(files.read_records(valid_pairs, Pair)), list(files.read_records(labelled, Labelled))
        asked = {query.query_id: query.query_text for query in files.read_records(probes, ProbeQuery)}
        found = items(answerer, pairs, turns, asked, costs)
        gates = read_gates(folds)
        by_kind, worth = ablation(Judge(answerer, gates, costs), found, answering)
        cited = support(answerer, [item for item in found if item.kind == QUESTIONS])
        text = report(by_kind, Counter(item.kind for item in found), worth, cited)
        files.write_text(out, text)
        rows = [{**asdict(one), "verdict": one.verdict} for one in worth]
        figures = {kind: [asdict(one) for one in intervals] for kind, intervals in by_kind.items()}
        files.write_json(metrics, {"figures": figures, "steps": rows, "citations": cited})
        progress.say(text)


run(main)
