"""What mining costs beside the models: near-duplicates, filters, choice, examples and the audit.

    python benchmarks/filters.py FOLDER

FOLDER holds what the pipeline built: data/processed, data/qa, data/testset, models/base. Tokens and vectors come through the row
store; their time is printed apart.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from haechi.corpus.duplicates import with_duplicates
from haechi.mining.audit import write_audit
from haechi.mining.mine import mine
from haechi.mining.params import MineParams
from haechi.mining.relevance import Corpus
from haechi.mining.stage import decisions_of, positives, queries_of, search_all
from haechi.models.load import load_encoder
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.records.question import Question
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import open_store
from haechi.runtime.files import read_json, read_records, write_jsonl
from haechi.runtime.params import load_section

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print wall and processor time of a block."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    print(f"{what}: {time.perf_counter() - wall:.1f} s, {time.process_time() - processor:.1f} s of processor", flush=True)


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def main(folder: Path) -> None:
    """Time one run, part by part."""
    logging.disable(logging.WARNING)
    params, bm25 = load_section(PARAMS, "mine", MineParams), load_section(PARAMS, "retrieval", RetrievalParams)
    corpus = list(read_records(folder / "data/processed/merged_corpus.jsonl", Passage))
    pairs, questions = folder / "data/processed/pairs_train.jsonl", folder / "data/qa/questions.jsonl"
    queries = queries_of(read_records(pairs, Pair), read_records(questions, Question))
    manifest = read_json(folder / "data/testset/manifest.json")
    reserved = with_duplicates(frozenset(manifest["reserved_articles"]) | frozenset(manifest["held_out_documents"]), corpus)
    print(f"{len(queries)} queries, {len(corpus)} passages")
    model = load_encoder(folder / "models/base")
    with timed("tokens, vectors and both searches"), open_store() as store:
        searched = search_all(queries, corpus, model, params, bm25, store)
    with timed("near-duplicates"):
        known = Corpus(corpus, reserved, decisions_of(queries))
        near = known.near_duplicates(positives(known, queries, params), params.near_duplicate)
    with timed("candidates, filters, choice, examples"):
        made = mine(queries, searched, known, near, params)
    with timed("other thresholds"):
        mine(
            queries, searched, known, near, replace(params, margin=0.8, skip_top=5, sampling_strategy="sampled", too_few="random")
        )
    with tempfile.TemporaryDirectory() as scratch:
        with timed("writing the examples"):
            write_jsonl(Path(scratch) / "train.jsonl", made.examples)
        with timed("writing the audit"):
            write_audit(Path(scratch), {"train": made}, known)
        sizes = ", ".join(f"{file.name} {file.stat().st_size / 1e6:.0f} MB" for file in sorted(Path(scratch).iterdir()))
    print(f"{len(made.candidates)} candidates; {sizes}")


if __name__ == "__main__":
    main()
