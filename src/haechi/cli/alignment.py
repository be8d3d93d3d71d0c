"""`haechi alignment`: does training resemble what is evaluated?"""

from pathlib import Path

import click

from haechi.cli.project import Command
from haechi.comparison.alignment import FAR, align
from haechi.records.mined import MinedExample
from haechi.records.passage import Passage
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_records
from haechi.runtime.progress import say, show_table
from haechi.testset.manifest import load_testset

EXAMPLES, CORPUS, TESTSET = "data/mined/train.jsonl", "data/processed/merged_corpus.jsonl", "data/testset"
MOST = 3


@click.command(cls=Command)
def alignment() -> None:
    """Do the mined examples resemble the test set, and is nothing held out among them?

    Worth a look before training. Something held out among the examples is an error.
    """
    root = Path()
    testset = load_testset(root / TESTSET)
    corpus = list(read_records(root / CORPUS, Passage))
    held_out = frozenset(testset.manifest.reserved_articles) | frozenset(testset.manifest.held_out_documents)
    found = align(list(read_records(root / EXAMPLES, MinedExample)), testset.queries, corpus, held_out)
    rows = []
    for facet in found.facets:
        apart = sorted(
            facet.train.keys() | facet.test.keys(), key=lambda v: -abs(facet.train.get(v, 0.0) - facet.test.get(v, 0.0))
        )
        told = "; ".join(f"{v}: {facet.train.get(v, 0.0):.0%} against {facet.test.get(v, 0.0):.0%}" for v in apart[:MOST])
        rows.append((facet.name, f"{facet.divergence:.3f}", "look" if facet.divergence > FAR else "ok", told))
    show_table("training against test", ("facet", "divergence (bits)", "", "most apart: training against test"), rows)
    if found.broken:
        more = f", and {len(found.broken) - 1} more" if len(found.broken) > 1 else ""
        raise HaechiError(f"alignment: {found.broken[0]}{more}")
    say("No test query and nothing held out stands among the training examples.")
