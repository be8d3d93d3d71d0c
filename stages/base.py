"""Provide the base model: build the static one from the corpus, or point to another by name and weight hash."""

import _here  # noqa: F401, I001  (first: it decides whose library runs)

from pathlib import Path

import click

from haechi.runtime import files, locks, options, progress
from haechi.runtime.command import run
from haechi.static_model.make_base import make_base
from haechi.runtime.params import load_section
from haechi.static_model.params import ModelParams
from haechi.records.pair import Pair
from haechi.records.passage import Passage


@click.command(help=__doc__)
@options.file("--corpus")
@options.file("--train-pairs")
@options.folder("--out")
@options.file("--metrics")
@options.file("--details")
@options.params
def main(corpus: Path, train_pairs: Path, out: Path, metrics: Path, details: Path, params: Path) -> None:
    settings = load_section(params, "model", ModelParams)
    with locks.writing(out, metrics, details):
        texts = [p.text for p in files.read_records(corpus, Passage)]
        texts += [pair.query_text for pair in files.read_records(train_pairs, Pair)]  # the vocabulary of those who ask
        facts = make_base(texts, settings, out)
        files.write_json(details, facts)
        files.write_json(metrics, {"base": facts["base"], "hash": facts["hash"]})
        made = f"{facts['base']}: {facts['parameters']:,} parameters, {facts['dim']} wide"
        cut = ""
        if facts.get("filled"):
            cut = (
                f"{facts['filled']:,} of the texts fill the {facts['reads']} tokens that it reads, or go on beyond them; "
                "a lower preprocess.max_chars cuts passages finer."
            )
        progress.show_summary("base", f"{len(texts):,} texts", made, {}, cut)


run(main)
