"""Mining beside the peers: the same models, pairs, candidates and machine, one run after the other.

    python benchmarks/mining.py FOLDER [--queries 800] [--passages 6000] [--width 256] [--rounds 1] [--model CROSS] [--dense-only]

FOLDER holds what the pipeline built: data/processed and models/base, the dense model of all. The cross-encoder is a BERT of
four layers, trained here for some minutes on the training pairs that are not asked (once, if --model names a folder to keep
it in): with random weights the scores of a query's candidates lie so close that no rounding leaves their order.
Candidates are the first 50 of the dense model, so that sentence-transformers' `mine_hard_negatives` can do the same work;
every pair goes through in order of length once more, alone, as the least that any method needs. FlagEmbedding's `hn_mine` is
not in its wheel: its recipe (encode, FAISS, draw from ranks 10 to 210) is written out here. Seconds are those of the
processor, all threads together, the compiled model's among them: with OMP_NUM_THREADS=1 and HAECHI_WORKERS=1 they hardly
depend on what else the machine does.
"""

import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from cross_encoder import train_cross_encoder

from haechi.inference import openvino
from haechi.inference.cached_reranker import Reranker
from haechi.mining.filters import KNOWLEDGE
from haechi.mining.mine import Advice, Mined, mine
from haechi.mining.params import MineParams
from haechi.mining.relevance import Corpus, Query
from haechi.mining.stage import search_all
from haechi.models.load import load_encoder
from haechi.models.tokenize import Reader
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import Store, open_store
from haechi.runtime.files import read_records
from haechi.runtime.params import load_section

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
WITHOUT = frozenset(KNOWLEDGE) - {"positive"}  # the peers know nothing of articles, twins and citations
DEPTH, NEGATIVES = 50, 7
LENGTH = 512
PARTS = ("forward", "compiled", "compiling", "tokens")
COMPILED = openvino.compiled
BITS: tuple[openvino.Bits, ...] = ("int8", "bf16")


@dataclass
class Clock:
    """Processor seconds: all of them, and those within the model, its compiled stand-in, compiling and reading texts."""

    whole: float = 0.0
    spent: Counter[str] = field(default_factory=Counter)
    running: set[str] = field(default_factory=set)

    @contextmanager
    def on(self, model: Any) -> Iterator[None]:
        """Watch a model for the length of a block."""
        started: list[float] = []
        hooks = [
            model[0].register_forward_pre_hook(lambda *_: started.append(time.process_time())),
            model[0].register_forward_hook(lambda *_: self.spent.update(forward=time.process_time() - started.pop())),
        ]
        patched = [
            (model, "preprocess", self._timed("tokens", model.preprocess)),
            (Reader, "__call__", self._timed("tokens", Reader.__call__)),
            (openvino, "compiled", self._compiled),
        ]
        start = time.process_time()
        try:
            with ExitStack() as stack:
                for where, name, timed in patched:
                    stack.enter_context(patch.object(where, name, timed))
                yield
        finally:
            self.whole += time.process_time() - start
            for hook in hooks:
                hook.remove()

    def __str__(self) -> str:
        parts = {**{name: self.spent[name] for name in PARTS}, "rest": self.whole - self.spent.total()}
        return f"{self.whole:8.1f} s = " + " + ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())

    def _timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            if name in self.running:  # a reader that asks the library
                return work(*args, **options)
            start = time.process_time()
            self.running.add(name)
            try:
                return work(*args, **options)
            finally:
                self.running.remove(name)
                self.spent[name] += time.process_time() - start

        return timed

    def _compiled(self, model: Any, bits: openvino.Bits) -> openvino.Network:
        return self._timed("compiled", self._timed("compiling", COMPILED)(model, bits))


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--queries", default=800, show_default=True)
@click.option("--passages", default=6000, show_default=True)
@click.option("--width", default=256, show_default=True, help="Hidden size of the cross-encoder.")
@click.option("--rounds", default=1, show_default=True, help="Each is a whole comparison; the best time of each line counts.")
@click.option("--model", type=click.Path(path_type=Path), help="Where the trained cross-encoder is kept, or is found.")
@click.option("--dense-only", is_flag=True, help="Beside hn_mine's recipe alone: no cross-encoder, a minute.")
def main(folder: Path, queries: int, passages: int, width: int, rounds: int, model: Path | None, dense_only: bool) -> None:
    """Print the table."""
    logging.disable(logging.WARNING)
    corpus, asked = _data(folder, queries, passages)
    dense = load_encoder(folder / "models/base")
    mining = replace(
        load_section(PARAMS, "mine", MineParams), bm25_top=0, dense_top=DEPTH, num_negatives=NEGATIVES, structural=False
    )
    mining = replace(mining, max_uses=len(asked), skip_top=0, sampling_strategy="top")
    if dense_only:
        _recipe(dense, corpus, asked, mining)
        return
    with tempfile.TemporaryDirectory() as scratch:
        cross = _cross_encoder(folder, width, model or Path(scratch) / "cross", asked)
    print(f"{len(asked)} queries, {len(corpus)} passages, {DEPTH} candidates, a cross-encoder of {_size(cross)} parameters")
    best: dict[str, Clock] = {}
    for _ in range(rounds):
        for name, clock in _compare(dense, cross, corpus, asked, mining).items():
            best[name] = min((clock, best.get(name, clock)), key=lambda c: c.whole)
    floor = best["the same pairs, in order of length"].spent["forward"]
    theirs = best["sentence-transformers"].whole
    for name, clock in best.items():
        print(f"{name:36} {clock}; {clock.whole / floor:.2f} x the least, {theirs / clock.whole:.2f} x as fast as theirs")
    _recipe(dense, corpus, asked, mining)


def _compare(dense: Any, cross: Any, corpus: list[Passage], asked: list[Query], mining: MineParams) -> dict[str, Clock]:
    """Every way once; the chosen negatives are compared on the way."""
    clocks: dict[str, Clock] = {}
    retrieval = load_section(PARAMS, "retrieval", RetrievalParams)

    def ours(store: Store, passages: list[Passage], settings: MineParams, bits: openvino.Bits | None = None) -> Mined:
        exact = Reranker(cross, store).scores
        cheap = Reranker(cross, store, compiled_to=bits).scores if bits else None
        found = search_all(asked, passages, dense, settings, retrieval, store)
        return mine(asked, found, Corpus(passages, frozenset()), {}, settings, Advice(exact, without=WITHOUT, cheap=cheap))

    def timed(name: str, work: Callable[[], Any]) -> Any:
        clocks[name] = Clock()
        with clocks[name].on(cross):
            made = work()
        print(f"{name:36} {clocks[name]}", flush=True)
        return made

    with tempfile.TemporaryDirectory() as place:
        with open_store(Path(place) / "exact.sqlite") as store:
            exact = timed("ours, fp32", lambda: ours(store, corpus, mining))
            even = _chosen(ours(store, corpus, replace(mining, sampling_strategy="spread")))
        pairs = _pairs(exact, corpus)
        for bits in BITS:
            with open_store(Path(place) / f"{bits}.sqlite") as store:
                cheap = timed(f"ours, {bits} first", lambda store=store, bits=bits: ours(store, corpus, mining, bits))
                made = store.tally["scores"].computed
                evenly = _chosen(ours(store, corpus, replace(mining, sampling_strategy="spread"), bits))
                more = store.tally["scores"].computed - made
            print(f"{bits}: of {len(pairs)} pairs {made - len(pairs)} scored exactly too; ", end="")
            print(f"chosen as by fp32 alone: {_shared(_chosen(exact), _chosen(cheap)):.4f}; ", end="")
            print(f"for an even choice {more} more, chosen {_shared(even, evenly):.4f}", flush=True)
        timed("the same pairs, in order of length", lambda: _bare(cross, pairs))
        theirs = timed("sentence-transformers", lambda: _theirs(dense, cross, corpus, asked))
        print(f"chosen as by sentence-transformers: fp32 {_shared(_chosen(exact), theirs):.4f}, {bits} first ", end="")
        print(f"{_shared(_chosen(cheap), theirs):.4f}")
        again = [*corpus, replace(corpus[0], id="NEW", text=f"{corpus[0].text} 새로 정한 항", twins=())]
        for what, passages, settings in (
            ("one new passage", again, mining),
            ("another margin, fewer negatives", again, replace(mining, margin=0.9, num_negatives=5)),
        ):
            with open_store(Path(place) / "exact.sqlite") as store:
                start = time.process_time()
                ours(store, passages, settings)
                made = {name: tally.computed for name, tally in store.tally.items()}
                print(f"again with {what}: {time.process_time() - start:.1f} s, made {made}")
    return clocks


def _theirs(dense: Any, cross: Any, corpus: list[Passage], asked: list[Query]) -> dict[str, set[str]]:
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    text_of = {p.id: p.text for p in corpus}
    data = Dataset.from_dict({"query": [q.text for q in asked], "answer": [text_of[q.positives[0]] for q in asked]})
    found = mine_hard_negatives(
        data,
        dense,
        corpus=[p.text for p in corpus],
        cross_encoder=cross,
        range_max=DEPTH,
        relative_margin=0.05,
        num_negatives=NEGATIVES,
        sampling_strategy="top",
        batch_size=32,
        output_format="triplet",
        verbose=False,
    )
    chosen: dict[str, set[str]] = {}
    for row in found:
        chosen.setdefault(row["query"], set()).add(row["negative"])
    return chosen


def _bare(cross: Any, pairs: list[tuple[str, str]]) -> None:
    """Nothing but tokens and forward passes, 32 pairs of like length at a time."""
    import torch

    lengths = [len(ids) for ids in cross.tokenizer([a for a, _ in pairs], [b for _, b in pairs], truncation=True)["input_ids"]]
    order = sorted(range(len(pairs)), key=lambda place: lengths[place])
    cross.eval()
    with torch.inference_mode():
        for start in range(0, len(order), 32):
            cross(cross.preprocess([pairs[place] for place in order[start : start + 32]]))


def _recipe(dense: Any, corpus: list[Passage], asked: list[Query], mining: MineParams) -> None:
    """hn_mine and ours: dense only, 15 negatives from ranks 10 to 210."""
    import faiss

    def theirs() -> None:
        texts = list({p.text for p in corpus})
        passages = dense.encode_document(texts, batch_size=256, normalize_embeddings=True, show_progress_bar=False)
        queries = dense.encode_query([q.text for q in asked], batch_size=256, normalize_embeddings=True, show_progress_bar=False)
        index = faiss.IndexFlatIP(passages.shape[1])
        index.add(passages)
        found: list[list[int]] = []
        for start in range(0, len(queries), 64):
            found.extend(index.search(queries[start : start + 64], 210)[1].tolist())
        own = {p.id: p.text for p in corpus}
        for query, rows in zip(asked, found, strict=True):
            kept = [texts[row] for row in rows[10:210] if row >= 0 and texts[row] != own[query.positives[0]]]
            random.sample(kept, 15)

    settings = replace(mining, dense_top=210, skip_top=10, num_negatives=15, sampling_strategy="sampled")
    retrieval = load_section(PARAMS, "retrieval", RetrievalParams)

    def ours(path: Path) -> None:
        with open_store(path) as store:
            mine(
                asked,
                search_all(asked, corpus, dense, settings, retrieval, store),
                Corpus(corpus, frozenset()),
                {},
                settings,
                Advice(without=WITHOUT),
            )

    times: dict[str, list[float]] = {"hn_mine's recipe": [], "ours, empty store": [], "ours, again": []}
    for _ in range(3):
        with tempfile.TemporaryDirectory() as place:
            for name, work in zip(times, (theirs, lambda: ours(Path(place) / "r"), lambda: ours(Path(place) / "r")), strict=True):
                start = time.process_time()
                work()
                times[name].append(time.process_time() - start)
    for name, seconds in times.items():
        print(f"dense only: {name:20} {min(seconds):6.2f} s")


def _data(folder: Path, queries: int, passages: int) -> tuple[list[Passage], list[Query]]:
    pairs = list(read_records(folder / "data/processed/pairs_train.jsonl", Pair))
    every = list(read_records(folder / "data/processed/merged_corpus.jsonl", Passage))
    chosen = [pair for pair in pairs if pair.meta.type == "precedent"][:: max(1, len(pairs) // (2 * queries))][:queries]
    needed = {pair.positive_passages[0] for pair in chosen}
    texts: dict[str, Passage] = {}
    for passage in sorted(every, key=lambda p: p.id not in needed):
        texts.setdefault(passage.text, passage)
    corpus = list(texts.values())[:passages]
    known = {passage.id for passage in corpus}
    by_text = {pair.query_text: pair for pair in chosen if pair.positive_passages[0] in known}
    asked = [Query(p.query_id, p.query_text, p.positive_passages[:1], (), frozenset(), "pair") for p in by_text.values()]
    return corpus, asked


def _cross_encoder(folder: Path, width: int, kept: Path, asked: list[Query]) -> Any:
    """The one that is kept there, or a new one, trained on what is not asked, and kept."""
    from sentence_transformers import CrossEncoder

    if not kept.is_dir():
        used = {query.text for query in asked}
        pairs = [p for p in read_records(folder / "data/processed/pairs_train.jsonl", Pair) if p.meta.type == "precedent"]
        texts = {p.id: p.text for p in read_records(folder / "data/processed/merged_corpus.jsonl", Passage)}
        train_cross_encoder(folder, width, kept, [pair for pair in pairs if pair.query_text not in used], texts)
    return CrossEncoder(str(kept), device="cpu")


def _pairs(mined: Mined, corpus: list[Passage]) -> list[tuple[str, str]]:
    order = sorted(corpus, key=lambda p: p.id)
    rows = np.flatnonzero(~np.isnan(mined.candidates.score))
    return [(mined.queries[mined.candidates.query[r]].text, order[mined.candidates.passage[r]].text) for r in rows]


def _chosen(mined: Mined) -> dict[str, set[str]]:
    return {example.query: set(example.neg) for example in mined.examples}


def _shared(one: dict[str, set[str]], other: dict[str, set[str]]) -> float:
    return sum(len(one[q] & other.get(q, set())) for q in one) / max(1, sum(map(len, one.values())))


def _size(model: Any) -> str:
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} million"


if __name__ == "__main__":
    main()
