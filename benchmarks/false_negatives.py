"""How often is a right answer mined as a negative, and which filter prevents it?

    python benchmarks/false_negatives.py FOLDER [--encoder models/base] [--split pairs_train_valid] [--reranker CROSS] [--anew]

Of every query that cites two articles or more, one article is hidden from its positives, drawn by a hash; then it is
counted how often a passage of that article is mined as a negative. `cited` leaves it among the articles that the decision cites
anywhere, as where another section cites it; `uncited` hides it there too, as where the court's list is incomplete, and from
what is known of this decision where decisions are counted (a tenth of the queries at a time, so that the other decisions are
known whole; the cap on reuse counts within a tenth). A reranker scores in sixteen bits (extra `openvino`).
FOLDER holds what the pipeline built: data/processed, data/testset, data/mined, models/base.
With `--anew` it is counted instead what a training mines anew with that encoder (`train.refresh_every`), for several
`train.refresh_skip`, uncited: the other rows of the training, data/mined/train.jsonl, say what is cited beside an answer.
"""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from sentence_transformers import SentenceTransformer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from haechi.corpus.duplicates import with_duplicates
from haechi.inference.cached_reranker import Reranker
from haechi.mining.cocitation import count_cocitations
from haechi.mining.filters import KNOWLEDGE, SCORES
from haechi.mining.mine import Advice, Mined, mine
from haechi.mining.params import MineParams
from haechi.mining.relevance import Corpus, Query
from haechi.mining.sampling import draw, hashes
from haechi.mining.stage import positives, queries_of, search_all
from haechi.models.load import load_encoder, load_reranker
from haechi.models.token_cache import TokenCache
from haechi.records.mined import MinedExample
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import open_store
from haechi.runtime.files import read_json, read_records
from haechi.runtime.params import load_section
from haechi.training.examples import make_rows
from haechi.training.params import TrainParams
from haechi.training.refresh import excluded_negatives, refreshed

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
PARTS = 10
FILTERS = [name for name in (*KNOWLEDGE, *SCORES) if name not in ("positive", "unseen")]
CHOICES = ({"cited_together": 0, "skip_top": 0}, {"cited_together": 2}, {"cited_together": 3}, {"skip_top": 3}, {"skip_top": 10})
CHOICES += (
    {"sampling_strategy": "sampled"},
    {"sampling_strategy": "top"},
    {"sampling_strategy": "top", "skip_top": 10},
    {"sampling_strategy": "top", "skip_top": 15},
)
CHOICES += ({"sampling_strategy": "top", "margin": 0.8}, {"margin": 0.8}, {"num_negatives": 2})
SKIPS = (0, 1, 2, 3, 5, 10)


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--encoder", type=click.Path(path_type=Path), help="Who finds and scores candidates; the folder's models/base if not given."
)
@click.option(
    "--split", default="pairs_train", show_default=True, help="pairs_train_valid for an encoder trained on pairs_train."
)
@click.option(
    "--reranker", type=click.Path(path_type=Path), help="A cross-encoder that scores candidates in the encoder's place."
)
@click.option("--anew", is_flag=True, help="What a training mines anew, in place of what the mine stage mines.")
@click.option("--seed", default=7, show_default=True)
def main(folder: Path, encoder: Path | None, split: str, reranker: Path | None, anew: bool, seed: int) -> None:
    """Hide, mine with and without each filter, and print the rates."""
    logging.disable(logging.WARNING)
    params = load_section(PARAMS, "mine", MineParams)
    corpus = list(read_records(folder / "data/processed/merged_corpus.jsonl", Passage))
    given = list(read_records(folder / f"data/processed/{split}.jsonl", Pair))
    queries = queries_of(given)
    manifest = read_json(folder / "data/testset/manifest.json")
    reserved = with_duplicates(frozenset(manifest["reserved_articles"]) | frozenset(manifest["held_out_documents"]), corpus)
    pairs = [*read_records(folder / "data/processed/pairs_train.jsonl", Pair), *given]
    known = Corpus(corpus, reserved)
    hidden = {query.id: key for query in queries if (key := _one_of(query, known, seed))}
    asked = [query for query in queries if query.id in hidden]
    model = load_encoder(encoder or folder / "models/base")
    parts = [asked[part::PARTS] for part in range(PARTS)]
    whole = [_knowing(known, _decisions(pairs, {}))] * PARTS
    less = [_knowing(known, _decisions(pairs, {query.id: hidden[query.id] for query in part})) for part in parts]
    with open_store() as store:
        scorer = Reranker(load_reranker(str(reranker), 512), store, compiled_to="bf16").scores if reranker else None
        searched = search_all(asked, corpus, model, params, load_section(PARAMS, "retrieval", RetrievalParams), store)
        near = known.near_duplicates(positives(known, asked, params), params.near_duplicate)
        print(f"{len(asked)} queries with an article hidden; encoder {encoder or 'models/base'}, reranker {reranker}", flush=True)

        def mined_parts(cited: bool, without: Sequence[str] = (), **changes: object) -> Iterator[Mined]:
            for number, (part, knowing) in enumerate(zip(parts, whole if cited else less, strict=True)):
                left = [_without(query, hidden[query.id], known, cited) for query in part]
                found = replace(searched, query_vectors=searched.query_vectors[number::PARTS])
                yield mine(left, found, knowing, near, replace(params, **changes), Advice(scorer, without=frozenset(without)))

        def rate(cited: bool, without: Sequence[str], **changes: object) -> str:
            wrong = negatives = 0
            for mined in mined_parts(cited, without, **changes):
                wrong += _mined_wrongly(mined, hidden, known)
                negatives += sum(len(example.neg) for example in mined.examples)
            return f"{wrong / len(asked):.2%} ({wrong}; {negatives / len(asked):.2f} negatives)"

        if anew:
            rows = list(read_records(folder / "data/mined/train.jsonl", MinedExample))
            wrong = [_anew(mined.examples, rows, hidden, known, model) for mined in mined_parts(cited=False)]
            print("train.refresh_skip\tuncited")
            for skip, numbers in zip(SKIPS, zip(*wrong, strict=True), strict=True):
                print(f"{skip}\t{sum(numbers) / len(asked):.2%} ({sum(numbers)})")
            return
        print("filters\tcited\tuncited")
        for name, without in [
            ("all", []),
            *((f"without {f}", [f]) for f in FILTERS),
            *((f"only {f}", [g for g in FILTERS if g != f]) for f in FILTERS),
            ("none", FILTERS),
        ]:
            print(f"{name}\t{rate(True, without)}\t{rate(False, without)}", flush=True)
        for changes in CHOICES:
            print(f"all, {changes or 'as it is'}\t{rate(True, [], **changes)}\t{rate(False, [], **changes)}", flush=True)


def _one_of(query: Query, corpus: Corpus, seed: int) -> str:
    """The gold article that is hidden; none where there is only one."""
    keys = sorted({corpus.passages[corpus.number[id]].article_key for id in query.positives})
    place = int(draw(seed, hashes([query.id]), hashes(["hidden"]))[0] * len(keys))
    return keys[place] if len(keys) > 1 else ""


def _knowing(corpus: Corpus, decisions: Iterable[Iterable[str]]) -> Corpus:
    """The corpus with these decisions."""
    made = copy(corpus)
    made.cocitations = count_cocitations(decisions, corpus.article_number)
    return made


def _decisions(pairs: Sequence[Pair], hidden: Mapping[str, str]) -> list[set[str]]:
    """What each decision cites, less all that is hidden from any of its queries."""
    found: dict[str, set[str]] = {}
    for pair in pairs:
        found.setdefault(pair.meta.source_id, set()).update(pair.meta.cocited)
    for pair in pairs:
        found[pair.meta.source_id].discard(hidden.get(pair.query_id, ""))
    return list(found.values())


def _without(query: Query, key: str, corpus: Corpus, cited: bool) -> Query:
    left = tuple(id for id in query.positives if corpus.passages[corpus.number[id]].article_key != key)
    return replace(query, positives=left, related_keys=query.related_keys | {key} if cited else query.related_keys - {key})


def _mined_wrongly(mined: Mined, hidden: dict[str, str], corpus: Corpus) -> int:
    """Queries that have a passage of their hidden article among their negatives."""
    return sum(
        any(corpus.passages[corpus.number[id]].article_key == hidden[example.query_id] for id in example.neg_ids)
        for example in mined.examples
    )


def _anew(
    mined: Sequence[MinedExample],
    others: Iterable[MinedExample],
    hidden: Mapping[str, str],
    corpus: Corpus,
    model: SentenceTransformer,
) -> list[int]:
    """Queries that get a passage of their hidden article, for each skip, where training mines anew."""
    ids = {example.query_id for example in mined}
    examples = [*mined, *(example for example in others if example.query_id not in ids)]
    most = load_section(PARAMS, "train", TrainParams).negatives
    rows = make_rows(examples, most + max(SKIPS))  # the nearest come in order, so one search answers for every skip
    names = [example.query_id for example in mined for _ in example.pos_ids]
    rows = replace(rows, hard=np.arange(len(rows)) < len(names))
    keys: dict[int, set[str]] = {}
    for example in examples:
        for id in (*example.pos_ids, *example.neg_ids):
            keys.setdefault(rows.numbers[id], set()).add(corpus.passages[corpus.number[id]].article_key)
    nearest = refreshed(model, rows, excluded_negatives(rows), 0, TokenCache()).documents[: len(names), 1:].tolist()
    right = [[hidden[name] in keys.get(n, ()) for n in numbers] for name, numbers in zip(names, nearest, strict=True)]
    return [len({name for name, is_it in zip(names, right, strict=True) if any(is_it[s : s + most])}) for s in SKIPS]


if __name__ == "__main__":
    main()
